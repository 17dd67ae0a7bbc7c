"""Signs of life: what each path showed of each host, and which proofs still stand.

Whoever hears of a host says so here before anybody acts on it. A sign of life takes a
statement about the host away, in the records first.
"""

import threading
from collections.abc import Callable, Iterable

from msgspec import Struct
from msgspec.structs import replace

from anypool.clock import Clock
from anypool.engine.observing.leases import Leases
from anypool.engine.observing.moments import Moments
from anypool.model import (
    APART_S,
    AgentReading,
    EndpointId,
    Frame,
    HostId,
    HostState,
    LeaseExpired,
    Power,
    PowerOff,
    Proof,
    Reach,
    Stated,
    Vm,
    VmId,
    VmState,
)
from anypool.plan import Reason, reason
from anypool.planner.ha.astray import Last
from anypool.planner.ha.detect import LIFE, Heard, Path, Word
from anypool.planner.ha.life import Life, refuted

KEPT_S = 60.0
"""A proof by power that was not renewed for so long is made anew."""
FRESH_S = 5.0
"""A reading of the power that is older is made again before a VM is started on its word."""


AskAgents = Callable[[HostId, tuple[VmId, ...], float], tuple[AgentReading, ...]]


class Settled(Struct, frozen=True, kw_only=True, gc=False):
    """Where a run brought a VM, None if it was stopped; `begun` says that it is being stopped.

    `started_at` is when it was started where hosts are guarded, 0 if that is not what was done.
    """

    vm: VmId
    host: HostId | None
    begun: bool = False
    started_at: float = 0.0


class Read(Struct, frozen=True, gc=False):
    """The power of a host as it was read: when last asked, what was said, since when it is off.

    `told_at` is when the first answer came that it is off. A BMC may take long, and look only
    then: what is asked sooner than a second after that is no second look.
    """

    asked_at: float = 0.0
    word: Word = Word.NONE
    off_at: float = 0.0
    proof: PowerOff | None = None
    told_at: float = 0.0


