#!/bin/sh
# The whole userland of a lab guest. Options on the kernel's command line:
#   dirty=20   dirty 20 MB of memory each second     tick=0.1   seconds between two ticks
#   once       say "guest ready" and power off (used to try an accelerator)
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs dev /dev
mount -t tmpfs -o size=60% tmpfs /run
while read -r module; do insmod "/modules/$module" 2>/dev/null; done </modules/order

dirty=0 tick=1 once=
read -r cmdline </proc/cmdline
for word in $cmdline; do
    case $word in
    dirty=*) dirty=${word#dirty=} ;;
    tick=*) tick=${word#tick=} ;;
    once) once=yes ;;
    esac
done

read -r uuid </sys/class/dmi/id/product_uuid
read -r boot </proc/sys/kernel/random/boot_id
address=none
ip link set lo up
if [ -e /sys/class/net/eth0/address ]; then
    IFS=: read -r _ _ _ _ high low </sys/class/net/eth0/address
    address=10.78.$((0x$high)).$((0x$low))
    ip link set eth0 up
    ip addr add "$address/16" dev eth0
fi
echo "$uuid $boot $address" >/run/identity
read -r uptime _ </proc/uptime
echo "guest ready uuid $uuid address $address uptime $uptime"
[ -z "$once" ] || poweroff -f

for event in /sys/class/input/event*; do
    read -r name <"$event/device/name" || continue
    [ "$name" = "Power Button" ] || continue
    (head -c 24 "/dev/input/${event##*/}" >/dev/null; echo "power button"; sync; poweroff -f) &
done
[ "$address" = none ] || nc -ll -p 80 -e /bin/answer &
[ ! -x /bin/agent ] || /bin/agent &
[ "$dirty" = 0 ] || /bin/dirty "$dirty" &

mkfifo /run/never
exec 3<>/run/never
count=0
while :; do
    count=$((count + 1))
    read -r uptime _ </proc/uptime
    echo "tick $count $uptime"
    echo "$count" >/run/tick
    for cpu in /sys/devices/system/cpu/cpu[0-9]*/online; do
        [ -e "$cpu" ] && read -r online <"$cpu" && [ "$online" = 0 ] && echo 1 >"$cpu"
    done
    # Waits without starting a process, which is dear when emulated.
    # shellcheck disable=SC3045 # busybox has it
    read -r -t "$tick" _ <&3
done
