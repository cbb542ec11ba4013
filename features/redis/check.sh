#!/bin/sh
# A Redis whose disk is full or gone still answers PING; what it says of its last write tells. The
# kernel takes connections for one that hangs, so a word from it is waited for.
set -eu
# shellcheck source=../lib/phoenix.sh
. "$PHOENIX_LIB/phoenix.sh"

check_unit redis-server.service
ask() {
    {
        # On stdin, because arguments can be read by everybody.
        if password=$(secret redis_password); then
            printf 'AUTH %s\n' "$(sed 's/[\\"]/\\&/g; s/.*/"&"/' "$password")"
        fi
        printf '%s\n' "$1"
    } | timeout 4 redis-cli 2>&1
}
answer=$(ask PING) || broken "redis does not answer within 4 s"
case $answer in
    *WRONGPASS*) broken "redis refuses the password that it should have: install the feature again" ;;
    *NOAUTH*) exit 0 ;; # it lives, and no password was given to look closer
    *PONG*) ;;
    *) broken "redis answers: $(printf '%s\n' "$answer" | tail -n 1)" ;;
esac
answer=$(ask 'INFO persistence')
case $answer in
    *loading:1*) broken "redis is still loading its data" ;;
    *aof_last_write_status:err* | *rdb_last_bgsave_status:err*)
        broken "redis cannot write its data: look at the disk under /var/lib/redis"
        ;;
esac
# It goes on without its directory, and loses everything at the next start.
[ -d /var/lib/redis ] || broken "the data directory /var/lib/redis is gone"
