#!/bin/sh
# Writes $1 MB a second, in tenths, round and round a file in memory as large as one
# second's worth, and says every ten seconds what rate it reached. Two seeds take turns, so
# that each write changes what was there.
rate=$1
block=$((rate * 5000))
mkdir -p /run/load
for seed in 0 1; do
    dd if=/dev/urandom of=/run/load/seed$seed bs="$block" count=20 2>/dev/null
done
now() {
    read -r uptime _ </proc/uptime
    now=$((${uptime%.*} * 100 + 1${uptime#*.} - 100))
}
now
begin=$now next=$now written=0
while :; do
    dd if=/run/load/seed$((written / 10 % 2)) of=/run/load/ring bs="$block" \
        seek=$((written % 10 * 20)) conv=notrunc 2>/dev/null
    written=$((written + 1))
    next=$((next + 10))
    now
    if [ "$written" = 100 ]; then
        echo "dirty $((rate * 1000 / (now - begin))) MB/s of $rate wanted"
        begin=$now written=0
    fi
    if [ "$now" -lt "$next" ]; then
        usleep $(((next - now) * 10000))
    else
        next=$now
    fi
done
