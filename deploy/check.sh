#!/bin/sh
# What packages do to a Debian that runs, from being installed to being purged. As root in one that may be lost;
# fresh.sh boots it, with the packages in /mnt/debs and without a network.
set -eu

export PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8
packages="phoenix phoenix-worker phoenix-health-monitor phoenix-serve"
units="phoenix-worker phoenix-health-monitor phoenix-serve"

fail() {
    echo "check.sh: $*" >&2
    journalctl --no-pager --lines=60 >&2 || true
    exit 1
}

# Every file there is but what dpkg and systemd keep of their own, and the list of users before the last change.
files() {
    find / -xdev \( -path /mnt -o -path /proc -o -path /tmp -o -path /var/tmp -o -path /var/lib/dpkg -o -path /var/log \
        -o -path /var/cache -o -path /var/lib/systemd -o -path "/etc/*-" -o -path /etc/.pwd.lock \) -prune \
        -o -print | sort
}

of() {
    systemctl show --property="$2" --value "$1.service"
}

# Does it until it succeeds: what comes of a start is not there at once.
await() {
    what=$1
    shift
    tries=0
    until "$@"; do
        tries=$((tries + 1))
        [ "$tries" -lt 300 ] || fail "$what did not come"
        sleep 0.1
    done
}

# Each change of a guest is a process that the worker has started.
is_at_a_step() {
    pgrep --parent "$1" > /dev/null
}

page_is_there() {
    bash -c 'exec 3<> /dev/tcp/127.0.0.1/8480 && printf "GET / HTTP/1.0\r\nHost: localhost\r\n\r\n" >&3 \
        && head -n 1 <&3' 2> /dev/null | grep -q " 200 "
}

files > /tmp/before

echo "== installed: the files, the user, the units; nothing is enabled, nothing started"
dpkg -i /mnt/debs/*.deb
getent passwd phoenix > /dev/null || fail "the user phoenix was not made"
for unit in $units; do
    [ "$(of "$unit" UnitFileState)" = disabled ] || fail "$unit is enabled, and nobody has said so"
    [ "$(of "$unit" ActiveState)" = inactive ] || fail "$unit was started by being installed"
done
for package in $packages; do
    dpkg-query --showformat '${Conffiles}\n' --show "$package" | while read -r file _; do
        case $file in "" | /etc/phoenix/*) ;; *) fail "$file is a conffile" ;; esac
    done
    dpkg --verify "$package"
done
for page in phoenix phoenix-submit phoenix-worker phoenix-health-monitor phoenix-serve; do
    gzip --test "/usr/share/man/man1/$page.1.gz" || fail "$page has no page"
done
systemd-analyze verify --man=no /usr/lib/systemd/system/phoenix-*.service

echo "== used: the examples are what they were checked to be, and their features are found"
for example in /usr/share/doc/phoenix/examples/*/; do
    phoenix check --quiet --config "$example"
done
# Those that are a part of the program cannot be installed.
phoenix feature show redis | grep -q /usr/share/phoenix/features/redis || fail "there are no features"
[ -x /usr/share/phoenix/features/redis/install.sh ] || fail "features cannot be run"
phoenix-submit --version

echo "== started: all of them work, and each may do what its unit says"
cat > /tmp/nats.conf << 'CONF'
host: 127.0.0.1
port: 4222
max_payload: 8MB
jetstream { store_dir: "/var/tmp/nats", sync_interval: always }
CONF
systemd-run --quiet --unit=nats-server /mnt/nats-server --config /tmp/nats.conf
await "NATS" bash -c 'exec 3<> /dev/tcp/127.0.0.1/4222' 2> /dev/null
cat >> /etc/phoenix/worker.env << 'ENV'
PHOENIX_HOST=simulated
PHOENIX_NODE=pve1
PHOENIX_WORKER_OPTIONS=--durability always --sim-dir /var/tmp/sim
ENV
# Each that is `Type=notify` is started once it says so itself.
for unit in $units; do
    systemctl start "$unit" || fail "$unit does not start"
