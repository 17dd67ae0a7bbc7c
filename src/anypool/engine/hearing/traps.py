"""SNMP traps of BMCs: received, matched to a server by their source, written down, looked after.

A trap is a hint and never a proof: anybody may send one in another's name. So it yields an event
that says who said what, and a look at the server; nothing that it says is taken over. Who is not
known is counted and shown, and what it sends is not even read. Nothing is ever sent.
"""

import logging
import socket
import threading
from collections import OrderedDict
from collections.abc import Callable
from functools import partial

from msgspec import Struct

from anypool.clock import Clock
from anypool.engine.engine import Engine
from anypool.engine.hearing.bounds import Bucket, Lately
from anypool.engine.hearing.hints import Hints
from anypool.engine.hearing.meaning import meaning
from anypool.engine.hearing.sources import Source, Sources, plain
from anypool.engine.hearing.trap import LARGEST, UPTIME, Trap, read
from anypool.engine.observing.board import Notice
from anypool.engine.threads import Looking
from anypool.errors import AnypoolError, Invalid
from anypool.plan import Reason, reason, say
from anypool.settings import Settings
from anypool.store import Store, events
from anypool.store.records import EventRecord, Severity

log = logging.getLogger(__name__)

READ = (100.0, 20.0)
"""Datagrams of one source that are read, at once and a second; more are dropped."""
EVENTS = (10.0, 0.1)
"""Events of one source."""
ALL_EVENTS = (100.0, 5.0)
STRANGERS = (10.0, 10 / 3600)
"""Unknown sources that are told of."""
REPEAT_S = 60.0
MOST_STRANGERS = 256
REFRESH_S = 30.0
_POLL_S = 0.5


class Heard(Struct):
    """What came from one address; `last` is what was made of the newest, in words.

    `repeated` are traps that were there a minute ago, `unwritten` those of which there were too
    many for an event each, `refused` those that were no trap or had another community, `dropped`
    those that were too many to be read at all.
    """

    address: str
    source: Source | None = None
    why: str = ""
    received: int = 0
    repeated: int = 0
    unwritten: int = 0
    refused: int = 0
    dropped: int = 0
    first_at: float = 0.0
    last_at: float = 0.0
    last: str = ""


class _Bounds:
    """What limits one source."""

    def __init__(self) -> None:
        self.read = Bucket(*READ)
        self.events = Bucket(*EVENTS)
        self.lately = Lately(REPEAT_S, 64)
        self.overflowing = False


