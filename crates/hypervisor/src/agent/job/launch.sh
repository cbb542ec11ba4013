# shellcheck shell=sh disable=SC2015,SC2154
# Starts the job that is told as an archive, unless it is there already or another one runs.
memory=
while read -r _ place kind _; do
	# The last one there covers the others.
	[ "$place" != /run ] || memory=$kind
done </proc/mounts
[ "$memory" = tmpfs ] || {
	echo "/run is no tmpfs in this guest, and what a job reads may be secret"
	exit 1
}
next=$run/next.$$
rm -rf "$run"/next.*
mkdir "$next" && tar -xf - -C "$next" && read -r want <"$next/digest" || {
	rm -rf "$next"
	exit 1
}
state
if [ "$said" != free ]; then
	rm -rf "$next"
	say
	exit 0
fi
# Of one that was killed from without, some may be at work still.
unit=
[ -z "$has" ] || [ -e "$d/code" ] || ! read -r unit 2>/dev/null <"$d/unit" ||
	systemctl kill --kill-who=all --signal=KILL "$unit" >/dev/null 2>&1
[ -z "$pid" ] || put_aside
rm -rf "$d"
mv "$next" "$d" || exit 1

# The job is not to hold the lock, nor what the agent listens to, nor to die with the agent.
begin() {
	setsid "$@" /bin/sh "$d/supervise" 9>&- </dev/null >>"$d/log" 2>&1 &
	n=0
	until [ -e "$d/pid" ]; do
		n=$((n + 1))
		[ "$n" -lt 100 ] || return 1
		sleep 0.1
	done
}

unit=phoenix-job-$$-${want%"${want#????????}"}
if [ -d /run/systemd/system ] && command -v systemd-run >/dev/null; then
	echo "$unit.scope" >"$d/unit"
	begin systemd-run --scope --quiet --collect --unit="$unit" || {
		rm -f "$d/unit"
		begin
	}
else
	begin
fi || {
	cat "$d/log"
	exit 1
}
state
# One that has ended so soon has.
[ "$said" != free ] || said=runs
say
