"""Failing a server over: which spare takes its profile, what is emptied for it, who is covered."""

import pytest
from msgspec.structs import replace

from anypool.errors import Conflict, NoPlan
from anypool.model import (
    Condition,
    HostId,
    HostState,
    Inventory,
    Power,
    Probe,
    ProbeKind,
    ProfileId,
    ServerId,
    Stated,
)
from anypool.model.profile import Needs
from anypool.plan import (
    FenceHost,
    PowerOffServer,
    VerifyServer,
    WithdrawProfile,
    apply,
    describe,
    names_in,
    outcome,
    say,
)
from anypool.plan.check import objections, violations
from anypool.planner.profiles.assign import plan_assign
from anypool.planner.profiles.cover import coverage
from anypool.planner.profiles.failover import plan_fail_over
from anypool.planner.profiles.wishes import FailOver
from anypool.planner.rules import NO_RULES
from anypool.planner.wish import Inputs, Terms, decode_inputs, encode_inputs, planned
from tests.strategies import pool, vm
from tests.unit.test_bearing import DB, FIRST, OTHER, SECOND, borne, changed, kinds, world

THIRD = ServerId(HostId("sim-blade3"))
TAKE_OVER = ["ApplyProfile", "PowerOnServer", "VerifyServer"]


def told(error: NoPlan) -> str:
    return "; ".join(error.refusals.values())


def hosting(inventory: Inventory, *servers: ServerId, vms: int = 3) -> Inventory:
    """Make hosts of servers, which are on, the first with so many VMs of 1 GiB."""
    (like,) = pool(1).hosts.values()
    inventory = inventory.with_host(replace(like, maintenance=True))
    for key in servers:
        host = replace(like, id=HostId(key), name=inventory.servers[key].name, memory_mib=65536)
        inventory = changed(inventory.with_host(host), key, power=Power.ON)
    for number in range(vms):
        one = vm(number, servers[0], made_by="us")
        inventory = inventory.with_vm(one)
    return inventory


def test_an_idle_spare_takes_over_what_a_server_bore_that_was_seen_off() -> None:
    inventory = borne(world(3))
    plan = plan_fail_over(inventory, FIRST)
    assert kinds(plan) == ["PowerOffServer", "WithdrawProfile", *TAKE_OVER]
    assert plan.steps[0].action == PowerOffServer(server=FIRST, force=True)
    assert objections(plan, inventory) == ()
    after = outcome(plan, inventory)
    assert after.profiles[DB.id].server == SECOND
    assert violations(after) == frozenset()
    (other,) = plan.rejected
    assert other.host == HostId(THIRD)


def test_whatever_brings_a_profile_waits_until_what_runs_there_answers() -> None:
    probe = Probe(kind=ProbeKind.TCP, address="10.0.0.7", port=22)
    free = world().with_profile(replace(DB, probe=probe))
    inventory = borne(free)
    plans = (plan_fail_over(inventory, FIRST), plan_assign(inventory, DB.id, SECOND),
             plan_assign(free, DB.id, None))  # fmt: skip
    for plan in plans:
        last = plan.steps[-1]
        assert isinstance(last.action, VerifyServer)
        assert last.action.probe == probe
        assert "answers its probe" in describe(last.action, names_in(inventory))


def test_a_spare_that_runs_vms_is_emptied_first_and_only_once_the_other_is_dead() -> None:
    inventory = hosting(borne(world(3)), SECOND, THIRD)
    inventory = changed(inventory, THIRD, spare=False)
    plan = plan_fail_over(inventory, FIRST)
    moves = ["MigrateVm"] * 3
    assert kinds(plan) == [
        "PowerOffServer", "WithdrawProfile", *moves, "EnterMaintenance", "PowerOffServer",
        *TAKE_OVER,
    ]  # fmt: skip
    off, gone, first, *_ = plan.steps
    assert first.after == {off.number}
    written = plan.steps[-3]
    assert written.after == {gone.number, written.number - 1}
    assert objections(plan, inventory) == ()
    after = outcome(plan, inventory)
    assert after.profiles[DB.id].server == SECOND
    assert {one.host for one in after.vms.values()} == {HostId(THIRD)}
    assert after.hosts[HostId(SECOND)].maintenance
    assert "3 VMs" in say(written.why)


def test_of_hosts_the_one_with_the_least_to_move_is_emptied() -> None:
    one = vm(9, THIRD)
    inventory = hosting(borne(world(4)), SECOND, THIRD, ServerId(HostId("sim-blade4")))
    inventory = changed(inventory.with_vm(one), ServerId(HostId("sim-blade4")), spare=False)
    plan = plan_fail_over(inventory, FIRST)
    assert outcome(plan, inventory).profiles[DB.id].server == THIRD
    assert any("3 VMs would have to leave" in say(refusal.why) for refusal in plan.rejected)


def test_an_idle_spare_comes_before_one_to_be_emptied_and_a_named_one_before_all() -> None:
    inventory = hosting(borne(world(3)), SECOND, vms=1)
    assert outcome(plan_fail_over(inventory, FIRST), inventory).profiles[DB.id].server == THIRD
    with pytest.raises(NoPlan) as caught:
        plan_fail_over(inventory, FIRST, SECOND)
    assert "cannot be emptied" in told(caught.value), "its VM has nowhere to go"


