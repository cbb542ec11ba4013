#!/bin/sh
# Boots a fresh Debian in memory and runs check.sh in it: fresh.sh ARCHIVE DEBS NATS_SERVER. As root.
#
# All of it is in namespaces of its own: there is no network, and processes and mounts end with the first one in
# there, whatever becomes of it.
set -eu

boot() {
    root=/mnt
    mount -t tmpfs -o mode=0755 root "$root"
    tar -xpf "$1" -C "$root"
    mount -t proc proc "$root/proc"
    mount -t sysfs -o ro sysfs "$root/sys"
    mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup"
    mount -t tmpfs -o mode=0755 run "$root/run"
    mount -t tmpfs -o mode=0755 dev "$root/dev"
    for device in null zero full random urandom tty; do
        touch "$root/dev/$device"
        mount --bind "/dev/$device" "$root/dev/$device"
    done
    mkdir "$root/dev/shm" "$root/dev/pts"
    mount -t devpts -o newinstance devpts "$root/dev/pts"
    ln -s pts/ptmx "$root/dev/ptmx"
    mkdir -p "$root/mnt/debs" "$root/mnt/deploy" "$root/mnt/docs"
    mount --bind "$2" "$root/mnt/debs"
    mount --bind "$(dirname "$0")" "$root/mnt/deploy"
    mount --bind "$(dirname "$0")/../docs" "$root/mnt/docs"
    cp "$3" "$root/mnt/nats-server"
    # For its key to secrets systemd takes no place that it knows to be memory.
    mkdir "$root/mnt/keys" "$root/mnt/work"
    mount -t overlay -o "lowerdir=$root/var/lib/systemd,upperdir=$root/mnt/keys,workdir=$root/mnt/work" overlay \
        "$root/var/lib/systemd"
    ip link set lo up
    : > "$root/etc/machine-id"
    cat > "$root/etc/systemd/system/check.service" << 'UNIT'
[Unit]
DefaultDependencies=no
Requires=basic.target
After=basic.target

[Service]
Type=oneshot
ExecStart=/mnt/deploy/check.sh
ExecStopPost=/bin/sh -c 'systemctl exit $$EXIT_STATUS'
TimeoutStartSec=240
StandardOutput=append:/mnt/debs/check.log
StandardError=inherit
UNIT
    # Not `chroot`: who is in one may make no user namespace, and units want some.
    cd "$root"
    mkdir old
    pivot_root . old
    umount --lazy /old
    rmdir /old
    # As on a machine: what is mounted in a namespace for others to see is seen.
    mount --make-rshared /
    exec env -i container=phoenix PATH=/usr/sbin:/usr/bin:/sbin:/bin \
        /usr/lib/systemd/systemd --unit=check.service --show-status=false < /dev/null
}

if [ "$1" = boot ]; then
    shift
    boot "$@"
fi

# systemd wants a tree of control groups to itself.
tree=$(awk '$3 == "cgroup2" { print $2; exit }' /proc/mounts)
own=$tree/phoenix-fresh-$$
mkdir "$own"
end() {
    # Groups of processes that have all ended.
    find "$own" -depth -type d -exec rmdir {} + || true
    cat "$2/check.log"
}
trap 'end "$@"' EXIT
trap 'exit 130' INT TERM
rm -f "$2/check.log"
sh -c 'echo $$ > "$0/cgroup.procs" && exec "$@"' "$own" \
    unshare --mount --net --pid --ipc --uts --cgroup --fork --kill-child "$0" boot "$@"