class Traps(Looking):
    """The receiver; off where no address to listen at is set. `problem` is why it does not hear."""

    def __init__(
        self, engine: Engine, store: Store, clock: Clock, settings: Settings, hints: Hints
    ) -> None:
        super().__init__("traps", clock)
        self._engine, self._store, self._clock, self._hints = engine, store, clock, hints
        self.wanted = settings.snmp_trap_listen
        self._place = listening_place(self.wanted) if self.wanted else None
        self._community = settings.snmp_trap_community.encode()
        self.sources = Sources(engine)
        self._heard: dict[str, tuple[Heard, _Bounds]] = {}
        self._strange: OrderedDict[str, Heard] = OrderedDict()
        self._all_events = Bucket(*ALL_EVENTS)
        self._strangers = Bucket(*STRANGERS)
        self._lock = threading.Lock()
        self._ending = threading.Event()
        self._socket: socket.socket | None = None
        self._thread: threading.Thread | None = None
        self.problem = ""

    def start(self) -> None:
        """Begin to listen, where that is wanted."""
        if self._place is not None:
            super().start()

    def stop(self) -> None:
        """Listen no more."""
        self._ending.set()
        super().stop()
        if self._thread is not None:
            self._thread.join(5.0)
        if self._socket is not None:
            self._socket.close()

    def round(self) -> float:
        """See to it that we listen, and know who is where; return the seconds until the next."""
        if self._socket is None:
            self._open()
        self.sources.refresh()
        return REFRESH_S

    def heard(self) -> tuple[Heard, ...]:
        """Return what came from whom, the latest first."""
        with self._lock:
            every = [*(entry for entry, _ in self._heard.values()), *self._strange.values()]
        return tuple(sorted(every, key=lambda one: -one.last_at))

    @property
    def port(self) -> int:
        """The port that is listened at, 0 for none."""
        return 0 if self._socket is None else int(self._socket.getsockname()[1])

    def take(self, datagram: bytes, address: str) -> None:
        """Do what is to be done about one datagram; never raises for what is in it."""
        if not self._engine.leads:
            return
        now = self._clock.monotonic()
        known = self.sources.at(address, now)
        good = [one for one in known if not one.why]
        if not good:
            self._stranger(address, known[0] if known else None, now)
            return
        with self._lock:
            found = self._heard.get(address)
            found = found or (Heard(address=address, first_at=self._clock.now()), _Bounds())
            self._heard[address] = found
            self._strange.pop(address, None)
        entry, bounds = found
        self._count(entry, good[0])
        if not bounds.read.take(now):
            entry.dropped += 1
            return
        for one in good:
            self._hints.note(one.key, self._look(one))
        trap = self._read(entry, datagram)
        if trap is not None:
            self._told(found, good[0], trap, now)

    def _read(self, entry: Heard, datagram: bytes) -> Trap | None:
        try:
            trap = read(datagram)
        except ValueError as error:
            entry.refused, entry.last = entry.refused + 1, f"not read: {error}"
            return None
        if self._community and trap.version != "3" and trap.community != self._community:
            entry.refused, entry.last = entry.refused + 1, "not read: it has another community"
            return None
        return trap

    def _told(self, about: tuple[Heard, _Bounds], source: Source, trap: Trap, now: float) -> None:
        """Write an event about a trap, unless it is the same again, or one of too many."""
        (entry, bounds), found = about, meaning(trap)
        said = found.said(trap.version)
        entry.last = say(said)
        same = (trap.version, trap.oid, tuple(one for one in trap.binds if one[0] != UPTIME))
        if bounds.lately.again(same, now):
            entry.repeated += 1
        elif bounds.events.take(now) and self._all_events.take(now):
            bounds.overflowing = False
            self._write(source, said, found.severity, entry.address)
        else:
            entry.unwritten += 1
            if not bounds.overflowing:
                bounds.overflowing = True
                self._write(source, reason("trap.many"), Severity.WARNING, entry.address)

    def _stranger(self, address: str, source: Source | None, now: float) -> None:
        """Tell once of a source that is not known; what it sends is not read."""
        with self._lock:
            entry = self._strange.get(address)
            entry = entry or Heard(address=address, first_at=self._clock.now())
            self._strange[address] = entry
            self._strange.move_to_end(address)
            while len(self._strange) > MOST_STRANGERS:
                self._strange.popitem(last=False)
        self._count(entry, source)
        entry.last = "not read"
        entry.why = "no server has its BMC there" if source is None else source.why
        if entry.received > 1 or not self._strangers.take(now):
            return
        said = reason("trap.stranger", address=entry.address, why=entry.why)
        self._append(EventRecord(kind="traps.unknown-source", message=say(said), said=said))

    def _write(self, source: Source, said: Reason, severity: Severity, address: str) -> None:
        told = reason("trap.by", name=source.name, said=said)
        self._append(
            EventRecord(
                kind=f"{source.kind}.trap",
                message=say(told),
                said=told,
                severity=severity,
                subject_kind=source.kind,
                subject_id=source.id,
                by=f"SNMP from {address}",
            )
        )

    def _append(self, event: EventRecord) -> None:
        """Keep an event; a database that does not answer costs it, and nothing else."""
        try:
            with self._store.writing() as tx:
                events.append(tx, event)
        except AnypoolError as error:
            log.warning("a trap is not written down: %s", error)
        else:
            self._engine.board.tell((Notice("event"),))

    def _look(self, source: Source) -> Callable[[], object]:
        if source.host is not None:
            return partial(self._engine.bmcs.read, source.host)
        assert source.endpoint is not None
        return partial(self._engine.servers.look, source.endpoint)

    def _count(self, entry: Heard, source: Source | None) -> None:
        entry.source, entry.last_at = source, self._clock.now()
        entry.received += 1

    def _open(self) -> None:
        assert self._place is not None
        host, port = self._place
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        made = socket.socket(family, socket.SOCK_DGRAM)
        try:
            made.settimeout(_POLL_S)
            made.bind((host, port))
        except OSError as error:
            made.close()
            self.problem = f"cannot listen at {self.wanted}: {error.strerror}"
            log.warning("SNMP traps: %s", self.problem)
            return
        self.problem, self._socket = "", made
        self._thread = threading.Thread(
            target=self._listen, args=(made,), name="traps-listen", daemon=True
        )
        self._thread.start()

    def _listen(self, made: socket.socket) -> None:
        while not self._ending.is_set():
            try:
                datagram, sender = made.recvfrom(LARGEST + 1)
            except TimeoutError:
                continue
            except OSError:
                return
            try:
                self.take(datagram, plain(str(sender[0])) or str(sender[0]))
            except Exception:  # whoever sends must not be able to end the listening
                log.exception("a trap from %s", sender[0])


def listening_place(text: str) -> tuple[str, int]:
    """Return address and port of `ADDRESS:PORT`; raise `Invalid`."""
    host, colon, port = text.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not colon or plain(host) is None or not port.isdecimal() or int(port) > 65535:
        hint = "write ADDRESS:PORT, such as 0.0.0.0:162 or [::]:1162"
        raise Invalid(
            f"settings: snmp_trap_listen is no place to listen at: {text[:80]}", hint=hint
        )
    return host, int(port)
