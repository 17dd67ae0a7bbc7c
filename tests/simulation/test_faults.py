"""Thousands of faults: lost answers, broken migrations, dying managers, hosts cut off.

Every run must end in the planned state or a named one, and at no moment may a VM run
twice or be lost; the world itself keeps watch. A failing seed can be run alone.
"""

import os
from pathlib import Path

import pytest

from anypool.drivers.sim import Fault, FaultKind, Shape
from anypool.model import VmState
from anypool.store.records import RunRecord, RunState, StepState
from tests.simulation.yard import Yard

KINDS = (
    FaultKind.UNREACHABLE,
    FaultKind.LOST_ANSWER,
    FaultKind.LOST_FINISH,
    FaultKind.LOST_MEMORY,
    FaultKind.REJECTED,
)
SEEDS = range(int(os.environ.get("TEST_SEEDS", "24")))
FAULTS_EACH = 125


class Trouble:
    """Injects faults into a yard while a run goes on, and counts them."""

    def __init__(self, yard: Yard, budget: int) -> None:
        self.yard = yard
        self.left = budget
        self.count = 0

    def strike(self) -> None:
        """Maybe do harm."""
        yard, draw = self.yard, self.yard.chance.random()
        if self.left <= 0 or draw > 0.15:
            return
        self.left -= 1
        self.count += 1
        if draw < 0.02:
            yard.restart()
        elif draw < 0.04:
            self._cut()
        elif draw < 0.06:
            yard.world.lose_events()
        else:
            kind = yard.chance.choice(KINDS)
            moving = kind in (FaultKind.LOST_FINISH, FaultKind.LOST_MEMORY)
            operation = "begin_migration" if moving else self._operation()
            yard.world.inject(Fault(kind=kind, operation=operation))

    def _operation(self) -> str:
        return self.yard.chance.choice(
            ["observe_vms", "observe", "begin_migration", "migration", "resume_vm", "discard_copy"]
        )

    def _cut(self) -> None:
        """Cut a host off, or heal all."""
        hosts = sorted(self.yard.engine.inventory.hosts)
        if self.yard.chance.random() < 0.5:
            self.yard.world.cut_host(self.yard.chance.choice(hosts))
        else:
            self.heal()

    def over(self) -> None:
        """End all trouble; what did not strike is not counted."""
        with self.yard.world.turn() as state:
            unused = len(state.faults.rows)
        self.count -= unused
        self.left += unused
        self.yard.world.clear_faults()
        self.heal()

    def heal(self) -> None:
        """Undo what lasts."""
        for host in self.yard.engine.inventory.hosts:
            self.yard.world.heal_host(host)


def carried_through(yard: Yard, trouble: Trouble) -> RunRecord:
    """Evacuate under trouble, then let a person retry what is left, without trouble."""
    trouble.over()
    for host in yard.engine.inventory.hosts:
        yard.engine.observe_now(host)
    run = yard.evacuate()
    record = yard.record(run)
    for _ in range(4000):
        record = yard.record(run)
        if record.ended_at or record.state is RunState.NEEDS_HUMAN:
            break
        trouble.strike()
        yard.step()
        yard.check_safe()
    else:
        trouble.over()
        record = yard.finish(run)
    assert record.state is RunState.DONE or record.message
    return record


def settled(yard: Yard, trouble: Trouble, record: RunRecord) -> None:
    """After the trouble: whatever did not succeed can be retried and then does."""
    trouble.over()
    yard.clock.advance(120)
    for _ in range(6):
        if record.state is RunState.DONE:
            break
        for step in yard.steps(record.id):
            if step.state in (StepState.FAILED, StepState.NEEDS_HUMAN):
                yard.engine.retry(record.id, step.number, "test")
        record = yard.finish(record.id)
    yard.check_safe()
    left = {vm: where for vm, where in yard.copies().items() if len(where) != 1}
    assert left == {}, yard.steps(record.id)
    assert all(state is VmState.RUNNING for ((_, state),) in yard.copies().values())


def reopened(yard: Yard) -> None:
    """Open all hosts again."""
    for facts in [host for host in yard.engine.inventory.hosts.values() if host.maintenance]:
        yard.open_host(facts.id)


@pytest.mark.parametrize("locks", [True, False], ids=["locked", "shareable"])
@pytest.mark.parametrize("seed", SEEDS)
def test_nothing_runs_twice_and_nothing_is_lost(tmp_path: Path, seed: int, *, locks: bool) -> None:
    shape = Shape(
        hosts=4,
        vms=10,
        seed=seed + 1,
        running_percent=100,
        locks=locks,
        shareable_percent=0 if locks else 100,
    )
    yard = Yard(tmp_path, seed=seed, shape=shape)
    yard.reads = 0.05
    if locks:
        yard.trust_locks()
    trouble = Trouble(yard, FAULTS_EACH)
    for _ in range(60):
        if trouble.left <= 0:
            break
        record = carried_through(yard, trouble)
        settled(yard, trouble, record)
        yard.check_known()
        reopened(yard)
    yard.close()
    assert trouble.count == FAULTS_EACH