def test_nothing_goes_to_the_host_that_failed() -> None:
    inventory = hosting(borne(world(2)), SECOND)
    failed = replace(inventory.hosts[HostId(SECOND)], id=HostId(FIRST), name="blade1")
    for state in (HostState.UP, HostState.UNKNOWN):
        with pytest.raises(NoPlan) as caught:
            plan_fail_over(inventory.with_host(replace(failed, state=state)), FIRST)
        assert "cannot be emptied" in told(caught.value)


def test_a_silent_host_that_bears_a_profile_is_fenced_and_its_vms_do_not_stand_in_the_way() -> None:
    inventory = hosting(borne(world(2)), FIRST)
    silent = replace(inventory.hosts[HostId(FIRST)], state=HostState.UNKNOWN)
    inventory = inventory.with_host(silent)
    plan = plan_fail_over(inventory, FIRST)
    assert plan.steps[0].action == FenceHost(host=HostId(FIRST))
    assert objections(plan, inventory) == ()
    assert outcome(plan, inventory).profiles[DB.id].server == SECOND


def test_one_that_lives_and_runs_vms_is_not_switched_off() -> None:
    inventory = hosting(borne(world(2)), FIRST)
    plan = plan_fail_over(inventory, FIRST)
    with pytest.raises(Conflict, match="runs 3 VMs"):
        apply(plan.steps[0].action, inventory)


def test_a_person_stands_for_a_bmc_that_is_silent() -> None:
    inventory = changed(borne(world()), FIRST, power=Power.UNKNOWN)
    said = Stated(host=HostId(FIRST), at=1.0, by="ada", words="burnt", audit=7)
    plan = plan_fail_over(inventory, FIRST, None, said)
    assert kinds(plan) == ["WithdrawProfile", *TAKE_OVER]
    assert isinstance(plan.steps[0].action, WithdrawProfile)
    assert objections(plan, inventory) == ()


def test_a_plan_that_withdraws_before_the_proof_is_objected_to() -> None:
    inventory = borne(world())
    plan = plan_fail_over(inventory, FIRST)
    hasty = replace(plan.steps[1], after=frozenset())
    loose = replace(plan, steps=(plan.steps[0], hasty, *plan.steps[2:]))
    assert any("not seen to be off" in say(one) for one in objections(loose, inventory))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"spare": False}, "it is no spare"),
        ({"pool": "other"}, "is in the pool other"),
        ({"memory_mib": 1024}, "memory"),
        ({"arch": "aarch64"}, "it is aarch64"),
        ({"health": Condition.CRITICAL}, "broken"),
        ({"power": Power.UNKNOWN}, "nobody knows whether"),
        ({"power": Power.ON}, "is on and may be in use"),
        ({"bears": "strange@3"}, "bears strange@3"),
    ],
)
def test_a_server_that_is_no_spare_for_it_says_why(changes: dict[str, object], said: str) -> None:
    needs = replace(DB, needs=Needs(arch="x86_64", memory_mib=65536))
    inventory = changed(borne(world().with_profile(needs)), SECOND, **changes)
    with pytest.raises(NoPlan) as caught:
        plan_fail_over(inventory, FIRST)
    assert said in told(caught.value)


def test_a_server_without_a_profile_has_nothing_to_fail_over() -> None:
    with pytest.raises(Conflict, match="bears no profile"):
        plan_fail_over(world(), FIRST)


def test_one_spare_covers_each_server_but_not_all_at_once() -> None:
    inventory = borne(world(3))
    both = outcome_of(inventory, OTHER.id, SECOND)
    first, second = coverage(both)
    assert (first.covered, second.covered) == (True, True)
    assert sorted((first.together, second.together), key=str) == [None, THIRD]
    bare = changed(both, THIRD, spare=False)
    assert [one.covered for one in coverage(bare)] == [False, False]
    assert dict(coverage(bare)[0].refused).keys() == {"blade2", "blade3"}


def outcome_of(inventory: Inventory, profile: ProfileId, server: ServerId) -> Inventory:
    return outcome(plan_assign(inventory, profile, server), inventory)


def test_a_person_s_word_also_frees_a_profile_of_a_server_that_is_not_known_any_more() -> None:
    inventory = borne(world())
    inventory = inventory._replace(servers=inventory.servers.drop(FIRST))
    said = Stated(host=HostId(FIRST), at=1.0, by="ada", words="burnt", audit=7)
    plan = plan_fail_over(inventory, FIRST, None, said)
    assert objections(plan, inventory) == ()
    assert outcome(plan, inventory).profiles[DB.id].server == SECOND


def test_of_a_hypervisor_it_is_said_which_vms_wait_for_the_spare() -> None:
    inventory = hosting(borne(world(2)), FIRST)
    silent = replace(inventory.hosts[HostId(FIRST)], state=HostState.UNKNOWN)
    room = replace(
        inventory.hosts[HostId("h0")], maintenance=False, memory_mib=2048, reserved_mib=0
    )
    plan = plan_fail_over(inventory.with_host(silent).with_host(room), FIRST)
    said = say(plan.steps[-2].why)
    assert "2 of its VMs can start elsewhere in about 10 s" in said
    assert "1 has no place there and waits for it, about 430 s" in said


def test_a_fail_over_is_made_again_from_what_was_kept_of_it() -> None:
    inventory = hosting(borne(world(3)), SECOND, THIRD)
    inputs = Inputs(wish=FailOver(server=FIRST), terms=Terms(by="ada"))
    plan = planned(inputs, inventory, NO_RULES)
    again = decode_inputs(encode_inputs(inputs, plan))
    assert planned(again, inventory, NO_RULES) == plan
