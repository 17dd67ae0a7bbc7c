#!/bin/sh
# Called by udhcpc: takes the address and the name that were given to a card.
# shellcheck disable=SC2154  # udhcpc sets ip, mask, hostname and interface
[ "$1" = bound ] || exit 0
ip addr add "$ip/${mask:-24}" dev "$interface"
echo "$ip" >/run/ip
# shellcheck disable=SC2153  # the same
busybox hostname "${hostname:-nameless}"
