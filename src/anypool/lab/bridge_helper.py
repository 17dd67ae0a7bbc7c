"""Plugs a guest of a session daemon into the data network, in place of QEMU's own helper.

libvirt runs it as `... --use-vnet --br=BRIDGE --fd=SOCKET`, with every capability taken away,
and expects an open tap device over that socket. So the server keeps taps that belong to its
user, plugged in already; this takes the first that no other guest has.
"""

import argparse
import fcntl
import os
import socket
import struct
import sys

TAPS = 24
"""How many guests with a network card a rootless server can run."""

_TUNSETIFF = 0x400454CA
_IFF_TAP, _IFF_NO_PI, _IFF_VNET_HDR = 0x0002, 0x1000, 0x4000


def tap_names() -> list[str]:
    """The names of a server's taps."""
    return [f"tap{number}" for number in range(TAPS)]


def main() -> None:
    """Hand a free tap over, or say why not and exit with status 1."""
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--use-vnet", action="store_true")
    arguments.add_argument("--br", required=True)
    arguments.add_argument("--fd", type=int, required=True)
    wanted = arguments.parse_args()
    flags = _IFF_TAP | _IFF_NO_PI | (_IFF_VNET_HDR if wanted.use_vnet else 0)
    for name in tap_names():
        tap = _take(name, flags)
        if tap is not None:
            with socket.socket(fileno=wanted.fd) as receiver:
                socket.send_fds(receiver, [b"\0"], [tap])
            return
    sys.exit(f"all {TAPS} taps of this server are in use")


def _take(name: str, flags: int) -> int | None:
    tap = os.open("/dev/net/tun", os.O_RDWR)
    try:
        fcntl.ioctl(tap, _TUNSETIFF, struct.pack("16sH22x", name.encode(), flags))
    except OSError:
        os.close(tap)
        return None
    return tap


if __name__ == "__main__":
    main()
