"""Telling servers that start that no IPv6 router is here, so that they do not wait for one.

iPXE configures a port by DHCP and by IPv6 at once, and goes on when both are done: without a
router it asks for 16 seconds. Whoever is known and asks is told, alone and by its own address,
that there is a router for nobody (RFC 4861, a lifetime of 0, no prefix): no route comes of it.
"""

from __future__ import annotations

import ipaddress
import socket
import struct
import sys
import threading
from collections.abc import Callable
from contextlib import suppress

SOLICITATION, ADVERTISEMENT = 133, 134
NOBODY = struct.pack("!BBHBBHII", ADVERTISEMENT, 0, 0, 0, 0, 0, 0, 0)
"""An advertisement: no hop limit, no flags, no lifetime, no times; the kernel adds the sum."""
_ALL_ROUTERS = "ff02::2"
_FILTER = 1
_SOURCE_LINK_ADDRESS = 1
_POLL_S = 0.5


class Advertiser:
    """Answers on one interface until it is shut down; `known` says of a MAC whether to.

    Raises `OSError` where the interface has no IPv6.
    """

    def __init__(self, interface: str, known: Callable[[str], bool]) -> None:
        self._known = known
        self._ending = threading.Event()
        self._socket = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6)
        try:
            self._listen(interface)
        except OSError:
            self._socket.close()
            raise

    def serve_forever(self) -> None:
        """Answer until `shutdown`."""
        while not self._ending.is_set():
            try:
                message, sender = self._socket.recvfrom(1500)
                if self._known(asking(message, sender[0])):
                    self._socket.sendto(NOBODY, sender)
            except TimeoutError:
                continue
            except OSError:  # the interface is down: servers wait as they did before
                self._ending.wait(_POLL_S)

    def shutdown(self) -> None:
        """Answer no more."""
        self._ending.set()

    def server_close(self) -> None:
        """Give the socket back."""
        self._socket.close()

    def _listen(self, interface: str) -> None:
        opened, v6 = self._socket, socket.IPPROTO_IPV6
        words = [0xFFFFFFFF] * 8
        words[SOLICITATION >> 5] &= ~(1 << (SOLICITATION & 31))
        opened.setsockopt(socket.IPPROTO_ICMPV6, _FILTER, struct.pack("=8I", *words))
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, interface.encode())
        group = socket.inet_pton(socket.AF_INET6, _ALL_ROUTERS)
        index = socket.if_nametoindex(interface)
        opened.setsockopt(v6, socket.IPV6_JOIN_GROUP, group + struct.pack("=I", index))
        opened.setsockopt(v6, socket.IPV6_UNICAST_HOPS, 255)
        opened.settimeout(_POLL_S)


def asking(message: bytes, sender: str) -> str:
    """Return the MAC of whoever asks for a router, "" for what is no question that is answered."""
    try:
        place = ipaddress.IPv6Address(sender.partition("%")[0])
    except ValueError:
        return ""
    if len(message) < 8 or message[0] != SOLICITATION or not place.is_link_local:
        return ""
    at = 8
    while at + 8 <= len(message) and message[at + 1]:
        if message[at] == _SOURCE_LINK_ADDRESS:
            return message[at + 2 : at + 8].hex(":")
        at += 8 * message[at + 1]
    tail = place.packed[8:]
    if tail[3:5] != b"\xff\xfe":
        return ""
    return bytes([tail[0] ^ 2, *tail[1:3], *tail[5:]]).hex(":")


def main(interface: str, *macs: str) -> None:
    """Answer some MACs on an interface, for ever; for the lab."""
    Advertiser(interface, frozenset(macs).__contains__).serve_forever()


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        main(*sys.argv[1:])
