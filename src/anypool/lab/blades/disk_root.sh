#!/bin/sh
# The whole system on the disk: it counts its starts there, and says who it is, also by HTTP.
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
mount -t tmpfs run /run
read -r starts </starts
starts=$((starts + 1))
echo "$starts" >/starts
sync
read -r image </image
mkdir -p /run/www
read -r mac </sys/class/net/eth0/address
echo "$(busybox hostname) $mac $IP image $image starts $starts" >/run/www/eth0
busybox httpd -p 80 -h /run/www
echo "root ready name $(busybox hostname) ip $IP image $image starts $starts"
while :; do setsid sh </dev/ttyS0 >/dev/ttyS0 2>&1; done
