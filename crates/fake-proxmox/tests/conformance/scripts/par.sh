#!/bin/sh
# Three at once.
T=local:vztmpl/debian-12-standard_12.7-1_amd64.tar.zst
for id in 151 152 153; do
    (pct create $id $T --hostname p$id --rootfs labdir:1 > /dev/null 2>&1; echo "$id rc=$?" >> /tmp/par) &
done
wait
sort -r /tmp/par
pct list
