# shellcheck shell=sh disable=SC2015,SC2154
# How the job in this guest is. Every script of ours about it begins with this, and holds the lock.
set -u
umask 077
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8
run=/run/phoenix
d=$run/job
mkdir -p "$run" && chmod 700 "$run" && exec 9>>"$run/lock" && flock 9 || exit 1

# Sets `began` to when a process began, which with its number tells it from every other one; fails
# where it has ended.
began() {
	line=
	read -r line 2>/dev/null <"/proc/$1/stat" || return 1
	# Its name comes before, in brackets, and may hold anything.
	# shellcheck disable=SC2086
	set -- ${line##*) }
	[ "$1" != Z ] || return 1
	began=${20}
}

# Sets `said` to how the job is for who wants the one of the digest $want.
state() {
	said=free has='' pid='' since='' group=''
	read -r has 2>/dev/null <"$d/digest" || return 0
	read -r pid since group 2>/dev/null <"$d/pid" || return 0
	if [ -e "$d/code" ]; then
		[ "$has" != "$want" ] || said=ended
	elif began "$pid" && [ "$began" = "$since" ]; then
		if [ "$has" = "$want" ]; then said=runs; else said=busy; fi
	fi
}

say() {
	read -r boot </proc/sys/kernel/random/boot_id
	echo "$said $boot $pid $since $group"
}

# Puts the job aside, where whoever follows it finds for a moment how it ended: each in a place of its
# own, as the next one may end sooner than anybody looks.
put_aside() {
	last=$run/last.$pid.$since
	mv "$d" "$last" || return 0
	# shellcheck disable=SC2016
	setsid /bin/sh -c 'sleep 30; rm -rf "$1"' sh "$last" 9>&- </dev/null >/dev/null 2>&1 &
}
