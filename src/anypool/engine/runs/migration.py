"""What to do about a migration, given what both hosts say: one table, no I/O.

The error of a client says nothing about the outcome: a target can run while the source
waits for ever, and a source can come back while the target runs. So the table knows
only the copies themselves, read target first, and whether the platform still works:

* the copy at the target is resumed only when the source's is seen gone;
* a paused source is discarded only when the target is seen running;
* a source that may have run again makes the target's copy worthless: it is discarded,
  provided that it cannot have run; so does one that is stopped and did not say that the VM
  was migrated: it may have run before that, between two looks;
* where nobody answers, nothing is done.
"""

from collections.abc import Iterable
from enum import StrEnum
from typing import NamedTuple

from msgspec.structs import replace

from anypool.engine.runs.decision import (
    Act,
    AskHuman,
    Decision,
    Deed,
    Done,
    Fail,
    Memory,
    Wait,
    Withdraw,
)
from anypool.engine.runs.sight import Copy
from anypool.model import Job, JobState
from anypool.plan import Reason, plain, reason


class Verdict(StrEnum):
    """What a pair of copies means; most are the code of a reason."""

    WAIT = "wait"
    DONE = "done"
    NOT_MOVED = "migration.not-moved"
    RESUME_TARGET = "migration.source-gone"
    RESUME_SOURCE = "migration.nothing-at-target"
    DISCARD_TARGET = "migration.source-has-it"
    DISCARD_SOURCE = "migration.target-has-it"
    STOPPED = "migration.stopped"
    LOST = "migration.lost"
    TWICE = "migration.twice"


class Patience(StrEnum):
    """How long a verdict must last: at once, past a reading's lag, past libvirt's keepalive."""

    NONE = "none"
    SETTLE = "settle"
    STALL = "stall"


class Cell(NamedTuple):
    """A verdict for each case, with its patience: while the platform works on it, after it
    with a target that cannot have run by itself, and after it with one that can.
    """

    moving: tuple[Verdict, Patience]
    held: tuple[Verdict, Patience]
    free: tuple[Verdict, Patience]


def _cell(
    over: tuple[Verdict, Patience],
    *,
    moving: tuple[Verdict, Patience] | None = None,
    free: tuple[Verdict, Patience] | None = None,
) -> Cell:
    return Cell(moving or _WAIT, over, free or over)


_V, _P = Verdict, Patience
_WAIT = (_V.WAIT, _P.NONE)
_DONE = (_V.DONE, _P.NONE)
_NOT_MOVED = (_V.NOT_MOVED, _P.SETTLE)
_STOPPED = (_V.STOPPED, _P.SETTLE)
_TWICE = (_V.TWICE, _P.SETTLE)
_DROP_ORPHAN = (_V.DISCARD_TARGET, _P.STALL)
_DROP_SOURCE = (_V.DISCARD_SOURCE, _P.SETTLE)

TABLE: dict[tuple[Copy, Copy], Cell] = {
    # source, target
    (Copy.RUNNING, Copy.ABSENT): _cell(_NOT_MOVED),
    (Copy.RUNNING, Copy.RUNNING): _cell(_TWICE, moving=_TWICE),
    (Copy.RUNNING, Copy.PAUSED): _cell((_V.DISCARD_TARGET, _P.SETTLE), free=_WAIT),
    (Copy.RUNNING, Copy.INCOMING): _cell(_DROP_ORPHAN),
    (Copy.RUNNING, Copy.STOPPED): _cell((_V.DISCARD_TARGET, _P.SETTLE)),
    (Copy.PAUSED, Copy.ABSENT): _cell(_NOT_MOVED),
    (Copy.PAUSED, Copy.RUNNING): _cell(_DROP_SOURCE),
    (Copy.PAUSED, Copy.PAUSED): _cell(_DROP_ORPHAN, free=_WAIT),
    (Copy.PAUSED, Copy.INCOMING): _cell(_DROP_ORPHAN),
    (Copy.PAUSED, Copy.STOPPED): _cell((_V.DISCARD_TARGET, _P.SETTLE), free=_WAIT),
    (Copy.MIGRATING, Copy.ABSENT): _cell((_V.RESUME_SOURCE, _P.STALL), free=_WAIT),
    (Copy.MIGRATING, Copy.RUNNING): _cell(_DROP_SOURCE, moving=(_V.DISCARD_SOURCE, _P.STALL)),
    (Copy.MIGRATING, Copy.PAUSED): _cell(_DROP_ORPHAN, free=_WAIT),
    (Copy.MIGRATING, Copy.INCOMING): _cell(_DROP_ORPHAN),
    (Copy.ABSENT, Copy.ABSENT): _cell((_V.LOST, _P.STALL)),
    (Copy.ABSENT, Copy.RUNNING): _cell(_DONE, moving=(_V.DONE, _P.SETTLE)),
    (Copy.ABSENT, Copy.PAUSED): _cell(
        (_V.RESUME_TARGET, _P.NONE),
        moving=(_V.RESUME_TARGET, _P.SETTLE),
        free=(_V.RESUME_TARGET, _P.SETTLE),
    ),
    (Copy.ABSENT, Copy.STOPPED): _cell(_DONE),
    (Copy.STOPPED, Copy.ABSENT): _cell(_STOPPED),
    (Copy.STOPPED, Copy.RUNNING): _cell(_DROP_SOURCE),
    (Copy.STOPPED, Copy.PAUSED): _cell((_V.DISCARD_TARGET, _P.SETTLE), free=_WAIT),
    (Copy.STOPPED, Copy.INCOMING): _cell(_DROP_ORPHAN),
    (Copy.STOPPED, Copy.STOPPED): _cell(_STOPPED),
}
"""Pairs that are not here say nothing yet: wait and look again, until the deadline."""


