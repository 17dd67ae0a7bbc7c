"""When a spare becomes a host for a dead one or under load, when not, and when it may go again."""

import pytest
from msgspec.structs import replace

from anypool.errors import Invalid
from anypool.model import (
    HostId,
    HostState,
    Inventory,
    Level,
    Policy,
    PolicyId,
    PowerOff,
    Profile,
    ProfileId,
    ServerId,
)
from anypool.model.policy import Replenish
from anypool.plan import outcome, plain, reason, say
from anypool.planner.profiles.replenishing import (
    Case,
    Joined,
    Need,
    Rest,
    Spare,
    because,
    free_profiles,
    judge,
)
from anypool.planner.profiles.wishes import MakeHost, RetireHost
from anypool.planner.rules import NO_RULES
from anypool.planner.rules.bind import checked
from tests.strategies import host, pool, vm
from tests.unit.test_hosting import NODE, SPARE, yard

RULE = Replenish(after_s=60, hold_s=100, high_percent=80.0, low_percent=50.0)
DEAD = HostId("h2")
NOW = 10_000.0
OFF = PowerOff(host=DEAD, first_at=NOW - 90, at=NOW - 80)


def world(**changes: object) -> Inventory:
    """Three hosts, of which h2 is dead, a spare, and a profile that makes hosts."""
    return yard().with_host(host(2, state=HostState.UNKNOWN, **changes))


def case(inventory: Inventory, **changes: object) -> Case:
    values: dict[str, object] = {
        "hosts": frozenset(inventory.hosts), "proofs": {DEAD: OFF}, "joined": (), "usages": {},
        "now": NOW,
    }  # fmt: skip
    return Case(**(values | changes))  # type: ignore[arg-type]


def want(inventory: Inventory, rule: Replenish = RULE, **changes: object) -> Need | Spare | Rest:
    return judge(rule, inventory, case(inventory, **changes)).want


def why(inventory: Inventory, rule: Replenish = RULE, **changes: object) -> str:
    return want(inventory, rule, **changes).why.code


def test_a_dead_host_is_replaced_and_the_plan_says_whom_and_by_which_proof() -> None:
    found = want(world())
    assert isinstance(found, Need)
    assert (found.instead, found.pool) == (DEAD, "default")
    plan = MakeHost(profile=NODE, why=found.why, instead=found.instead).plan(world(), NO_RULES)
    assert plan.goal == say(plan.aim)
    asked, _, told = plan.goal.partition(": ")
    assert asked == "make blade1 a host of the pool, as node1"
    assert told.startswith("it replaces host2, dead for 90 s; proof: ")
    assert "Beweis" in say(plan.aim, "de")


def test_without_a_proof_nothing_is_done_and_neither_before_its_time() -> None:
    assert why(world(), proofs={}) == "replenish.enough"
    early = want(world(), now=NOW - 40)
    assert isinstance(early, Rest)
    assert (early.why.code, early.until) == ("replenish.may-return", OFF.first_at + 60)


@pytest.mark.parametrize("changes", [{"maintenance": True}, {"power_saved": True}])
def test_one_that_somebody_closed_is_not_lost(changes: dict[str, object]) -> None:
    assert why(world(**changes)) == "replenish.enough"


def test_it_is_replaced_once() -> None:
    made = MakeHost(profile=NODE, server=SPARE, instead=DEAD)
    after = outcome(made.plan(world(), NO_RULES), world())
    joined = (Joined(profile=NODE, instead=DEAD),)
    assert why(after, joined=joined) == "replenish.enough"
    there, other = after.host(HostId(SPARE)), HostId("s9")
    moved = after.without_host(HostId(SPARE)).with_host(replace(there, id=other))
    moved = moved.with_profile(replace(after.profile(NODE), server=ServerId(other)))
    assert why(moved, joined=joined) == "replenish.enough", "it failed over: it is the same host"
    gone = world()  # the spare was retired meanwhile: h2 is still dead
    assert isinstance(want(gone, joined=joined), Need)


