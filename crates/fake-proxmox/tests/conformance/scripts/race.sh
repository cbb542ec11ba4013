#!/bin/sh
# Two who make the same container at once.
T=local:vztmpl/debian-12-standard_12.7-1_amd64.tar.zst
pct create 130 $T --hostname r2 --rootfs labdir:1 > /tmp/racer.2 2> /tmp/racer.2.err &
until [ -e /etc/pve/lxc/130.conf ]; do :; done
pct create 130 $T --hostname r1 --rootfs labdir:1 > /tmp/racer.1 2> /tmp/racer.1.err
first=$?
wait $!
second=$?
echo "== racer 1 exit $first"
cat /tmp/racer.1
sed 's/^/[stderr] /' /tmp/racer.1.err
echo "== racer 2 exit $second"
cat /tmp/racer.2
sed 's/^/[stderr] /' /tmp/racer.2.err
echo "== config"
pct config 130
ls /var/lib/labdir/images/130
