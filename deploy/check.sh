#!/bin/sh
# What packages do to a Debian that runs, from being installed to being purged. As root in one that may be lost;
# fresh.sh boots it, with the packages in /mnt/debs and without a network. Whoever installs them reads
# docs/install.md, so it is that page's own commands that are typed here, all of them.
set -eu

export PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8
# Nobody is there to say yes, and nothing can be fetched.
export APT_CONFIG=/tmp/apt.conf
packages="phoenix phoenix-worker phoenix-health-monitor phoenix-serve"
units="phoenix-worker phoenix-health-monitor phoenix-serve"

fail() {
    echo "check.sh: $*" >&2
    journalctl --no-pager --lines=60 >&2 || true
    exit 1
}

# The commands of a text. The quotes are those of Markdown.
# shellcheck disable=SC2016
consoles() {
    sed -n '/^```console$/,/^```$/s/^# //p'
}

# The commands of a part of the page, or those of them that start with these words.
commands() {
    sed -n "/^## $1\$/,/^## /p" /mnt/docs/install.md | consoles | grep "^${2-}"
}

typed() {
    commands "$@" > /tmp/typed || fail "the page has nothing like it below $1: ${2-any command}"
    cat /tmp/typed >> /tmp/all-typed
    sh -eux /tmp/typed
}

