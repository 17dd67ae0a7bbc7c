"""The guard of failures in a rehearsal: its own decisions, second by second, on a clock of thought.

What a BMC would say is played; what is made of it is decided by `planner.ha`, as in earnest.
"""

from collections.abc import Iterator, Mapping

from msgspec import Struct

from anypool.model import (
    APART_S,
    Capability,
    HighAvailability,
    Host,
    HostId,
    Inventory,
    PowerOff,
    Proof,
    Stated,
)
from anypool.plan import Reason, names_in, reason
from anypool.plan.render import told_proof
from anypool.planner import cancel
from anypool.planner.ha.brake import Situation
from anypool.planner.ha.decide import (
    Case,
    Decision,
    Fence,
    Leave,
    NeedsProof,
    ReadPower,
    Recover,
    decide,
)
from anypool.planner.ha.detect import Condition, Heard, Path, Verdict, Word, detect, grouped
from anypool.planner.ha.life import Life
from anypool.planner.rehearse.moment import Dies, Happens, Moment

BEGIN_S = 1_000_000.0
"""When the failure happens, on the clock of the rehearsal."""
FIRST_LOOK_S = 1
LONGEST_S = 900
"""So long is watched; what has not happened by then does not happen by itself."""
FRESH_S = 90.0
_POWER = {Dies.OFF: Word.OFF, Dies.HANGS: Word.ON, Dies.MUTE: Word.SILENT}
_TO = {
    "Leave": "leave",
    "Hold": "hold",
    "ReadPower": "read-power",
    "Fence": "fence",
    "NeedsProof": "need-proof",
}


class Watched(Struct, frozen=True, kw_only=True):
    """What is watched: `dying` of the hosts of one policy; how, and by which rule.

    To switch a host off takes `fence_s`; a person confirms a death `person_s` after it was
    found that nothing proves it, 0 for never.
    """

    dying: frozenset[HostId]
    guarded: frozenset[HostId]
    how: Dies = Dies.OFF
    rule: HighAvailability = HighAvailability()
    fence_s: float = 5.0
    person_s: float = 120.0


class Proven(Struct, frozen=True, kw_only=True):
    """The moments until every host is proven dead or will not be; each proof with its time."""

    moments: tuple[Moment, ...]
    proofs: Mapping[HostId, tuple[int, Proof]]


def watch(inventory: Inventory, watched: Watched) -> Proven:
    """Return what the guard sees and decides when hosts fail at once."""
    game = _Game(inventory, watched)
    for second in range(FIRST_LOOK_S, LONGEST_S + 1):
        if not game.tick(BEGIN_S + second):
            break
    game.end(BEGIN_S + LONGEST_S)
    return Proven(moments=tuple(game.moments), proofs=game.proofs)


class _Patient:
    """A host that fails, what its BMC would say, and what was heard of it."""

    def __init__(self, host: Host, how: Dies, at_risk: int) -> None:
        self.host = host
        self.at_risk = at_risk
        self.has_bmc = Capability.HOST_POWER in host.capabilities
        self.power = _POWER[how]
        self.read = Word.NONE
        self.asked_at = self.off_at = self.fenced_at = self.missing_at = 0.0
        self.proof: Proof | None = None
        self.told: object = None
        self.thought: Condition | None = None
        self.over = False

    def heard(self, now: float) -> tuple[Heard, ...]:
        """Return the last word of each path."""
        silent = Heard(path=Path.MANAGEMENT, word=Word.SILENT, at=now, life_at=BEGIN_S)
        if self.read is Word.NONE:
            return (silent,)
        return silent, Heard(path=Path.BMC, word=self.read, at=self.asked_at)

    def ask(self, now: float) -> None:
        """Ask the BMC: off that is read twice, apart, is a proof."""
        self.asked_at, self.read = now, self.power
        if self.read is not Word.OFF:
            return
        if not self.off_at:
            self.off_at = now
        elif now >= self.off_at + APART_S and self.proof is None:
            self.proof = PowerOff(host=self.host.id, first_at=self.off_at, at=now)

    def case(self, verdict: Verdict) -> Case:
        return Case(
            verdict=verdict,
            life=Life(host=self.host.id, life_at=verdict.life_at),
            bmc=self.has_bmc,
            proof=self.proof,
            off_at=self.off_at,
            asked_at=self.asked_at,
            at_risk=self.at_risk,
        )


