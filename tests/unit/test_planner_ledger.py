"""Room given to one VM after the other: what `choose` gives when each is booked in between."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from anypool.model import Inventory, MaxVms, Vm, VmId
from anypool.planner.field import field_of
from anypool.planner.ledger import ledger_of
from anypool.planner.place import Wanted, choose_singly
from anypool.planner.rules import Rulebook
from tests.strategies import pool, vm
from tests.unit.test_rules import policy, ruled

TAGS = (frozenset({"web", "app:a"}), frozenset({"db"}), frozenset[str]())


@st.composite
def wishes(draw: st.DrawFn) -> list[Vm]:
    sizes = draw(st.lists(st.sampled_from((256, 1024, 3072)), min_size=1, max_size=8))
    return [
        vm(
            900 + number,
            None,
            memory_mib=size,
            vcpus=draw(st.sampled_from((1, 2, 9))),
            tags=draw(st.sampled_from(TAGS)),
        )
        for number, size in enumerate(sizes)
    ]


def booked(world: Inventory, host: str, memory_mib: int) -> Inventory:
    record = next(one for one in world.hosts.values() if one.id == host)
    return world.with_host(replace(record, booked_mib=record.booked_mib + memory_mib))


@pytest.mark.thorough
@given(ruled(), wishes())
def test_it_gives_what_one_booking_after_the_other_gives(
    scene: tuple[Inventory, Rulebook], coming: list[Vm]
) -> None:
    world, rules = scene
    with ledger_of(world, rules) as ledger:
        for wished in coming:
            bound = rules.bound_to(world.with_vm(wished))
            expected = choose_singly(world, wished, Wanted(rules=bound)).host
            assert ledger.best(wished) == expected
            if expected is not None:
                ledger.give(expected, wished.memory_mib)
                world = booked(world, expected, wished.memory_mib)
            assert ledger.inventory() == world


def test_what_was_given_is_free_again_for_the_next_who_asks() -> None:
    """Unless it was booked meanwhile, a ledger that is closed leaves nothing behind."""
    world, wished = pool(3), vm(9, None, memory_mib=8000)
    for _ in range(2):
        with ledger_of(world, Rulebook()) as ledger:
            for _ in world.hosts:
                host = ledger.best(wished)
                assert host is not None
                ledger.give(host, wished.memory_mib)
            assert ledger.best(wished) is None
    with field_of(world) as field:
        assert set(field.columns.memory_free_mib[: len(field)].tolist()) == {8192}


def test_a_wish_is_bound_by_rules_though_no_inventory_knows_it() -> None:
    rules = Rulebook.on((policy("few", MaxVms(maximum=0), "tag = fast"),), pool(2))
    world = pool(2, tags=frozenset({"fast"}))
    moved = rules.moved_to(world, pool(2))
    with ledger_of(world, moved) as ledger:
        assert ledger.best(vm(9, None)) is None
    assert VmId("v9") not in world.vms