# Every file there is but what dpkg, apt and systemd keep of their own, and the list of users before the last change.
files() {
    find / -xdev \( -path /mnt -o -path /proc -o -path /tmp -o -path /var/tmp -o -path /var/lib/dpkg -o -path /var/lib/apt \
        -o -path /var/log -o -path /var/cache -o -path /var/lib/systemd -o -path "/etc/*-" -o -path /etc/.pwd.lock \) -prune \
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

monitor_is_there() {
    journalctl --no-pager --unit=phoenix-health-monitor | grep -q "the health monitor is there"
}

files > /tmp/before
printf '%s "%s";\n' APT::Get::Assume-Yes true APT::Install-Recommends false APT::Sandbox::User root > "$APT_CONFIG"

echo "== installed: the files, the user, the units; nothing is enabled, nothing started"
cd /mnt/debs
typed Install
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

echo "== configured: the example is checked, who runs as phoenix can read its file, a secret is decrypted"
mkdir /tmp/configured
cd /tmp/configured
echo "somebody's" > serve.creds
# `systemctl edit` wants a terminal, and an editor. Above the drop-in stands the command, below it the end.
cat > /tmp/editor << 'EDITOR'
#!/bin/sh
sed -n '/^# systemctl edit /,/^```$/p' /mnt/docs/install.md | sed '1d;$d' > "$1"
EDITOR
chmod +x /tmp/editor
typed Configure cp
typed Configure "phoenix check"
typed Configure sed
typed Configure install
echo "of somebody" | typed Configure systemd-creds
export SYSTEMD_EDITOR=/tmp/editor
commands Configure "systemctl edit" | tee -a /tmp/all-typed > /tmp/edit
script --quiet --return --command "sh -eux /tmp/edit" /dev/null
[ "$(stat --format "%U:%G %a" /etc/phoenix/serve.creds)" = "root:phoenix 640" ] || fail "anybody can read serve.creds"

echo "== started: all of them work, and each may do what its unit says"
cat > /tmp/nats.conf << 'CONF'
host: 127.0.0.1
port: 4222
http: 127.0.0.1:8222
jetstream { store_dir: "/var/tmp/nats", sync_interval: always }
CONF
systemd-run --quiet --unit=nats-server /mnt/nats-server --config /tmp/nats.conf
await "NATS" bash -c 'exec 3<> /dev/tcp/127.0.0.1/4222' 2> /dev/null
cat >> /etc/phoenix/worker.env << 'ENV'
PHOENIX_HOST=simulated
PHOENIX_NODE=pve1
PHOENIX_WORKER_OPTIONS=--sim-dir /var/tmp/sim
ENV
# Each that is `Type=notify` is started once it says so itself.
typed Start || fail "not all of it starts"
# One that finds no streams ends and is started anew, until the worker has made them.
await "the monitor" monitor_is_there
for unit in $units; do
    [ "$(of "$unit" ActiveState)" = active ] || fail "$unit does not run"
done
typed "What each may do" > /dev/null
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
secret=/run/credentials/phoenix-worker.service/phoenix~prod~redis
[ "$(cat "$secret")" = "of somebody" ] || fail "the secret of the drop-in is not there"

echo "== upgraded with a step in hand: the worker goes on, the others are new, settings stay"
# The next version differs by its number alone.
mkdir /var/tmp/next
for deb in /mnt/debs/*.deb; do
    dpkg-deb --raw-extract "$deb" /var/tmp/raw
    sed -i "s/^Version: .*/&+next/" /var/tmp/raw/DEBIAN/control
    dpkg-deb --build -Znone --root-owner-group /var/tmp/raw "/var/tmp/next/${deb##*/}" > /dev/null
    rm -r /var/tmp/raw
done
cd /var/tmp/next
phoenix submit --detach 950
await "a step" is_at_a_step "$worker"
serve=$(of phoenix-serve MainPID)
typed Upgrade "apt install" > /tmp/said 2>&1 || fail "$(cat /tmp/said)"
for package in $packages; do
    dpkg-query --showformat '${Version}' --show "$package" | grep -q "+next$" || fail "$package is not the new one"
done
[ "$(of phoenix-worker MainPID)" = "$worker" ] || fail "an upgrade ended the worker"
grep -q "systemctl try-restart phoenix-worker" /tmp/said || fail "nobody was told how the worker is restarted"
[ "$(of phoenix-serve MainPID)" != "$serve" ] || fail "the page stays at the old version"
grep -q "PHOENIX_NODE=pve1" /etc/phoenix/worker.env || fail "a setting was lost"

echo "== restarted with a step in hand: it ends after that step, and the next one goes on"
await "a step" is_at_a_step "$worker"
typed Upgrade "systemctl try-restart"
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
typed Remove "apt remove"
for unit in $units; do
    [ "$(of "$unit" ActiveState)" = inactive ] || fail "$unit was not stopped"
done
[ -d /var/lib/phoenix/epoch ] || fail "the notes were lost by removing, not by purging"
grep -q "PHOENIX_NODE=pve1" /etc/phoenix/worker.env || fail "a setting was lost"

echo "== purged: what is ours is gone, what is not is there"
typed Remove "apt purge"
[ -e "$guest" ] || fail "a guest was lost"
own="inventory.json phoenix_hypervisor_config.json phoenix_lxc_configs.json phoenix_vm_configs.json redis.cred serve.creds"
# shellcheck disable=SC2086
[ "$(ls /etc/phoenix)" = "$(printf '%s\n' $own)" ] || fail "not all, or more than what is not ours: $(ls /etc/phoenix)"
rm -r /etc/phoenix /var/lib/phoenix/lxc /etc/systemd/system/phoenix-worker.service.d
rmdir /var/lib/phoenix || fail "this was left: $(ls -A /var/lib/phoenix)"
files > /tmp/after
diff /tmp/before /tmp/after || fail "the packages have left the files marked > or taken those marked <"

echo "== once more, with nothing of anybody else's: no folder is left"
dpkg -i /mnt/debs/*.deb > /dev/null
# shellcheck disable=SC2086
dpkg --purge $packages > /dev/null
files > /tmp/after
diff /tmp/before /tmp/after || fail "the packages have left the files marked >"

consoles < /mnt/docs/install.md | sort > /tmp/commands
sort /tmp/all-typed | diff /tmp/commands - || fail "the commands marked < are on the page and were not typed"
echo "packages: nothing is left of them"
