#!/bin/sh
# Writes $1 MB a second, in tenths, round and round a file in memory; says the rate it reached.
rate=$1
slice=$((rate * 1000 / 10))k
ring=10
mkdir -p /run/load
dd if=/dev/urandom of=/run/load/seed bs=1k count="$((rate * 100))" 2>/dev/null
now() {
    read -r uptime _ </proc/uptime
    now=$((${uptime%.*} * 100 + 1${uptime#*.} - 100))
}
now
begin=$now next=$now written=0
while :; do
    dd if=/run/load/seed of=/run/load/ring bs="${slice%k}"k seek=$((written % ring)) conv=notrunc 2>/dev/null
    written=$((written + 1))
    if [ $((written % 100)) = 0 ]; then
        now
        echo "dirty $((written * rate * 10 / (now - begin))) MB/s of $rate wanted"
        begin=$now written=0
    fi
    next=$((next + 10))
    now
    if [ "$now" -lt "$next" ]; then
        usleep $(((next - now) * 10000))
    else
        next=$now
    fi
done
