#!/bin/sh
# Redis of the distribution. Ours is one file that is read last, so that the packaged one stays as it
# came. Without a password it answers this guest only: an open Redis is a way in.
set -eu
# shellcheck source=../lib/phoenix.sh
. "$PHOENIX_LIB/phoenix.sh"

needs_systemd
# shellcheck disable=SC2154 # parameters come from the manifest
{
    matches maxmemory_mb "$parameter_maxmemory_mb" '[0-9]{1,7}'
    one_of maxmemory_policy "$parameter_maxmemory_policy" noeviction allkeys-lru allkeys-lfu \
        allkeys-random volatile-lru volatile-lfu volatile-random volatile-ttl
    printf '%s\n' "$parameter_bind" | while read -r address; do
        matches bind "$address" '\*|-?[0-9a-fA-F.:]+'
    done
}

packages redis-server

data=/var/lib/redis
# A volume of a guest that was built anew brings the files of the user of that time.
if [ -n "$(find "$data" ! -user redis -print -quit)" ]; then
    systemctl stop redis-server.service
    chown -R redis:redis "$data"
    say "gave $data to redis"
fi

# Told to use an append-only file it does not have, Redis begins with nothing, whatever its dump
# holds; and one that was left from before it was switched off is older than the dump. So the file
# is made from the dump first.
was_off() { grep -qxF 'appendonly no' /etc/redis/phoenix.conf 2>/dev/null; }
has_log() { [ -e "$data/appendonly.aof" ] || [ -n "$(find "$data/appendonlydir" -name '*.manifest' 2>/dev/null)" ]; }
local_redis() { redis-cli -s "$data/phoenix.sock" "$@" 2>/dev/null; }
is_loaded() { [ "$(local_redis ping)" = PONG ]; }
is_logged() {
    state=$(local_redis info persistence)
    case $state in *aof_rewrite_in_progress:1* | *aof_rewrite_scheduled:1*) return 1 ;; esac
    case $state in *aof_enabled:1*) has_log ;; *) return 1 ;; esac
}
# shellcheck disable=SC2154
if [ "$parameter_appendonly" = true ] && { was_off || ! has_log; }; then
    systemctl stop redis-server.service
    for left in appendonly.aof appendonlydir; do
        [ -e "$data/$left" ] || continue
        rm -rf "$data/$left.before"
        mv "$data/$left" "$data/$left.before"
    done
    if [ -s "$data/dump.rdb" ]; then
        (cd / && runuser -u redis -- redis-server --port 0 --unixsocket "$data/phoenix.sock" \
            --dir "$data" --daemonize yes >/dev/null)
        until_true 300 is_loaded || again "the dump in $data is not loaded after 5 minutes"
        local_redis config set appendonly yes >/dev/null
        until_true 300 is_logged || again "the dump in $data did not become an append-only file"
        local_redis shutdown || :
        say "made an append-only file of the dump"
    fi
fi

if password=$(secret redis_password); then
    # `*` means every address, and not to fail where there is no IPv6.
    # shellcheck disable=SC2154
    bind=$(printf '%s\n' "$parameter_bind" | sed 's/^\*$/0.0.0.0 -::/' | tr '\n' ' ')
    # Redis takes the digest of a password as well, so that the file cannot give it away.
    digest=$(tr -d '\n' <"$password" | sha256sum)
    access="user default on #${digest%% *} ~* &* +@all"
else
    bind='127.0.0.1 -::1 '
    access='# No password was given, so it answers this guest only.'
fi
case $(redis-server --version) in
    *v=6.0.*) # knows neither addresses that may be missing, nor the right to channels
        bind=$(printf '%s\n' "$bind" | sed 's/-:[^ ]*//g')
        access=$(printf '%s\n' "$access" | sed 's/ &\*//')
        ;;
esac

changes_are_for redis-server.service
# shellcheck disable=SC2154
put_file /etc/redis/phoenix.conf 640 root:redis <<END
# Written by Phoenix, from the parameters of the feature redis.
bind ${bind% }
protected-mode yes
$access
appendonly $(if [ "$parameter_appendonly" = true ]; then echo yes; else echo no; fi)
maxmemory ${parameter_maxmemory_mb}mb
maxmemory-policy $parameter_maxmemory_policy
END
{
    grep -vxF 'include /etc/redis/phoenix.conf' /etc/redis/redis.conf
    echo 'include /etc/redis/phoenix.conf'
} | put_file /etc/redis/redis.conf 640 redis:redis

unit_on redis-server.service
unit_answers redis-server.service 20 timeout 4 redis-cli ping
