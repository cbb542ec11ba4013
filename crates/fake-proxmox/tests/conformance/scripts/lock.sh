#!/bin/sh
# What waits while somebody holds the lock of 130; the number of seconds is up to us.
each() {
    $1 > /tmp/out 2> /tmp/err 9>&-
    echo "\$ $1 => exit $? after 1.0s"
    sed 's/^/[stdout] /' /tmp/out
    sed 's/^/[stderr] /' /tmp/err
}
(
    flock 9
    each "pct status 130"
    each "pct config 130"
    each "pct list"
    each "pct set 130 --memory 600"
) 9>> /run/lock/lxc/pve-config-130.lock
