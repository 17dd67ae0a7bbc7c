#!/bin/sh
# Stands before QEMU in the servers of a lab without KVM, changes one number and becomes QEMU.
#
# Before QEMU 9.0 a live migration under TCG loses writes of the guest: the fast way to read the
# dirty bitmap leaves the CPU's memory of written pages as it was. The slow way is right, and QEMU
# takes it for a memory whose size is no multiple of 256 KiB; libvirt rounds sizes up to 1 MiB.
# It writes them as -m 128 or, in later versions, as -m size=131072k.
# So a VM of 128 MiB gets 128 MiB and 8 KiB here.
left=$# last=
while [ "$left" -gt 0 ]; do
    word=$1
    shift
    left=$((left - 1))
    case $last in
    -m)
        case $word in
        size=*[!0-9k]*) ;;
        size=*k)
            size=${word#size=}
            word=size=$((${size%k} + 8))k
            ;;
        *[!0-9]*) ;;
        *) word=$((word * 1024 + 8))k ;;
        esac
        ;;
    -object)
        case $word in
        *'"id":"pc.ram"'*)
            behind=${word#*\"size\":}
            size=${behind%%[!0-9]*}
            word="${word%%\"size\":*}\"size\":$((size + 8192))${behind#"$size"}"
            ;;
        esac
        ;;
    esac
    last=$word
    set -- "$@" "$word"
done
exec /run/emulator/bin/qemu-system-x86_64 "$@"
