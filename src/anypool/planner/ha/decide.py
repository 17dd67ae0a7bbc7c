"""What to do about one host now, as a value; nothing here does it."""

from enum import StrEnum
from typing import TypeAlias

from msgspec import Struct

from anypool.model import APART_S, Proof, SaidGone
from anypool.plan import Reason, reason
from anypool.planner.ha.brake import Situation, brake
from anypool.planner.ha.detect import ALIVE, Condition, Path, Verdict, Word
from anypool.planner.ha.life import Life, refuted

SUSPECT_ASKED_S = 3.0
"""How often the BMC of a host is asked that fell silent a moment ago: power off is quick proof."""


class WouldDo(StrEnum):
    """A proof that is missing and would do; see `model.proof`."""

    POWER_OFF = "power-off"
    LEASE_EXPIRED = "lease-expired"
    SAID_GONE = "said-gone"
    STATED = "stated"


class Leave(Struct, frozen=True, gc=False, tag=True):
    """Nothing: the host lives, or nothing of it is to be kept running."""

    why: Reason


class Hold(Struct, frozen=True, gc=False, tag=True):
    """Nothing yet."""

    why: Reason


class ReadPower(Struct, frozen=True, gc=False, tag=True):
    """Ask its BMC."""

    why: Reason


class Fence(Struct, frozen=True, gc=False, tag=True):
    """Switch it off, and see that it is off."""

    why: Reason


class Recover(Struct, frozen=True, gc=False, tag=True):
    """Start its VMs elsewhere."""

    proof: Proof


class NeedsProof(Struct, frozen=True, gc=False, tag=True):
    """Nothing, until one of these proofs is there."""

    why: Reason
    would_do: tuple[WouldDo, ...]


Decision: TypeAlias = Leave | Hold | ReadPower | Fence | Recover | NeedsProof


class LeaseClock(Struct, frozen=True, kw_only=True, gc=False):
    """How long a lease must still stand still, None while it may be renewed; its watchdog."""

    left_s: float | None
    watchdog: str


class Case(Struct, frozen=True, kw_only=True, gc=False):
    """One host as it is judged: what happened to it, and what is known beside.

    `proof` is the newest one about the host. `off_at` and `asked_at` are when its power was
    first read as off without a break, and last asked for; 0 for never. `listened` is whether all
    other paths were asked since it showed life. `at_risk` is how many
    VMs may be there that are to be kept running; it `saves` if one of them has a place elsewhere.
    `lease` is there if a storage lease would prove it dead once it ran out.
    """

    verdict: Verdict
    life: Life
    bmc: bool = False
    proof: Proof | None = None
    off_at: float = 0.0
    asked_at: float = 0.0
    at_risk: int = 0
    saves: bool = True
    listened: bool = True
    lease: "LeaseClock | None" = None


def decide(case: Case, situation: Situation) -> Decision:
    """Return what to do about a host now."""
    verdict, rule = case.verdict, situation.rule
    if verdict.condition in ALIVE:
        return Leave(reason("ha.is", condition=verdict.condition))
    if not case.at_risk:
        return Leave(reason("ha.nothing-ran"))
    silent = max(0.0, situation.now - verdict.life_at)
    if case.proof is not None and refuted(case.proof, case.life) is None:
        return Recover(case.proof)
    if verdict.condition is Condition.SUSPECT:
        why = reason("ha.suspect", silent=round(silent, 1), limit=rule.silent_s)
        ask = case.bmc and case.saves and situation.now - case.asked_at >= SUSPECT_ASKED_S
        return ReadPower(why) if ask else Hold(why)
    if not case.saves:
        return Hold(reason("ha.saves-nothing"))
    if not case.bmc:
        return _runs_out(case) or _missing(case, reason("ha.no-bmc"))
    return _by_power(case, situation)


def _by_power(case: Case, situation: Situation) -> Decision:
    """Decide by what the BMC said last."""
    match case.verdict.word(Path.BMC):
        case Word.OFF:
            if not case.listened:  # what it says before counts once at most
                return Hold(reason("ha.listening"))
            if case.off_at + APART_S <= situation.now:
                return ReadPower(reason("ha.off-once"))
            return Hold(reason("ha.off-once"))
        case Word.ON:
            if not situation.rule.fence:
                return _runs_out(case) or _missing(case, reason("ha.fence-off"))
            if not case.listened:
                return Hold(reason("ha.listening"))
            why = brake(situation, case.verdict)
            return Hold(reason("ha.braked", why=why)) if why else Fence(reason("ha.silent-on"))
        case _:
            if situation.now - case.asked_at < situation.rule.power_every_s:
                return _runs_out(case) or _missing(case, reason("ha.bmc-silent"))
            return ReadPower(reason("ha.power-unknown"))


def _runs_out(case: Case) -> Hold | None:
    """Return that a lease is waited for that stands still, None if there is none."""
    if case.lease is None or case.lease.left_s is None:
        return None
    left = round(case.lease.left_s, 1)
    return Hold(reason("ha.lease-runs-out", left=left, watchdog=case.lease.watchdog))


def _missing(case: Case, why: Reason) -> NeedsProof:
    first: tuple[WouldDo, ...] = (WouldDo.POWER_OFF,) if case.bmc else ()
    first += (WouldDo.LEASE_EXPIRED,) if case.lease is not None else ()
    return NeedsProof(why, (*first, WouldDo.SAID_GONE, WouldDo.STATED))


def is_about_host(proof: Proof) -> bool:
    """Return whether a proof speaks for all VMs of its host."""
    return not isinstance(proof, SaidGone)
