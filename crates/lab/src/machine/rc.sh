#!/bin/sh
# What the machine does before its agent starts: as little as a system does that reads a seed.
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
mount -t tmpfs -o mode=755 run /run
mkdir -p /tmp /var/run /etc /seed
# Which needs which is found by trying.
for round in 1 2 3 4; do
	for module in /modules/*.ko; do
		insmod "$module" 2>/dev/null
	done
done
until seed=$(findfs LABEL=cidata 2>/dev/null); do sleep 0.1; done
mount -t iso9660 -o ro "$seed" /seed
hostname "$(sed -n 's/.*"local-hostname": *"\([^"]*\)".*/\1/p' /seed/meta-data)"
echo "phoenix: seed read in round $round"
