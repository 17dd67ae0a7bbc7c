#!/bin/sh
# The first userland of a blade whose root is an iSCSI disk: it takes an address, logs in as who
# it is told to be on the kernel's command line, and goes on from the disk.
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs dev /dev
mount -t tmpfs tmpfs /run
while read -r module; do insmod "/modules/$module" 2>/dev/null; done </modules/order

initiator='' target='' portal='' port=3260 user='' password=''
read -r cmdline </proc/cmdline
for word in $cmdline; do
    case $word in
    initiator=*) initiator=${word#initiator=} ;;
    target=*) target=${word#target=} ;;
    portal=*) portal=${word#portal=} ;;
    port=*) port=${word#port=} ;;
    user=*) user=${word#user=} ;;
    password=*) password=${word#password=} ;;
    esac
done

ip link set lo up
ip link set eth0 up
udhcpc -i eth0 -q -n -t 20 -T 3 -s /bin/named >/dev/null 2>&1
until /bin/iscsistart -i "$initiator" -t "$target" -g 1 -a "$portal" -p "$port" \
    -u "$user" -w "$password"; do
    echo "no disk: $initiator is not let in"
    sleep 5
done
until [ -e /dev/sda ]; do sleep 0.2; done
mkdir -p /root
mount -t ext4 /dev/sda /root
read -r IP </run/ip
export IP
exec busybox switch_root /root /sbin/init
