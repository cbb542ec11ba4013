#!/bin/sh
# Runs the agent, and is run again when that has ended.
for port in /sys/class/virtio-ports/*; do
	read -r name <"$port/name"
	[ "$name" = org.qemu.guest_agent.0 ] || continue
	/bin/qemu-ga --method virtio-serial --path "/dev/${port##*/}" --statedir /run
	exit
done
sleep 0.1
