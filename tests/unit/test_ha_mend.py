"""What is done about one VM that is ill on a host that is well: each answer once."""

import pytest
from msgspec.structs import replace

from anypool.model import HighAvailability, HostId
from anypool.plan import Reason, RestartVm, ResumeVm, StopHow, StopVm, reason
from anypool.plan.check import objections
from anypool.planner.ha.mend import (
    Ill,
    Reset,
    Resume,
    TakeAway,
    Trouble,
    Wait,
    ails,
    mend,
    plan_mending,
    takes_away,
)
from tests.strategies import pool, vm

H, NOW = HostId("h0"), 1000.0
RULE = HighAvailability(
    store_lost_s=100,
    in_place=2,
    tries=4,
    guest_silent_s=60,
    guest_resets=2,
    agent_silent_s=60,
    agent_quiet_s=120,
)
VM = vm(1, H)


def ill(trouble: Trouble, **more: object) -> Ill:
    return replace(Ill(vm=VM.id, host=H, trouble=trouble, since=0.0, about="nfs"), **more)


def somewhere() -> None:
    """Say that another host takes the VM."""


def nowhere() -> Reason:
    """Say that no other host takes the VM."""
    return reason("host.state", state="off")


@pytest.mark.parametrize(
    ("case", "kind", "code"),
    [
        (ill(Trouble.STORE), TakeAway, "ha.store-elsewhere"),
        (ill(Trouble.STORE, since=NOW - 99), Wait, "ha.store-lost"),
        (ill(Trouble.STORE, seen_there=False), Wait, "ha.store-nowhere"),
        (ill(Trouble.PAUSED), Resume, "ha.resume"),
        (ill(Trouble.PAUSED, rest_s=1.0), Wait, "ha.paused"),
        (ill(Trouble.PAUSED, tries=2), TakeAway, "ha.paused-again"),
        (ill(Trouble.PAUSED, tries=4), Wait, "ha.gave-up"),
        (ill(Trouble.SILENT), Reset, "ha.guest-hung"),
        (ill(Trouble.SILENT, since=NOW - 59), Wait, "ha.guest-silent"),
        (ill(Trouble.SILENT, busy=True), Wait, "ha.guest-busy"),
        (ill(Trouble.SILENT, alone=False), Wait, "ha.guests-silent"),
        (ill(Trouble.SILENT, resets=2), Wait, "ha.guest-resets"),
        (ill(Trouble.MUTE, still_s=120.0), Reset, "ha.agent-hung"),
        (ill(Trouble.MUTE, still_s=120.0, since=NOW - 59), Wait, "ha.agent-silent"),
        (ill(Trouble.MUTE, still_s=120.0, since=NOW - 60), Reset, "ha.agent-hung"),
        (ill(Trouble.MUTE, still_s=119.9), Wait, "ha.agent-busy"),
        (ill(Trouble.MUTE), Wait, "ha.agent-unmeasured"),
        (ill(Trouble.MUTE, still_s=120.0, probed=True), Wait, "ha.agent-probed"),
        (ill(Trouble.MUTE, still_s=120.0, alone=False), Wait, "ha.guests-silent"),
        (ill(Trouble.MUTE, still_s=120.0, resets=2), Wait, "ha.guest-resets"),
    ],
)
def test_each_ill_vm_has_its_answer(case: Ill, kind: type, code: str) -> None:
    found = mend(case, RULE, NOW, somewhere)
    assert (type(found), found.why.code) == (kind, code)


@pytest.mark.parametrize(
    ("case", "kind", "code"),
    [
        (ill(Trouble.STORE), Wait, "ha.store-no-place"),
        (ill(Trouble.PAUSED, tries=2), Resume, "ha.resume"),
    ],
)
def test_one_that_no_other_host_takes_stays(case: Ill, kind: type, code: str) -> None:
    found = mend(case, RULE, NOW, nowhere)
    assert (type(found), found.why.code) == (kind, code)


@pytest.mark.parametrize(
    "case",
    [
        ill(Trouble.STORE, since=NOW - 99),
        ill(Trouble.STORE, seen_there=False),
        ill(Trouble.PAUSED),
        ill(Trouble.PAUSED, tries=2, rest_s=1.0),
        ill(Trouble.PAUSED, tries=4),
        ill(Trouble.SILENT),
    ],
)
def test_nobody_looks_for_a_place_before_one_is_needed(case: Ill) -> None:
    def asked() -> None:
        pytest.fail("all hosts were looked at for nothing")

    mend(case, RULE, NOW, asked)


def test_silent_agent_alone_is_no_trouble() -> None:
    for case in (
        ill(Trouble.MUTE),
        ill(Trouble.MUTE, since=NOW - 59),
        ill(Trouble.MUTE, still_s=1),
    ):
        assert not ails(mend(case, RULE, NOW, somewhere).why)
    assert ails(mend(ill(Trouble.MUTE, still_s=120.0), RULE, NOW, somewhere).why)
    assert ails(mend(ill(Trouble.SILENT, busy=True), RULE, NOW, somewhere).why)


def test_policy_may_leave_vms_where_their_storage_is_lost() -> None:
    found = mend(ill(Trouble.STORE), replace(RULE, store_lost_s=0.0), NOW, somewhere)
    assert (type(found), found.why.code) == (Wait, "ha.store-kept")


def test_without_a_limit_nothing_is_given_up() -> None:
    found = mend(ill(Trouble.PAUSED, tries=99), replace(RULE, tries=0), NOW, nowhere)
    assert isinstance(found, Resume)


def test_plan_does_the_same_to_all_and_nobody_objects() -> None:
    world = pool(2).with_vm(VM)
    for trouble, kind in ((Trouble.STORE, StopVm), (Trouble.SILENT, RestartVm)):
        one = ill(trouble)
        deed = mend(one, RULE, NOW, somewhere)
        assert not isinstance(deed, Wait)
        plan = plan_mending(world, [(one, deed)])
        (step,) = plan.steps
        assert isinstance(step.action, kind)
        assert objections(plan, world, ()) == ()
        assert takes_away(step) is (trouble is Trouble.STORE)
        if isinstance(step.action, StopVm):
            assert step.action.how is StopHow.POWER_OFF
    resumed = plan_mending(world, [(ill(Trouble.PAUSED), Resume(reason("ha.resume", count=1)))])
    assert isinstance(resumed.steps[0].action, ResumeVm)
