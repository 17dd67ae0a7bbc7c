"""Copies of a VM that several hosts know: which one counts, and which may be forgotten."""

import pytest
from msgspec.structs import replace

from anypool.engine.runs.decision import Act, Fail
from anypool.engine.runs.look import Trail, judge
from anypool.engine.runs.migration import Times
from anypool.engine.runs.sight import Seen, Sight
from anypool.errors import Conflict
from anypool.model import HostId, HostState, Inventory, StateReason, Vm, VmCopy, VmState
from anypool.plan import RemoveCopy, StopHow, StopVm, outcome, reason
from anypool.plan.check import objections
from anypool.plan.copies import copies_of, why_kept
from anypool.planner.copies import plan_remove_copy
from tests.unit.engine_kit import H1, H2, H3, V1, host, pool, vm

WHY = reason("asked", who="ada")


def known(state: VmState, *others: tuple[HostId, VmState], **more: object) -> Vm:
    copies = tuple(VmCopy(host=place, state=there) for place, there in others)
    return replace(vm(V1, H1, state), copies=copies, **more)


def world(one: Vm, *silent: HostId) -> Inventory:
    made = pool(one)
    for place in silent:
        made = made.with_host(replace(host(place), state=HostState.UNKNOWN))
    return made


def told(one: Vm, *silent: HostId) -> list[tuple[HostId, bool, str, str]]:
    found = copies_of(one, world(one, *silent))
    return [(c.host, c.counts, c.why.code, "" if c.kept is None else c.kept.code) for c in found]


RUNNING, PAUSED, STOPPED = VmState.RUNNING, VmState.PAUSED, VmState.STOPPED
UNKNOWN = VmState.UNKNOWN


@pytest.mark.parametrize(
    ("one", "silent", "expected"),
    [
        (
            known(RUNNING, (H2, STOPPED)),
            (),
            [(H1, True, "copy.lives", "copy.lives"), (H2, False, "copy.left", "")],
        ),
        (
            known(PAUSED, (H2, STOPPED)),
            (),
            [(H1, True, "copy.lives", "copy.lives"), (H2, False, "copy.left", "")],
        ),
        (
            known(STOPPED, (H2, STOPPED)),
            (),
            [(H1, True, "copy.alike", ""), (H2, False, "copy.alike", "")],
        ),
        (
            known(RUNNING, (H2, PAUSED)),
            (),
            [(H1, True, "copy.lives", "copy.lives"), (H2, False, "copy.beside", "copy.lives")],
        ),
        (
            known(UNKNOWN, (H2, STOPPED)),
            (H1,),
            [(H1, True, "copy.unheard", "copy.unheard"),
             (H2, False, "copy.left", "copy.rest-unheard")],
        ),
        (
            known(STOPPED, (H2, UNKNOWN)),
            (H2,),
            [(H1, True, "copy.alike", "copy.alone"),
             (H2, False, "copy.unheard", "copy.unheard")],
        ),
        (known(STOPPED), (), [(H1, True, "copy.alone", "copy.alone")]),
    ],
)  # fmt: skip
def test_only_a_stopped_copy_beside_another_that_is_heard_may_go(
    one: Vm, silent: tuple[HostId, ...], expected: list[tuple[HostId, bool, str, str]]
) -> None:
    assert told(one, *silent) == expected


@pytest.mark.parametrize(
    ("one", "gone", "left"),
    [
        (known(RUNNING, (H2, STOPPED), (H3, STOPPED)), H2, (H1, RUNNING, (H3,))),
        (known(STOPPED, (H2, STOPPED)), H2, (H1, STOPPED, ())),
        (known(STOPPED, (H2, STOPPED)), H1, (H2, STOPPED, ())),
    ],
)
def test_plan_forgets_one_copy_and_nobody_objects(
    one: Vm, gone: HostId, left: tuple[HostId, VmState, tuple[HostId, ...]]
) -> None:
    inventory = world(one)
    plan = plan_remove_copy(inventory, V1, gone, WHY)
    assert [step.action for step in plan] == [RemoveCopy(vm=V1, host=gone, keeps=left[0])]
    assert objections(plan, inventory) == ()
    after = outcome(plan, inventory).vms[V1]
    assert (after.host, after.state, tuple(copy.host for copy in after.copies)) == left


@pytest.mark.parametrize(
    ("one", "gone", "silent", "code"),
    [
        (known(RUNNING, (H2, STOPPED)), H1, (), "copy.lives"),
        (known(RUNNING), H1, (), "copy.alone"),
        (known(STOPPED), H1, (), "copy.alone"),
        (known(RUNNING, (H2, STOPPED)), H3, (), "copy.not-there"),
        (known(RUNNING, (H2, STOPPED)), H2, (H2,), "copy.unheard"),
        (known(STOPPED, (H2, STOPPED)), H2, (H1,), "copy.rest-unheard"),
        (known(RUNNING, (H2, PAUSED)), H2, (), "copy.lives"),
    ],
)
def test_copy_that_is_to_be_kept_is_not_planned_away(
    one: Vm, gone: HostId, silent: tuple[HostId, ...], code: str
) -> None:
    with pytest.raises(Conflict) as refused:
        plan_remove_copy(world(one, *silent), V1, gone, WHY)
    why = refused.value.why
    assert getattr(why, "code", "") == "no.remove-copy"
    assert code in repr(why)


def test_judge_objects_by_itself() -> None:
    inventory = world(known(RUNNING, (H2, STOPPED)))
    plan = plan_remove_copy(inventory, V1, H2, WHY)
    for wrong in (
        RemoveCopy(vm=V1, host=H1, keeps=H2),
        RemoveCopy(vm=V1, host=H2, keeps=H2),
        RemoveCopy(vm=V1, host=H2, keeps=HostId("h9")),
    ):
        bad = replace(plan, steps=(replace(plan.steps[0], action=wrong),))
        assert objections(bad, inventory), wrong


def test_copy_that_waits_for_a_migration_is_no_left_over() -> None:
    incoming = VmCopy(host=H2, state=PAUSED, reason=StateReason.INCOMING)
    one = replace(vm(V1, H1), copies=(incoming,))
    assert copies_of(one, world(one))[1].why.code == "copy.incoming"
    assert why_kept(one, H2, world(one)) is not None


def test_copy_that_a_migration_held_is_told_and_kept() -> None:
    held = replace(known(PAUSED, (H2, STOPPED)), reason=StateReason.MIGRATING)
    assert told(held)[0] == (H1, True, "copy.held", "copy.held")


@pytest.mark.parametrize(
    ("how", "other", "wanted"),
    [
        (StopHow.POWER_OFF, STOPPED, Act),
        (StopHow.POWER_OFF, PAUSED, Fail),
        (StopHow.SHUT_DOWN, STOPPED, Fail),
    ],
)
def test_what_a_migration_held_is_ended_by_its_power_once_nothing_else_lives(
    how: StopHow, other: VmState, wanted: type
) -> None:
    held = Seen(H1, answered=True, state=PAUSED, reason=StateReason.MIGRATING, vm=vm(V1))
    there = Seen(H2, answered=True, state=other, reason=StateReason.INCOMING)
    sight = Sight(inventory=pool(vm(V1)), seen=(held, there))
    action = StopVm(vm=V1, host=H1, how=how)
    assert type(judge(action, sight, Trail(tag="r/1"), Times(3.0, 45.0))) is wanted