class _Game:
    def __init__(self, inventory: Inventory, watched: Watched) -> None:
        self.moments: list[Moment] = []
        self.proofs: dict[HostId, tuple[int, Proof]] = {}
        self._watched = watched
        self._names = names_in(inventory)
        self._healthy = {
            key: Verdict(host=key, condition=Condition.HEALTHY, life_at=BEGIN_S, evidence=())
            for key in sorted(watched.guarded - watched.dying)
        }
        self._patients = tuple(_patients(inventory, watched))
        self._fences: tuple[float, ...] = ()

    def tick(self, now: float) -> bool:
        """Look once; return whether anything may still happen."""
        cancel.check()
        rule = self._watched.rule
        alone = {
            one.host.id: detect(
                one.host.id, one.heard(now), now, silent_s=rule.silent_s, fresh_s=FRESH_S
            )
            for one in self._patients
        }
        verdicts = grouped(self._healthy | alone, rule.silent_s)
        for one in self._patients:
            if not one.over:
                self._look(one, verdicts, now)
        return not all(one.over for one in self._patients)

    def end(self, now: float) -> None:
        """Say of which hosts nothing more comes by itself."""
        for one in self._patients:
            if not one.over:
                self._say(one, Happens.DECIDED, reason("rehearse.waits", host=one.host.name), now)

    def _look(self, one: _Patient, verdicts: Mapping[HostId, Verdict], now: float) -> None:
        if one.fenced_at and now >= one.fenced_at:
            one.fenced_at, one.power = 0.0, Word.OFF
            self._ask(one, now)
        verdict = verdicts[one.host.id]
        if verdict.condition is not one.thought:
            one.thought = verdict.condition
            judged = reason("ha.judged", host=one.host.name, condition=verdict.condition)
            self._say(one, Happens.DECIDED, judged, now)
        situation = Situation(
            rule=self._watched.rule,
            verdicts=tuple(verdicts.values()),
            now=now,
            fences=self._fences,
        )
        decision = decide(one.case(verdict), situation)
        if isinstance(decision, Recover):
            return self._prove(one, decision.proof, now)
        self._tell(one, decision, now)
        self._act(one, decision, now)
        return None

    def _act(self, one: _Patient, decision: Decision, now: float) -> None:
        if isinstance(decision, ReadPower):
            self._ask(one, now)
        elif isinstance(decision, Fence) and not one.fenced_at:
            one.fenced_at = now + self._watched.fence_s
            self._fences = (*self._fences, now)
        elif isinstance(decision, Leave):
            one.over = True
        elif isinstance(decision, NeedsProof):
            self._missing(one, now)

    def _missing(self, one: _Patient, now: float) -> None:
        after = self._watched.person_s
        one.missing_at = one.missing_at or now
        if not after:
            one.over = True
        elif now >= one.missing_at + after:
            said = reason("rehearse.person", host=one.host.name, after=after)
            self._say(one, Happens.DECIDED, said, now)
            proof = Stated(host=one.host.id, at=now, by="?", words="rehearsal", audit=0)
            self._prove(one, proof, now)

    def _ask(self, one: _Patient, now: float) -> None:
        before = one.read
        one.ask(now)
        if one.read is not before:
            facts = {"host": one.host.name, "path": Path.BMC, "word": one.read}
            self._say(one, Happens.SAW, reason("ha.saw", **facts), now)

    def _prove(self, one: _Patient, proof: Proof, now: float) -> None:
        one.over = True
        self.proofs[one.host.id] = (_ms(now), proof)
        told = told_proof(proof, self._names)
        self._say(one, Happens.PROVEN, reason("ha.proven", host=one.host.name, proof=told), now)

    def _tell(self, one: _Patient, decision: Decision, now: float) -> None:
        if isinstance(decision, Recover) or one.fenced_at:
            return
        kind = type(decision).__name__
        if one.told == (token := (kind, decision.why.code)):
            return
        one.told = token
        said = reason(f"ha.to-{_TO[kind]}", host=one.host.name, why=decision.why)
        self._say(one, Happens.DECIDED, said, now)

    def _say(self, one: _Patient, what: Happens, said: Reason, now: float) -> None:
        self.moments.append(Moment(at_ms=_ms(now), what=what, said=said, host=one.host.id))


def _patients(inventory: Inventory, watched: Watched) -> Iterator[_Patient]:
    for key in sorted(watched.dying):
        yield _Patient(inventory.hosts[key], watched.how, len(inventory.holding(key)))


def _ms(now: float) -> int:
    return round(1000 * (now - BEGIN_S))
