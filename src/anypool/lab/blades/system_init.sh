#!/bin/sh
# The whole userland of the lab's system for blades: a warden with the blade's own watchdog, a
# shell on the console, and by HTTP who it is, as `/eth0`: name, MAC and address. Options on the kernel's command line:
#   watchdog=5   seconds after which the watchdog resets a blade that stands still
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs dev /dev
mount -t tmpfs tmpfs /run
while read -r module; do insmod "/modules/$module" 2>/dev/null; done </modules/order

watchdog=5
read -r cmdline </proc/cmdline
for word in $cmdline; do
    case $word in
    watchdog=*) watchdog=${word#watchdog=} ;;
    esac
done

ip link set lo up
mkdir -p /run/www
httpd -h /run/www
for card in eth0 eth1; do
    ip link set "$card" up
    udhcpc -i "$card" -q -n -t 5 -T 3 -s /bin/lease >/dev/null 2>&1 &
done

read -r uuid </sys/class/dmi/id/product_uuid
mkdir -p /run/store
cat >/run/warden.json <<END
{"host": "$uuid", "datastores": {"blade": "/run/store"}, "renew_s": 1.0,
 "limit_s": $((watchdog * 2)).0, "watchdog": "/dev/watchdog", "watchdog_s": $watchdog}
END
/usr/bin/python3 -I /bin/anypool-warden run --config /run/warden.json &
warden=$!
echo "$warden" >/run/warden.pid
echo "system ready uuid $uuid warden $warden"
(
    until grep -q '"kind"' /run/anypool-warden/state.json 2>/dev/null; do sleep 0.2; done
    /usr/bin/python3 -I /bin/anypool-warden status | grep watchdog:
) &

for event in /sys/class/input/event*; do
    read -r name <"$event/device/name" || continue
    [ "$name" = "Power Button" ] || continue
    (head -c 24 "/dev/input/${event##*/}" >/dev/null; echo "power button"; sync; poweroff -f) &
done
while :; do setsid sh </dev/ttyS0 >/dev/ttyS0 2>&1; done
