# shellcheck shell=sh disable=SC2015,SC2154
# Ends the job whose digest and process are told, with all that it has started, and forgets it.
read -r want process || exit 1
state
[ "$has" = "$want" ] && [ "$pid $since $group" = "$process" ] || exit 0
if [ "$said" = runs ]; then
	unit=
	read -r unit 2>/dev/null <"$d/unit" &&
		systemctl kill --kill-who=all --signal=KILL "$unit" >/dev/null 2>&1
	kill -KILL "-$group" 2>/dev/null
fi
put_aside
