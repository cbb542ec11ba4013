#!/bin/sh
# Runs the job, and keeps how it ended. Its number is there first, and once.
cd "$(dirname "$0")" || exit 1
line=
read -r line <"/proc/$$/stat"
# shellcheck disable=SC2086
set -- ${line##*) }
echo "$$ ${20} $3" >"pid.$$"
ln "pid.$$" pid 2>/dev/null || {
	rm -f "pid.$$"
	exit 0
}
rm -f "pid.$$"
# What it reads may be secret, and is nobody else's from here on.
exec 7<input
rm -f input
# Whoever asks for this job again, in whatever trace, follows the one that runs.
given=
read -r given 2>/dev/null <trace
[ -z "$given" ] || export TRACEPARENT="$given"
(umask 022 && exec /bin/sh ./script) <&7 7<&-
echo $? >code.new
mv code.new code
