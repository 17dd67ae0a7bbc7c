#!/bin/sh
# Called by udhcpc: takes the address that was given to a card.
# shellcheck disable=SC2154  # udhcpc sets ip, mask and interface
[ "$1" = bound ] || exit 0
ip addr add "$ip/${mask:-24}" dev "$interface"
echo "address $ip on $interface" >/dev/console
