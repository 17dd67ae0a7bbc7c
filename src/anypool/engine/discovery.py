"""Looking for BMCs at many addresses: what answers there, without any login.

One search at a time, so many addresses a second and no more. It lives in memory: what it found
is shown for a while, and nothing is kept of it until somebody adopts a server.
"""

import logging
import secrets
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from msgspec import Struct

from anypool.clock import Clock
from anypool.drivers.seeking import FoundBmc, Ports, look
from anypool.errors import Busy, NotFound

log = logging.getLogger(__name__)

AT_ONCE = 48
PER_S = 64.0
KEPT = 8


class Search(Struct, frozen=True, kw_only=True):
    """How far a search is; `found` is sorted as the addresses were given."""

    id: str
    addresses: int
    done: int
    ended: bool
    found: tuple[FoundBmc, ...]


class _Running:
    def __init__(self, addresses: tuple[str, ...]) -> None:
        self.addresses = addresses
        self.done = 0
        self.ended = False
        self.found: dict[str, FoundBmc] = {}


Look = Callable[[str, Ports], FoundBmc | None]


class Discovery:
    """The searches of this manager; every method may be called from any thread."""

    def __init__(self, clock: Clock, how: Look = look) -> None:
        self._clock = clock
        self._how = how
        self._lock = threading.Lock()
        self._searches: dict[str, _Running] = {}

    def begin(self, addresses: tuple[str, ...], ports: Ports) -> Search:
        """Begin to look at some addresses; raise `Busy` while another search is under way."""
        with self._lock:
            if any(not one.ended for one in self._searches.values()):
                raise Busy("another search is under way", hint="try again when it has ended")
            while len(self._searches) >= KEPT:
                del self._searches[next(iter(self._searches))]
            key = secrets.token_hex(6)
            self._searches[key] = running = _Running(addresses)
        name = f"search-{key}"
        threading.Thread(target=self._run, args=(running, ports), name=name, daemon=True).start()
        return self.get(key)

    def get(self, key: str) -> Search:
        """Return how far a search is; raise `NotFound`."""
        with self._lock:
            running = self._searches.get(key)
            if running is None:
                raise NotFound(f"there is no search {key[:40]}", hint="begin another one")
            found = (running.found.get(one) for one in running.addresses)
            return Search(
                id=key,
                addresses=len(running.addresses),
                done=running.done,
                ended=running.ended,
                found=tuple(one for one in found if one is not None),
            )

    def _run(self, running: _Running, ports: Ports) -> None:
        never = threading.Event()
        begin = self._clock.monotonic()
        try:
            with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="discover") as crew:
                for number, address in enumerate(running.addresses):
                    early_s = begin + number / PER_S - self._clock.monotonic()
                    if early_s > 0:
                        self._clock.wait(never, early_s)
                    crew.submit(self._one, running, address, ports)
        finally:
            with self._lock:
                running.ended = True

    def _one(self, running: _Running, address: str, ports: Ports) -> None:
        found: FoundBmc | None = None
        try:
            found = self._how(address, ports)
        except Exception:
            log.exception("looking at %s", address)
        with self._lock:
            running.done += 1
            if found is not None:
                running.found[address] = found