done
await "the page" page_is_there
init=$(readlink /proc/1/ns/mnt)
worker=$(of phoenix-worker MainPID)
[ "$(readlink "/proc/$worker/ns/mnt")" = "$init" ] || fail "what the worker mounts would not reach the host"
for unit in phoenix-health-monitor phoenix-serve; do
    pid=$(of "$unit" MainPID)
    [ "$(readlink "/proc/$pid/ns/mnt")" != "$init" ] || fail "$unit sees the files of the host"
    [ "$(ps -o user= -p "$pid")" = phoenix ] || fail "$unit runs as somebody else"
    grep -q "^CapBnd:.0000000000000000$" "/proc/$pid/status" || fail "$unit may do what root may"
done
of phoenix-worker StatusText

echo "== upgraded with a step in hand: the worker goes on, the others are new, settings stay"
cd /usr/share/doc/phoenix/examples/quickstart
phoenix submit --detach 950
await "a step" is_at_a_step "$worker"
serve=$(of phoenix-serve MainPID)
dpkg -i /mnt/debs/*.deb > /tmp/said 2>&1 || fail "$(cat /tmp/said)"
[ "$(of phoenix-worker MainPID)" = "$worker" ] || fail "an upgrade ended the worker"
grep -q "systemctl try-restart phoenix-worker" /tmp/said || fail "nobody was told how the worker is restarted"
[ "$(of phoenix-serve MainPID)" != "$serve" ] || fail "the page stays at the old version"
grep -q "PHOENIX_NODE=pve1" /etc/phoenix/worker.env || fail "a setting was lost"

echo "== restarted with a step in hand: it ends after that step, and the next one goes on"
await "a step" is_at_a_step "$worker"
systemctl restart phoenix-worker
[ "$(of phoenix-worker MainPID)" != "$worker" ] || fail "the worker is the old one"
[ "$(of phoenix-worker Result)" = success ] || fail "the worker ended badly"
phoenix submit 950 --timeout 2m || fail "a guest was lost by the restart"

echo "== killed with a step in hand: that step is not, and the next worker goes on"
phoenix submit --detach 952
worker=$(of phoenix-worker MainPID)
await "a step" is_at_a_step "$worker"
systemctl kill --kill-whom=main --signal=KILL phoenix-worker
phoenix submit 952 --timeout 2m || fail "a guest was lost with its worker"
[ "$(of phoenix-worker NRestarts)" = 1 ] || fail "nobody has started the worker again"
if journalctl --no-pager --identifier=systemd | grep "phoenix-worker.service: Killing process"; then
    fail "a change was killed half-way"
fi

echo "== removed: everything is stopped; guests, settings and notes stay"
guest=/var/lib/phoenix/lxc/guests/950/config
mkdir -p "$(dirname "$guest")"
touch "$guest"
echo '{}' > /etc/phoenix/phoenix_lxc_configs.json
# shellcheck disable=SC2086
dpkg --remove $packages
for unit in $units; do
    [ "$(of "$unit" ActiveState)" = inactive ] || fail "$unit was not stopped"
done
[ -d /var/lib/phoenix/epoch ] || fail "the notes were lost by removing, not by purging"
grep -q "PHOENIX_NODE=pve1" /etc/phoenix/worker.env || fail "a setting was lost"

echo "== purged: what is ours is gone, what is not is there"
# shellcheck disable=SC2086
dpkg --purge $packages
[ -e "$guest" ] || fail "a guest was lost"
[ -e /etc/phoenix/phoenix_lxc_configs.json ] || fail "a configuration was lost"
[ "$(ls /etc/phoenix)" = phoenix_lxc_configs.json ] || fail "more was left than what is not ours: $(ls /etc/phoenix)"
rm -r /etc/phoenix /var/lib/phoenix/lxc
rmdir /var/lib/phoenix || fail "this was left: $(ls -A /var/lib/phoenix)"
files > /tmp/after
diff /tmp/before /tmp/after || fail "the packages have left the files marked > or taken those marked <"

echo "== once more, with nothing of anybody else's: no folder is left"
dpkg -i /mnt/debs/*.deb > /dev/null
# shellcheck disable=SC2086
dpkg --purge $packages > /dev/null
files > /tmp/after
diff /tmp/before /tmp/after || fail "the packages have left the files marked >"
echo "packages: nothing is left of them"
