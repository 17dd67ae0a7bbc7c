"""A trial from its seed to its end: the script is drawn first, so that parts can be left out."""

import random
import sys
import tempfile
import threading
import uuid
from collections import Counter
from collections.abc import Callable
from functools import cache
from pathlib import Path

from msgspec import Struct

from anypool.model import HostId, VmId, VmState
from anypool.plan import StartVm
from anypool.store import plans
from anypool.store import runs as stored_runs
from anypool.store.pages import Ask
from anypool.store.records import FINAL_RUN_STATES, RunState, StepState
from tests import databases
from tests.simulation.trial import faults, mending, wishes
from tests.simulation.trial.oracle import Wrong
from tests.simulation.trial.stage import Stage
from tests.simulation.trial.timed_manager import Manager

FAULTS_EACH = 200
"""So many faults are drawn for a trial; some of them find nothing to strike."""
CALM = "calm"
"""The kind of a line in which nothing happens; only a script that was shrunk has some."""
MOST_RUNS = 500
CALM_S = 1800.0
"""When all trouble is over, everything must be well within so long."""


class Event(Struct, frozen=True):
    """One line of a script: after so many ticks, something of a kind, drawn from a seed."""

    ticks: int
    kind: str
    seed: int


class Outcome(Struct, kw_only=True):
    """What came of a trial; `wrong` is empty if nothing was."""

    seed: int
    struck: dict[str, int] = {}
    wrong: str = ""
    host_s: float = 0.0
    deeds: int = 0
    starts: int = 0
    at: int = 0

    @property
    def faults(self) -> int:
        return sum(self.struck.values())


def script(seed: int, faults_: int = FAULTS_EACH) -> tuple[Event, ...]:
    """Return what happens in the trial of a seed."""
    chance = random.Random(f"{seed}/script")
    evil = [name for weight, name, _ in faults.FAULTS for _ in range(weight)]
    good = [name for weight, name, _ in wishes.WISHES for _ in range(weight)]
    found: list[Event] = []
    left = faults_
    while left:
        ticks = chance.choice((0, 0, 0, 1, 1, 2, 4))
        if chance.random() < 0.3:
            kind = f"+{chance.choice(good)}"
        elif chance.random() < 0.02:
            kind = "quiet"
        else:
            kind, left = chance.choice(evil), left - 1
        found.append(Event(ticks, kind, chance.getrandbits(32)))
    return tuple(found)


def play(
    seed: int,
    events: tuple[Event, ...] | None = None,
    trace: Callable[[str], None] | None = None,
) -> Outcome:
    """Play a trial, or a part of it, and return what came of it."""
    chosen = script(seed) if events is None else events
    databases._new()  # made once in a process, and not within a trial: it takes an id
    with tempfile.TemporaryDirectory(prefix="trial-", dir=_memory()) as folder, Numbered(seed):
        stage = Stage(Path(folder), seed)
        stage.trace = trace
        outcome = Outcome(seed=seed)
        begun = stage.clock.monotonic()
        try:
            _play(stage, chosen, outcome)
        except Wrong as error:
            outcome.wrong = str(error)
        except Exception as error:  # noqa: BLE001 - a search goes on, and this is a finding too
            outcome.wrong = f"error: {type(error).__name__}: {error}"
        finally:
            stage.close()
            outcome.struck = dict(stage.struck)
            outcome.deeds = stage.oracle.deeds
            outcome.starts = sum(one.starts for one in stage.managers)
            outcome.host_s = (stage.clock.monotonic() - begun) * len(stage.hosts)
        return outcome


def _play(stage: Stage, events: tuple[Event, ...], outcome: Outcome) -> None:
    for _ in range(20):
        stage.pass_(1.0)
    for number, event in enumerate(events):
        outcome.at = number
        _happen(stage, event)
        for _ in range(event.ticks):
            stage.pass_(stage.chance.choice((0.3, 1.0, 1.0, 2.0, 5.0)))
    outcome.at = len(events)
    _end(stage)


def _happen(stage: Stage, event: Event) -> None:
    chance = random.Random(event.seed)
    stage.tell(event.kind)
    if event.kind == CALM:
        return
    if event.kind == "quiet":
        for _ in range(4):
            stage.pass_(300.0)
    elif event.kind.startswith("+"):
        wishes.asked(stage, wishes.BY_NAME[event.kind[1:]], chance)
    else:
        faults.BY_NAME[event.kind](stage, chance)
    stage.oracle.judge(stage.managers)