class Times(NamedTuple):
    """How long `SETTLE` and `STALL` are, and what a host has to shut down, in seconds."""

    settle_s: float
    stall_s: float
    host_off_s: float = 180.0


def judge(source: Copy, target: Copy, job: Job | None, memory: Memory) -> tuple[Verdict, Patience]:
    """Return what a pair of copies means for a migration that may have been sent."""
    cell = TABLE.get((source, target))
    if cell is None:
        return _WAIT
    if job is not None and job.state is JobState.RUNNING:
        return cell.moving
    return cell.held if memory.held or memory.never_ran else cell.free


_EXECUTES = frozenset({Copy.RUNNING, Copy.PAUSED, Copy.MIGRATING})


def noted(
    pair: tuple[Copy, Copy], memory: Memory, others: Iterable[Copy] = (), job: Job | None = None
) -> Memory:
    """Remember that the source runs although the target has its copy: who resumes that later,
    because the source is gone for another reason, brings an old state back.

    So does who resumes it while one of `others`, on hosts that are neither, has the VM: another
    tool moved it there from the source. That the platform says that its `job` failed shows the
    same, or where the target is not heard, that the source runs when it knows of none.
    """
    over = job is not None and job.state is not JobState.RUNNING
    ran_on = pair[0] is Copy.RUNNING and (over or pair[1] is Copy.PAUSED)
    ran_on |= job is not None and job.state is JobState.FAILED
    ran_on |= not _EXECUTES.isdisjoint(others)
    return replace(memory, stale=True) if memory.sent and ran_on else memory


def decide(pair: tuple[Copy, Copy], job: Job | None, memory: Memory, times: Times) -> Decision:
    """Return what to do next about a migration whose source and target are `pair`."""
    source, target = pair
    if not memory.sent:
        return _before(source, target, times)
    verdict, patience = judge(source, target, job, memory)
    seconds = {_P.NONE: 0.0, _P.SETTLE: times.settle_s, _P.STALL: times.stall_s}[patience]
    if memory.stale and verdict is _V.RESUME_TARGET:  # it is older than what ran since
        return AskHuman(reason("migration.stale"), max(seconds, times.settle_s))
    if memory.paused and verdict in (_V.RESUME_TARGET, _V.RESUME_SOURCE):
        return _was_paused(verdict, max(seconds, times.settle_s))
    if (deed := _DEEDS.get(verdict)) is not None:
        return Act(deed, reason(verdict), seconds)
    match verdict:
        case Verdict.DONE:
            stopped = reason("migration.stopped-after")
            return Done(None if target is Copy.RUNNING else stopped, seconds)
        case Verdict.NOT_MOVED:
            said = plain(job.message) if job is not None and job.message else reason(verdict)
            return Act(Deed.PERFORM, said, seconds)
        case Verdict.STOPPED:
            return Fail(reason(verdict), seconds)
        case Verdict.LOST | Verdict.TWICE:
            return AskHuman(reason(verdict), seconds)
        case _:
            soon = memory.held and _near_the_end(source, target)
            return Wait(_words(source, target), soon=soon)


def called_back(decision: Decision, pair: tuple[Copy, Copy], memory: Memory) -> Decision:
    """Return the decision for a migration that people do not want any more."""
    if not memory.sent or (isinstance(decision, Act) and decision.deed is Deed.PERFORM):
        return Withdraw(reason("migration.called-back"))
    source, target = pair
    early = source in (Copy.RUNNING, Copy.PAUSED) and target in (Copy.INCOMING, Copy.ABSENT)
    if isinstance(decision, Wait) and early and not memory.called_back:
        return Act(Deed.CANCEL_MIGRATION, reason("migration.called-back"))
    return decision


def _near_the_end(source: Copy, target: Copy) -> bool:
    """Whether the guest stands still; where it waits for us, the next look should come at once."""
    return source is Copy.MIGRATING or target is Copy.PAUSED


def _words(source: Copy, target: Copy) -> Reason:
    return reason("run.pair", source=source, target=target)


_DEEDS = {
    Verdict.RESUME_TARGET: Deed.RESUME_TARGET,
    Verdict.RESUME_SOURCE: Deed.RESUME_SOURCE,
    Verdict.DISCARD_TARGET: Deed.DISCARD_TARGET,
    Verdict.DISCARD_SOURCE: Deed.DISCARD_SOURCE,
}


def _before(source: Copy, target: Copy, times: Times) -> Decision:
    """Nothing was sent yet: begin only from a clean start."""
    if Copy.UNKNOWN in (source, target):
        return Wait(_words(source, target))
    if source in (Copy.RUNNING, Copy.PAUSED) and target in (Copy.ABSENT, Copy.STOPPED):
        return Act(Deed.PERFORM, None)
    if source is Copy.ABSENT and target is Copy.RUNNING:
        return Done(reason("migration.was-there"))
    why = reason("migration.cannot", source=source, target=target)
    return Fail(why, times.settle_s)


def _was_paused(verdict: Verdict, seconds: float) -> Decision:
    """A VM that was paused before is never resumed by us."""
    if verdict is _V.RESUME_SOURCE:
        return Fail(reason("migration.paused-at-source"), seconds)
    return Done(reason("migration.paused-as-before"), seconds)
