#!/bin/sh
# The host got a new driver and the guest did not: its library says another version than the host.
for library in /usr/lib/x86_64-linux-gnu/libcuda.so.*.*; do
    mv "$library" /usr/lib/x86_64-linux-gnu/libcuda.so.1.2.3
done