def test_one_whose_profile_fails_over_by_itself_is_somebody_elses() -> None:
    server = yard().server(SPARE)
    bears = Profile(id=ProfileId("p2"), name="node2", hypervisor=True, server=ServerId(DEAD))
    known = world().with_server(replace(server, id=ServerId(DEAD), name="b2", spare=False))
    assert isinstance(want(known.with_profile(bears)), Need)
    watched = replace(bears, failover=Level.AUTOMATIC)
    assert why(known.with_profile(watched)) == "replenish.enough"
    lent = replace(bears, hypervisor=False)
    assert why(known.with_profile(lent)) == "replenish.enough", "it is something else now"


def test_brake_cap_and_rest_hold_a_need_back() -> None:
    assert why(world(), cold_s=5.0) == "replenish.cold"
    assert why(world(), begun=2) == "replenish.cap"
    assert why(world(), ended_at=NOW - 10) == "replenish.rests"
    dark = world().with_host(host(1, state=HostState.UNKNOWN))
    assert why(dark) == "replenish.dark"
    assert isinstance(want(dark, replace(RULE, dark_percent=90)), Need)


def test_overload_needs_its_time_and_low_is_no_overload() -> None:
    full = pool()
    for number, key in enumerate(sorted(full.hosts), 1):
        full = full.with_vm(vm(number, key, memory_mib=full.hosts[key].usable_mib * 9 // 10))
    begun = judge(RULE, full, case(full, proofs={}))
    assert begun.want.why.code == "replenish.hold"
    assert (begun.high_since, begun.percent > 80) == (NOW, True)
    hot = want(full, proofs={}, high_since=NOW - 100)
    assert isinstance(hot, Need)
    assert (hot.instead, hot.why.code) == (None, "replenish.overload")
    never = replace(RULE, high_percent=0)
    assert why(full, never, proofs={}, high_since=NOW - 100) == "replenish.enough"
    assert judge(RULE, pool(), case(pool(), proofs={})).high_since == 0.0


def test_a_spare_is_given_back_once_the_host_is_back_and_the_load_allows_it() -> None:
    made = MakeHost(profile=NODE, server=SPARE, instead=DEAD)
    joined = (Joined(profile=NODE, instead=DEAD),)
    still = outcome(made.plan(world(), NO_RULES), world())
    assert why(still, joined=joined, low_since=NOW - 1000) == "replenish.enough"
    back = still.with_host(host(2))
    waits = judge(RULE, back, case(back, proofs={}, joined=joined))
    assert (waits.want.why.code, waits.low_since) == ("replenish.hold-back", NOW)
    found = want(back, proofs={}, joined=joined, low_since=NOW - 100)
    assert isinstance(found, Spare)
    assert (found.server, found.why.code) == (SPARE, "replenish.returned")
    plan = RetireHost(server=SPARE, why=found.why).plan(back, NO_RULES)
    assert "host2, which node1 stands for, is back" in plan.goal
    busy = back
    for number, key in enumerate(("h0", "h1", "h2"), 1):
        busy = busy.with_vm(vm(number, key, memory_mib=busy.host(HostId(key)).usable_mib * 6 // 10))
    assert why(busy, proofs={}, joined=joined, low_since=NOW - 100) == "replenish.enough"
    assert why(back, proofs={}, joined=(), low_since=NOW - 100) == "replenish.enough"


def test_profiles_are_free_boot_a_hypervisor_and_match() -> None:
    known = yard().with_profile(Profile(id=ProfileId("p2"), name="db"))
    assert [one.id for one in free_profiles(RULE, known, "default")] == [NODE]
    assert free_profiles(replace(RULE, profiles="name = x"), known, "default") == ()
    assert free_profiles(RULE, known, "other") == ()


@pytest.mark.parametrize(
    "changes",
    [{"level": Level.DISABLED}, {"low_percent": 85.0}, {"high_percent": 101.0}, {"after_s": -1},
     {"most_a_day": 0}, {"profiles": "nonsense ="}, {"window": "monday"}],
)  # fmt: skip
def test_a_rule_without_sense_is_refused(changes: dict[str, object]) -> None:
    rule = Replenish(**changes)  # type: ignore[arg-type]
    with pytest.raises(Invalid):
        checked(Policy(id=PolicyId("farm"), scope="", rule=rule))


def test_a_plan_without_a_wisher_keeps_its_aim() -> None:
    plan = MakeHost(profile=NODE).plan(yard(), NO_RULES)
    assert because(plan, None) is plan
    assert because(plan, plain("so")).aim == reason("aim.because", aim=plan.aim, why=plain("so"))