class Vitals:
    """What is known of all hosts; every method may be called from any thread."""

    def __init__(self, clock: Clock) -> None:
        self.moments = Moments(clock)
        self.leases = Leases(clock, self.moments.now)
        self.look_at_leases: Callable[[HostId], None] = lambda _: None
        self.knock_at: Callable[[HostId], None] = lambda _: None
        self.ask_power: Callable[[HostId], Power] = lambda _: Power.UNKNOWN
        self.ask_peer: Callable[[HostId, str, int], Reach] = lambda *_: Reach.UNKNOWN
        self.ask_agents: AskAgents = lambda *_: ()
        self.unasked: Callable[[Vm], tuple[EndpointId, ...]] = lambda _: ()
        self.ask_about: Callable[[EndpointId, tuple[VmId, ...]], None] = lambda *_: None
        self.recall: Callable[[], Iterable[Stated]] = tuple
        self.refute: Callable[[Stated], None] = lambda _: None
        self.news: Callable[[], None] = lambda: None
        self.settled: Callable[[Iterable[Settled]], None] = lambda _: None
        self.silent: Callable[[EndpointId], None] = lambda _: None
        self.guarded: frozenset[HostId] = frozenset()
        self._lock = threading.RLock()
        self._heard: dict[HostId, dict[Path, Heard]] = {}
        self._life: dict[HostId, Life] = {}
        self._power: dict[HostId, Read] = {}
        self._alone: dict[EndpointId, HostId | None] = {}
        self._hushed: dict[HostId, float] = {}
        self._listened: dict[HostId, float] = {}
        self._listens: set[HostId] = set()
        self._told_at: dict[HostId, float] = {}
        self._stated: dict[HostId, Stated] = {}

    def begin(self) -> None:
        """Know nothing but the statements that stand in the records."""
        kept = {one.host: one for one in self.recall()}
        with self._lock:
            for one in kept.values():
                self.moments.after(one.at)
            self._heard.clear()
            self._life.clear()
            self._power.clear()
            self._hushed.clear()
            self._listened.clear()
            self._listens.clear()
            self._told_at.clear()
            self.leases.begin()
            self._stated = kept

    def frame(self, endpoint: EndpointId, frame: Frame) -> None:
        """Take note of the hosts that an answer of an endpoint shows alive."""
        if frame.full:
            alone = frame.hosts[0] if len(frame.hosts) == 1 else None
            up = alone is not None and alone.state is HostState.UP
            with self._lock:
                self._alone[endpoint] = alone.id if alone is not None and up else None
        for host in frame.hosts:
            if host.state is HostState.UP:
                self.note(host.id, Path.MANAGEMENT, Word.ANSWERS)
        for vm in frame.vms:
            if vm.host is not None and vm.state in (VmState.RUNNING, VmState.PAUSED):
                self.note(vm.host, Path.MANAGEMENT, Word.ANSWERS)

    def answered(self, endpoint: EndpointId) -> None:
        """Take note that an endpoint answered with no news: its host lives, if it has just one
        and that was up; of a host that is off somebody else answers.
        """
        with self._lock:
            alone = self._alone.get(endpoint)
        if alone is not None:
            self.note(alone, Path.MANAGEMENT, Word.ANSWERS)

    def hush(self, endpoint: EndpointId) -> None:
        """Take note that an endpoint fell silent; `news` says that it is time to look."""
        with self._lock:
            alone = self._alone.get(endpoint)
            if alone is not None:
                self._hushed[alone] = self.moments.now()
        self.silent(endpoint)
        self.news()

    def hushed(self) -> dict[HostId, float]:
        """Return when hosts fell silent that have shown no life since."""
        with self._lock:
            return dict(self._hushed)

    def listens(self, to: Iterable[HostId], rests: Iterable[HostId]) -> None:
        """Take note for which silent hosts all paths are asked from now on, and for which not.

        For the former a BMC alone proves nothing, however often it was read.
        """
        with self._lock:
            self._listens = (self._listens | set(to)) - set(rests)

    def listened(self, host: HostId, began: float) -> None:
        """Take note that all paths but the BMC were asked from `began` on, until now.

        Where none showed life, what the BMC said before that is of a time when one may still
        have been there to contradict it; see `proof`.
        """
        with self._lock:
            if self.life(host).life_at < began:
                self._listened.setdefault(host, self.moments.now())

    def off_too_early(self, host: HostId) -> bool:
        """Return whether a host was read as off before all its other paths were silent."""
        with self._lock:
            power = self.power(host)
            return power.word is Word.OFF and power.asked_at < self._listened.get(host, 0.0)

    def note(self, host: HostId, path: Path, word: Word, by: str = "") -> None:
        """Take note of what a path says now, by the word of a neighbour or a VM if any."""
        with self._lock:
            now = self.moments.now()
            paths = self._heard.setdefault(host, {})
            before = paths.get(path)
            lives = word in LIFE
            life_at = now if lives else (before.life_at if before else 0.0)
            if lives:
                self._lives(host, now)
            if path is Path.MANAGEMENT and word is Word.ANSWERS:
                self._told_at[host] = now
            paths[path] = Heard(path=path, word=word, at=now, life_at=life_at, by=by)

    def note_power(self, host: HostId, word: Word, asked_at: float) -> None:
        """Take note of a reading of the power, which was asked for at `asked_at`."""
        with self._lock:
            old, life = self._power.get(host, Read()), self.life(host)
            read = Read(asked_at, word)
            if word is Word.ON:
                self._life[host] = replace(life, on_at=asked_at)
            elif word is not Word.OFF:
                read = replace(old, asked_at=asked_at, word=word)
            elif not old.off_at or life.life_at >= old.off_at:
                read = replace(read, off_at=asked_at, told_at=self.moments.now())
            else:
                apart = asked_at - old.told_at >= APART_S
                proof = _proof(host, old.off_at, asked_at) if apart else old.proof
                read = replace(old, asked_at=asked_at, word=word, proof=proof)
            self._power[host] = read
            self.note(host, Path.BMC, word)
        self.news()

    def read_power(self, host: HostId) -> Power:
        """Ask for the power now, and return what is said; never raises."""
        asked_at = self.moments.now()
        power = self.ask_power(host)
        self.note_power(host, _WORDS[power], asked_at)
        return power

    def life(self, host: HostId) -> Life:
        """Return when a host last showed life."""
        with self._lock:
            return self._life.get(host, Life(host=host))

    def power(self, host: HostId) -> Read:
        """Return what is known of the power of a host."""
        with self._lock:
            return self._power.get(host, Read())

    def heard(self, host: HostId) -> tuple[Heard, ...]:
        """Return the last word of each path."""
        with self._lock:
            return tuple(self._heard.get(host, {}).values())

    def last(self, host: HostId) -> Last:
        """Return when a host last told of its VMs, and what shows since when it is dead."""
        with self._lock:
            told_at = self._told_at.get(host, 0.0)
            return Last(told_at, self.power(host).off_at, self.proof(host))

    def proof(self, host: HostId) -> Proof | None:
        """Return the proof about a host that stands now, None if there is none.

        Its power counts when it was read as off once more after all other paths were silent; and
        where they are asked at all, not before they were.
        """
        with self._lock:
            life = self.life(host)
            for proof in (self._stated.get(host), self.off_proof(host), self.leases.proof(host)):
                if proof is not None and refuted(proof, life) is None:
                    return proof
            return None

    def off_proof(self, host: HostId) -> PowerOff | None:
        """Return the proof by the power of a host that stands now, whatever people say of it."""
        with self._lock:
            power = self.power(host)
            old = power.word is not Word.OFF or self.moments.now() - power.asked_at > KEPT_S
            old |= self.off_too_early(host)
            asked = host in self._listens and host in self.guarded
            old |= asked and host not in self._listened
            proof = None if old else power.proof
            return proof if proof is not None and refuted(proof, self.life(host)) is None else None

    def state(self, statement: Stated) -> None:
        """Let a statement count, which is in the records already, unless life was seen since."""
        with self._lock:
            self._stated[statement.host] = statement
            self._retract(statement.host)

    def retract(self) -> None:
        """Void in the records what life refuted and could not be voided at once."""
        with self._lock:
            for host in tuple(self._stated):
                self._retract(host)

    def _retract(self, host: HostId) -> None:
        stated = self._stated.get(host)
        if stated is not None and refuted(stated, self.life(host)) is not None:
            self.refute(stated)
            del self._stated[host]

    def against(self, proofs: Iterable[Proof]) -> Reason | None:
        """Return why a start on the word of these proofs is not to be, None if they stand.

        The power of a host that was read off, or its lease, is read again, unless that was just
        done.
        """
        for proof in proofs:
            if isinstance(proof, PowerOff) and (why := self._against_power(proof.host)):
                return why
            if isinstance(proof, LeaseExpired) and (why := self._against_lease(proof)):
                return why
            with self._lock:
                if (why := refuted(proof, self.life(proof.host))) is not None:
                    return why
                known = self._stated.get(proof.host)
                if isinstance(proof, Stated) and known != proof:
                    return reason("ha.not-stated", host=proof.host)
        return None

    def _against_power(self, host: HostId) -> Reason | None:
        known = self.power(host)
        word = known.word
        if word is not Word.OFF or self.moments.now() - known.asked_at > FRESH_S:
            word = _WORDS[self.read_power(host)]
        if word is Word.ON:
            return reason("ha.not-now", host=host)
        return None if word is Word.OFF else reason("ha.no-power-now", host=host)

    def _against_lease(self, proof: LeaseExpired) -> Reason | None:
        """Return why a lease that ran out proves nothing now; it is read again if that is old."""
        if self.leases.age_s(proof.host) > FRESH_S:
            self.look_at_leases(proof.host)
        if not self.leases.stands(proof):
            return reason("ha.lease-moved", host=proof.host)
        if proof.watchdog not in self.leases.accepted:
            return reason("ha.no-such-watchdog", host=proof.host)
        if self.leases.age_s(proof.host) > FRESH_S:
            return reason("ha.no-lease-now", host=proof.host)
        return None

    def _lives(self, host: HostId, now: float) -> None:
        self._hushed.pop(host, None)
        self._listened.pop(host, None)
        self._life[host] = replace(self._life.get(host, Life(host=host)), life_at=now)
        self._retract(host)


_WORDS = {Power.ON: Word.ON, Power.OFF: Word.OFF, Power.UNKNOWN: Word.SILENT}


def _proof(host: HostId, first_at: float, at: float) -> PowerOff | None:
    try:
        return PowerOff(host=host, first_at=first_at, at=at)
    except ValueError:
        return None
