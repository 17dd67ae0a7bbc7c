"""What BMCs tell by themselves, for people to see."""

from msgspec import Struct

from anypool.clock import Clock
from anypool.engine import Engine
from anypool.engine.hearing.hints import Hints
from anypool.engine.hearing.pushes import Pushed, Pushes
from anypool.engine.hearing.traps import Heard, Traps
from anypool.errors import NotFound
from anypool.service.access import Deed, Principal, require
from anypool.settings import Settings
from anypool.store import Store


class TrapsHeard(Struct, frozen=True, kw_only=True):
    """Where SNMP traps are listened for, "" for nowhere, why not, and from whom they came."""

    listen: str
    problem: str
    heard: tuple[Heard, ...]


class PushesHeard(Struct, frozen=True, kw_only=True):
    """Where BMCs are asked to push to, "" for nowhere, and how it stands with each.

    `unknown` counts pushes to addresses that nobody was given, or not any more.
    """

    url: str
    unknown: int
    pushed: tuple[Pushed, ...]


class Hearing:
    """The use cases of what BMCs tell, and those who hear it."""

    def __init__(self, engine: Engine, store: Store, clock: Clock, settings: Settings) -> None:
        self._hints = Hints(clock)
        self._traps = Traps(engine, store, clock, settings, self._hints)
        self._pushes = Pushes(engine, store, clock, settings, self._hints)

    def start(self) -> None:
        """Begin to hear, where that is set."""
        for one in (self._hints, self._traps, self._pushes):
            one.start()

    def stop(self) -> None:
        """Hear no more."""
        for one in (self._pushes, self._traps, self._hints):
            one.stop()

    def traps(self, by: Principal) -> TrapsHeard:
        """Return what SNMP traps came since this manager began, the latest source first."""
        require(by, Deed.READ)
        traps = self._traps
        return TrapsHeard(listen=traps.wanted, problem=traps.problem, heard=traps.heard())

    def pushes(self, by: Principal) -> PushesHeard:
        """Return how it stands with the subscriptions at BMCs, by endpoint."""
        require(by, Deed.READ)
        pushes = self._pushes
        return PushesHeard(url=pushes.url, unknown=pushes.unknown, pushed=pushes.standing())

    def push(self, key: str, body: bytes) -> None:
        """Take what a BMC pushes; raise `NotFound` if none was asked to, or it proves nothing."""
        if not self._pushes.take(key, body):
            raise NotFound("nobody was asked to push here")