def _end(stage: Stage) -> None:
    """End all trouble; let people tidy up; then everything must be well, and known."""
    mending.mended(stage)
    for _ in range(60):
        if mending.over(stage):
            break
        stage.pass_(2.0)
    chance = random.Random(f"{stage.seed}/end")
    until = stage.clock.monotonic() + CALM_S
    tries = 0
    while stage.clock.monotonic() < until:
        tries += 1
        for wish in (wishes.Person.open_hosts, wishes.Person.tidy, wishes.Person.wake):
            if tries in (2, 8):
                wishes.asked(stage, wish, chance)
        if tries % 6 == 0:
            mending.started(stage)
            for wish in (wishes.Person.give_up, wishes.Person.wake, wishes.Person.clean):
                wishes.asked(stage, wish, chance)
        for _ in range(3):
            stage.pass_(5.0)
        wrong = _unwell(stage)
        if not wrong:
            return
    raise Wrong(f"end: {wrong}")


def _unwell(stage: Stage) -> str:
    """Return what is not as it should be, "" if all is well."""
    leader = stage.leader()
    if leader is None:
        return "nobody leads"
    copies = stage.copies()
    odd = {vm: places for vm, places in copies.items() if len(places) != 1}
    if left := {vm: places for vm, places in odd.items() if not _is_at_rest(stage, vm, places)}:
        return f"copies are left over: {left}"
    down = stage.must_run - stage.oracle.free - stage.where().keys()
    if down and (down := down - _in_vain(leader)):
        why = {vm: leader.guard.down().get(vm) for vm in sorted(down)}
        kept = [one.vm for one in leader.guard.charges.all()]
        return f"down: { {vm: (copies.get(vm), why[vm], vm in kept) for vm in sorted(down)} }"
    with leader.store.reading() as tx:
        for run in stored_runs.unfinished(tx):
            if run.state not in FINAL_RUN_STATES:
                steps = [(s.number, s.state, s.message) for s in stored_runs.steps(tx, run.id)]
                now = [one for one in leader.engine._runner.active() if one.record.id == run.id]
                return f"no end: {run.id} is {run.state}: {run.message} {steps} {now}"
    known = {vm.id: (vm.host, vm.state) for vm in leader.engine.inventory.vms.values()}
    told = {vm: places[0] for vm, places in copies.items() if vm not in odd}
    known = {vm: place for vm, place in known.items() if vm not in odd}
    if known != told:
        odd = {vm: (known.get(vm), told.get(vm)) for vm in known.keys() | told.keys()
               if known.get(vm) != told.get(vm)}  # fmt: skip
        return f"known otherwise than it is: {odd}"
    return ""


def _in_vain(leader: Manager) -> set[VmId]:
    """Return the VMs that somebody ordered to start last, and was told that it failed."""
    last: dict[VmId, bool] = {}
    with leader.store.reading() as tx:
        for run in stored_runs.list_runs(tx, Ask(limit=MOST_RUNS)).items:
            if run.by != wishes.BY:
                continue
            for wish in plans.get(tx, run.plan).plan.steps:
                if isinstance(wish.action, StartVm) and wish.action.vm not in last:
                    state = stored_runs.steps(tx, run.id)[wish.number - 1].state
                    last[wish.action.vm] = state is StepState.FAILED
    return {vm for vm, failed in last.items() if failed}


def _is_at_rest(stage: Stage, vm: VmId, places: list[tuple[HostId, VmState]]) -> bool:
    """Return whether a VM that is known twice is left to people, who are refused to start it.

    Somebody stopped or paused it meanwhile, or moved it while a migration of ours was in trouble.
    """
    running = sum(state is VmState.RUNNING for _, state in places)
    return (vm in stage.oracle.free and running == 0) or (vm in stage.meddled and running <= 1)


class Numbered:
    """While it is open, ids are numbered by the seed: what is sorted by them stays in order.

    Only those of this thread: others may have a manager of their own, for other tests.
    """

    def __init__(self, seed: int) -> None:
        self._chance = random.Random(f"{seed}/ids")
        self._thread = threading.get_ident()
        self._places: list[object] = []

    def _next(self) -> uuid.UUID:
        if threading.get_ident() != self._thread:
            return uuid.uuid4()
        return uuid.UUID(int=self._chance.getrandbits(128), version=4)

    def __enter__(self) -> "Numbered":
        self._places = [
            module
            for name, module in sorted(sys.modules.items())
            if name.startswith("anypool.") and getattr(module, "uuid4", None) is uuid.uuid4
        ]
        for module in self._places:
            module.uuid4 = self._next  # type: ignore[attr-defined]
        return self

    def __exit__(self, *_: object) -> None:
        for module in self._places:
            module.uuid4 = uuid.uuid4  # type: ignore[attr-defined]


@cache
def _memory() -> str | None:
    """Return a folder that is in memory, if this machine has one."""
    return "/dev/shm" if Path("/dev/shm").is_dir() else None


def totals(outcomes: list[Outcome]) -> Counter[str]:
    """Return how often each kind of fault struck."""
    found: Counter[str] = Counter()
    for one in outcomes:
        found.update(one.struck)
    return found


__all__ = ["CALM", "Event", "Outcome", "RunState", "play", "script", "totals"]
