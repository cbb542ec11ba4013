#!/bin/sh
# Makes a root file system out of busybox, in the folder $1, and the archive $2 of it.
box=$(command -v busybox) || {
    echo "busybox is needed for these tests; install it: apt-get install busybox-static" >&2
    exit 1
}
if ldd "$box" > /dev/null 2>&1; then
    echo "this busybox needs libraries; install the one that does not: apt-get install busybox-static" >&2
    exit 1
fi
mkdir -p "$1/bin" "$1/sbin" "$1/etc/network" "$1/lib/systemd" "$1/root" "$1/tmp" "$1/usr/local/bin" \
    "$1/proc" "$1/dev" "$1/sys" "$1/var"
cp "$box" "$1/bin/busybox"
for name in sh cat chmod chown cp df echo env false grep head hostname id kill ls mkdir mount mv ps rm \
    sed sleep sort stat sync tail test touch true wc; do
    ln -s busybox "$1/bin/$name"
done
printf 'PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nID=debian\nVERSION_ID="12"\n' > "$1/etc/os-release"
echo 12.7 > "$1/etc/debian_version"
# What Proxmox looks for to know the version of systemd.
ln -s ../lib/systemd/systemd "$1/sbin/init"
echo > "$1/lib/systemd/systemd"
echo > "$1/lib/systemd/libsystemd-shared-252.so"
printf 'root:x:0:0:root:/root:/bin/sh\nwww-data:x:33:33:www-data:/var/www:/bin/sh\n' > "$1/etc/passwd"
printf 'root:x:0:\nwww-data:x:33:\n' > "$1/etc/group"
tar -C "$1" --zstd -cf "$2" .
