#!/bin/sh
# Writes $1 MB a second, in tenths (in one go when it is little), round and round a file in
# memory as large as one second's worth, and says every ten seconds what rate it reached. Two
# seeds take turns, so that each write changes what was there.
rate=$1
parts=10
[ "$rate" -ge 10 ] || parts=1
block=$((rate * 5000))
count=$((200 / parts))
mkdir -p /run/load
mkfifo /run/load/never
exec 3<>/run/load/never
for seed in 0 1; do
    dd if=/dev/urandom of=/run/load/seed$seed bs="$block" count="$count" 2>/dev/null
done
now() {
    read -r uptime _ </proc/uptime
    now=$((${uptime%.*} * 100 + 1${uptime#*.} - 100))
}
# $1: hundredths of a second. Waits without starting a process, which is dear when emulated.
# shellcheck disable=SC3045 # busybox has it
pause() { read -r -t "$(($1 / 100)).$(($1 / 10 % 10))$(($1 % 10))" _ <&3; }
now
begin=$now next=$now written=0
while :; do
    dd if=/run/load/seed$((written / parts % 2)) of=/run/load/ring bs="$block" \
        seek=$((written % parts * count)) conv=notrunc 2>/dev/null
    written=$((written + 1))
    next=$((next + 100 / parts))
    now
    if [ "$written" = $((10 * parts)) ]; then
        echo "dirty $((rate * 1000 / (now - begin))) MB/s of $rate wanted"
        begin=$now written=0
    fi
    if [ "$now" -lt "$next" ]; then
        pause $((next - now))
    else
        next=$now
    fi
done
