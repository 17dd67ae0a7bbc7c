"""How long a guest was silent, as a client on its network sees it."""

import os
import socket
import struct
import threading
import time
from itertools import pairwise
from types import TracebackType

INTERVAL_S = 0.005


class Prober:
    """Send ICMP echo requests every 5 ms and remember when answers came (monotonic seconds)."""

    def __init__(self, address: str) -> None:
        self._address = address
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
        self._socket.settimeout(0.2)
        self._key = os.getpid() & 0xFFFF
        self._stop = threading.Event()
        self._answers: list[float] = []
        self._threads = [
            threading.Thread(target=work, daemon=True) for work in (self._send, self._receive)
        ]

    def __enter__(self) -> "Prober":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()
        self._socket.close()

    def wait_for_answer(self, timeout_s: float) -> bool:
        """Wait until the guest has answered at least once."""
        deadline = time.monotonic() + timeout_s
        while not self._answers and time.monotonic() < deadline:
            self._stop.wait(0.02)
        return bool(self._answers)

    def longest_gap_ms(self, since: float, until: float) -> float:
        """Return the longest time without an answer between two moments."""
        inside = [since, *(t for t in self._answers if since <= t <= until), until]
        return 1000 * max(b - a for a, b in pairwise(inside))

    def _send(self) -> None:
        number = 0
        while not self._stop.wait(INTERVAL_S):
            number = (number + 1) & 0xFFFF
            try:
                self._socket.sendto(_echo(self._key, number), (self._address, 0))
            except OSError:
                continue

    def _receive(self) -> None:
        while not self._stop.is_set():
            try:
                packet, _ = self._socket.recvfrom(2048)
            except OSError:
                continue
            kind, _, _, key = struct.unpack("!BBHH", packet[20:26])
            if kind == 0 and key == self._key:
                self._answers.append(time.monotonic())


def _echo(key: int, number: int) -> bytes:
    body = struct.pack("!BBHHH", 8, 0, 0, key, number)
    total = sum(struct.unpack(f"!{len(body) // 2}H", body))
    total = (total >> 16) + (total & 0xFFFF)
    return struct.pack("!BBHHH", 8, 0, ~(total + (total >> 16)) & 0xFFFF, key, number)
