"""What speaks against a step as it begins: by the rules of now, and beside what is under way."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from anypool.errors import Conflict, NoPlan
from anypool.model import (
    Apart,
    Headroom,
    HostId,
    Inventory,
    Licence,
    MaxVms,
    NoMigration,
    Pinned,
    Policy,
    PolicyId,
    Rule,
    SaidGone,
    Spread,
    Strength,
    Together,
    VmId,
    VmState,
)
from anypool.plan import Action, MigrateVm, Plan, StartAfterFailure, StartVm, apply, reason, say
from anypool.plan.check import objections
from anypool.plan.stepcheck import Against, Moment, against
from anypool.planner import plan_evacuation
from anypool.planner.ha.anew import wish_of
from anypool.planner.rules import Rulebook
from tests.strategies import host, pool, vm
from tests.unit.engine_kit import step
from tests.unit.test_rules import ruled

H0, H1, H2, H3 = (HostId(f"h{number}") for number in range(4))
WEB = frozenset({"web"})


def rule(of: Rule, scope: str = "tag = web", strength: Strength = Strength.MUST) -> Policy:
    return Policy(id=PolicyId("p"), scope=scope, rule=of, strength=strength)


def webs(*homes: str, memory_mib: int = 1024) -> Inventory:
    """Return four hosts in two racks, and a VM of the group on each of some."""
    world = pool(4)
    for number in range(4):
        rack = frozenset({f"rack:{'ab'[number % 2]}"})
        world = world.with_host(host(number, tags=rack, sockets=2))
    for number, home in enumerate(homes, 1):
        world = world.with_vm(vm(number, home, tags=WEB, memory_mib=memory_mib))
    return world


def move(number: int, source: HostId, target: HostId) -> MigrateVm:
    return MigrateVm(vm=VmId(f"v{number}"), source=source, target=target)


def asked(action: Action, world: Inventory, *policies: Policy, **more: object) -> Against | None:
    bounds = Rulebook.on(policies, world).bounds
    return against(action, replace(Moment(inventory=world, bounds=bounds), **more))


def test_it_names_the_rule_and_who_would_break_it() -> None:
    found = asked(move(1, H0, H1), webs("h0", "h1"), rule(Apart()))
    assert found is not None
    assert not found.passes
    assert say(found.why) == "the policy p would be broken now by vm1, vm2"


def test_a_preference_or_what_is_broken_already_holds_nobody() -> None:
    world = webs("h0", "h1", "h0")
    assert asked(move(1, H0, H1), world, rule(Apart(), strength=Strength.SHOULD)) is None
    assert asked(move(1, H0, H2), world, rule(Apart())) is None


def test_who_is_on_its_way_to_the_host_counts_as_there() -> None:
    found = asked(move(1, H0, H2), webs("h0", "h1"), rule(Apart()), under_way=(move(2, H1, H2),))
    assert found is not None
    assert not found.passes


def test_who_is_on_its_way_from_the_host_is_waited_for() -> None:
    found = asked(move(1, H0, H1), webs("h0", "h1"), rule(Apart()), under_way=(move(2, H1, H2),))
    assert found is not None
    assert found.passes


def test_who_leaves_before_it_in_its_plan_is_waited_for() -> None:
    found = asked(move(1, H0, H1), webs("h0", "h1"), rule(Apart()), earlier=(move(2, H1, H2),))
    assert found is not None
    assert found.passes


def test_who_leaves_after_it_is_not_waited_for() -> None:
    found = asked(move(1, H0, H1), webs("h0", "h1"), rule(Apart()), later=(move(2, H1, H2),))
    assert found is not None
    assert not found.passes


def test_those_who_belong_together_count_with_those_to_come() -> None:
    world, kept = webs("h0", "h0"), rule(Together())
    first, second = move(1, H0, H1), move(2, H0, H1)
    assert asked(first, world, kept) is not None
    assert asked(first, world, kept, later=(second,)) is None
    assert asked(second, apply(first, world), kept) is None
    assert asked(second, world, kept, under_way=(first,)) is None


def test_a_spread_counts_domains_after_what_is_under_way() -> None:
    world = webs("h0", "h1", "h2")
    assert asked(move(1, H0, H1), world, rule(Spread(domain="rack", minimum=2))) is None
    found = asked(
        move(1, H0, H1),
        world,
        rule(Spread(domain="rack", minimum=2)),
        under_way=(move(3, H2, H3),),
    )
    assert found is not None
    assert not found.passes


@pytest.mark.parametrize(
    ("limit", "homes", "other"),
    [
        (rule(MaxVms(maximum=2), "name = host2"), ("h0", "h1", "h2"), move(2, H1, H2)),
        (rule(Headroom(memory_percent=70), "name = host2"), ("h0", "h1", "h2"), move(2, H1, H2)),
        (rule(Licence(hosts="name != x", sockets=4)), ("h0", "h0", "h0"), move(2, H0, H3)),
    ],
)
def test_what_a_host_takes_counts_who_comes_as_well(
    limit: Policy, homes: tuple[str, ...], other: MigrateVm
) -> None:
    """Each of the two would be welcome alone; both at once are one too many."""
    world = webs(*homes, memory_mib=1200)
    assert asked(move(1, H0, H2), world, limit) is None
    found = asked(move(1, H0, H2), world, limit, under_way=(other,))
    assert found is not None
    assert not found.passes


def test_who_comes_counts_beside_who_has_not_left_yet() -> None:
    few = rule(MaxVms(maximum=2), "name = host2")
    swap = (move(2, H1, H2), move(3, H2, H1))
    found = asked(move(1, H0, H2), webs("h0", "h1", "h2"), few, under_way=swap)
    assert found is not None
    assert found.passes, "once that one has left"


def test_a_host_has_memory_for_all_who_come_to_it() -> None:
    size = pool(1).hosts[H0].usable_mib
    world = webs("h0", "h1", memory_mib=size // 2 + 1)
    assert asked(move(1, H0, H2), world) is None
    found = asked(move(1, H0, H2), world, under_way=(move(2, H1, H2),))
    assert found is not None
    assert found.why.code == "broken.crowded"
    assert not found.passes
    leaving = asked(move(1, H0, H2), world, under_way=(move(2, H1, H2), move(2, H2, H1)))
    assert leaving is not None
    assert leaving.passes, "not once all of it is done"


def test_a_start_is_asked_like_a_move() -> None:
    world = webs("h0", "h1").with_vm(vm(1, "h1", state=VmState.STOPPED, tags=WEB))
    found = asked(StartVm(vm=VmId("v1"), host=H1), world, rule(Apart()))
    assert found is not None


def test_a_rule_about_migrations_does_not_keep_a_dead_hosts_vm_down() -> None:
    """A start after a failure is none; a VM that is pinned stays down with its host."""
    world = webs("h0")
    lost = replace(world.vms[VmId("v1")], state=VmState.STOPPED)
    proof = SaidGone(host=H0, vm=lost.id, at=1.0)
    start = StartAfterFailure(wish=wish_of(lost), host=H1, home=H0, proof=proof)
    plan = Plan(goal="", steps=(step(1, start),))
    for one, codes in (
        (rule(NoMigration(source="name = host0", target="name != x")), []),
        (rule(Pinned()), ["check.rule"]),
    ):
        bounds = Rulebook.on((one,), world).bounds
        assert [why.code for why in objections(plan, world.with_vm(lost), bounds)] == codes


@pytest.mark.thorough
@given(ruled(), st.data())
def test_no_step_of_an_evacuation_is_refused_in_a_pool_that_did_not_change(
    scene: tuple[Inventory, Rulebook], data: st.DataObject
) -> None:
    """In any order that the plan allows: at most it waits for those before it."""
    world, rules = scene
    try:
        plan = plan_evacuation(world, H0, rules)
    except (NoPlan, Conflict):
        return
    open_ = {one.number: one for one in plan}
    while ready := [one for one in open_.values() if not one.after & open_.keys()]:
        waits = []
        for one in data.draw(st.permutations(ready)):
            moment = Moment(
                inventory=world,
                bounds=rules.bound_to(world).bounds,
                earlier=tuple(o.action for n, o in open_.items() if n < one.number),
                later=tuple(o.action for n, o in open_.items() if n > one.number),
            )
            found = against(one.action, moment)
            if found is None:
                world = apply(one.action, world)
                del open_[one.number]
                break
            assert found.passes, say(found.why)
            waits.append(one)
        assert len(waits) < len(ready), "somebody may always begin"


def test_reasons_have_words() -> None:
    why = reason("broken.crowded", host="h1", short=512)
    assert say(why) == "h1 is 512 MiB short beside what is under way"
    assert say(why, "de") == "h1 fehlen 512 MiB neben dem, was im Gange ist"
