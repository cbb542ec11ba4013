#!/bin/sh
# What else waits.
each() {
    $1 > /tmp/out 2> /tmp/err 9>&-
    echo "\$ $1 => exit $? after 1.0s"
    sed 's/^/[stdout] /' /tmp/out
    sed 's/^/[stderr] /' /tmp/err
}
(
    flock 9
    each "pct start 130"
    each "pct destroy 130"
    each "pct unlock 130"
) 9>> /run/lock/lxc/pve-config-130.lock
