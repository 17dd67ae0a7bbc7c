#!/bin/sh
# Called by udhcpc: takes the address that was given to a card, and the name if there is one.
# shellcheck disable=SC2154  # udhcpc sets ip, mask, interface and hostname
[ "$1" = bound ] || exit 0
[ -z "$hostname" ] || hostname "$hostname"
read -r mac <"/sys/class/net/$interface/address"
echo "$(hostname) $mac $ip" >"/run/www/$interface"
ip addr add "$ip/${mask:-24}" dev "$interface"
echo "address $ip on $interface" >/dev/console
