"""Rules at the moment a step begins, with the real engine: another tool is quicker than a plan.

The world says what is where; the engine is told, and the step that waited is refused.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from anypool.drivers.sim import Shape
from anypool.model import (
    Apart,
    HostId,
    MaxVms,
    Pinned,
    PlanId,
    Policy,
    PolicyId,
    Rule,
    VmId,
)
from anypool.plan import MigrateVm, Plan, PlanState, Step
from anypool.store import plans
from anypool.store.records import RunState, StepState
from tests.simulation.yard import Yard
from tests.unit.engine_kit import step

EMPTY = Shape(hosts=4, vms=2, running_percent=100, local_percent=0, host_mib=65536)


@pytest.fixture
def yard(tmp_path: Path) -> Iterator[Yard]:
    made = Yard(tmp_path, shape=EMPTY)
    yield made
    made.close()


def scene(yard: Yard) -> tuple[VmId, VmId, HostId, HostId]:
    """Return two VMs on different hosts, and two hosts that are empty."""
    first, second = sorted(yard.where())
    free = sorted(set(yard.engine.inventory.hosts) - set(yard.where().values()))
    if yard.where()[first] == yard.where()[second]:
        by_hand(yard, second, free.pop())
    return first, second, free[0], free[1]


def by_hand(yard: Yard, vm: VmId, target: HostId) -> None:
    """Let another tool move a VM, and the engine be told."""
    source = yard.where()[vm]
    with yard.world.turn() as state:
        copy = state.copy(source, vm)
        assert copy is not None
        state.put_copy(source, vm, None)
        state.put_copy(target, vm, replace(copy, vm=replace(copy.vm, host=target)))
    for host in (source, target):
        yard.engine.observe_now(host)


def rule(yard: Yard, of: Rule, scope: str) -> None:
    policy = Policy(id=PolicyId("p"), scope=scope, rule=of)
    yard.engine.policies.put(policy, "ada", new=True)


def move(number: int, yard: Yard, vm: VmId, target: HostId, *after: int) -> Step:
    return step(number, MigrateVm(vm=vm, source=yard.where()[vm], target=target), *after)


def state_of(yard: Yard, plan: PlanId) -> PlanState:
    with yard.store.store.reading() as tx:
        return plans.get(tx, plan).state


@pytest.mark.parametrize("of", [Apart(), MaxVms(maximum=1)])
def test_who_came_meanwhile_keeps_the_step_from_beginning(yard: Yard, of: Rule) -> None:
    first, second, target, _ = scene(yard)
    rule(yard, of, "state = running" if isinstance(of, Apart) else "state = up")
    home = yard.where()[first]
    run = yard.begin(Plan(goal="", steps=(move(1, yard, first, target),)))
    by_hand(yard, second, target)
    record = yard.finish(run)
    assert record.state is RunState.FAILED
    assert "the plan is out of date: the policy p would be broken now by" in record.message
    assert state_of(yard, record.plan) is PlanState.SUPERSEDED
    assert yard.where() == {first: home, second: target}
    yard.check_tidy()


def test_who_went_away_in_time_keeps_nobody(yard: Yard) -> None:
    first, second, target, other = scene(yard)
    rule(yard, Apart(), "state = running")
    run = yard.begin(Plan(goal="", steps=(move(1, yard, first, target),)))
    by_hand(yard, second, target)
    by_hand(yard, second, other)
    assert yard.finish(run).state is RunState.DONE
    assert yard.where() == {first: target, second: other}


def test_policy_that_came_while_a_step_waited_holds_as_it_begins(yard: Yard) -> None:
    """What had begun is brought to its end."""
    first, second, target, other = scene(yard)
    home = yard.where()[second]
    plan = Plan(goal="", steps=(move(1, yard, first, target), move(2, yard, second, other, 1)))
    run = yard.begin(plan)
    while yard.steps(run)[0].state is not StepState.BEGUN:
        yard.step()
    rule(yard, Pinned(), f'id = "{first}" or id = "{second}"')
    record = yard.finish(run)
    assert [str(one.state) for one in yard.steps(run)] == ["done", "failed"]
    assert state_of(yard, record.plan) is PlanState.FAILED
    assert yard.where() == {first: target, second: home}
    yard.check_tidy()


def test_manager_that_died_asks_again_before_it_repeats_an_order(yard: Yard) -> None:
    first, second, target, _ = scene(yard)
    rule(yard, Apart(), "state = running")
    home = yard.where()[first]
    run = yard.begin(Plan(goal="", steps=(move(1, yard, first, target),)))
    while yard.steps(run)[0].state is not StepState.BEGUN:
        yard.step()
    yard.restart()
    by_hand(yard, second, target)
    record = yard.finish(run)
    assert record.state is RunState.FAILED
    assert yard.where() == {first: home, second: target}
    yard.check_tidy()
