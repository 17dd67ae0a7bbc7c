#!/bin/sh
# Answers one HTTP request on standard input and output, whatever its path.
while read -r line; do
    [ "${#line}" -gt 1 ] || break
done
read -r uuid boot address </run/identity
read -r uptime _ </proc/uptime
read -r _ memory _ </proc/meminfo
tick=
while [ -z "$tick" ]; do read -r tick </run/tick; done
cpus=0
for cpu in /sys/devices/system/cpu/cpu[0-9]*; do
    online=1
    [ ! -e "$cpu/online" ] || read -r online <"$cpu/online"
    cpus=$((cpus + online))
done
body="{\"uuid\": \"$uuid\", \"boot_id\": \"$boot\", \"address\": \"$address\", \"uptime_s\": $uptime, \"tick\": $tick, \"cpus\": $cpus, \"memory_kib\": $memory}"
printf 'HTTP/1.0 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s' "${#body}" "$body"
