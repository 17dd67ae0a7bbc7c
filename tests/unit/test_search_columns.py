"""A search over columns finds what a search over records finds, also after any changes."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from anypool.errors import Invalid
from anypool.model import Datastore, Inventory, Vm, VmId, VmState
from anypool.search import Noun, Rows, find, parse
from tests.strategies import SHARED, host, inventories, vm
from tests.unit.cost import cost

CONDITIONS = [
    "",
    "vm1",
    "VM*2",
    "name ~ M1",
    "name = vm1*",
    "name > vm2",
    "not name = vm3 and memory >= 2GiB",
    "state = running or state = paused",
    "state >= paused",
    "state != running",
    "state in (stopped, paused)",
    "host = host1",
    "host != host1",
    'host = ""',
    "tag = prod and vcpus < 4",
    "tag != prod",
    "datastore ~ shared",
    "mac ~ 00:01",
    "snapshots = 1 or shareable = yes",
    "host.memory-free > 2GiB",
    "host.datastore.name = local",
    "network = data",
]
ORDERS = [
    "",
    "order by name desc",
    "order by memory desc",
    "order by state, host desc",
    "order by host.memory-free desc, vcpus",
    "order by tag, datastore, mac, id, name, host",
]


def changed(world: Inventory, rng: random.Random) -> Inventory:
    """Return the world after some changes of VMs, hosts and their names."""
    for _ in range(rng.randrange(6)):
        key = VmId(f"v{rng.randrange(16)}")
        home = rng.choice([None, *sorted(world.hosts)])
        old = world.vms.get(key)
        match rng.randrange(4):
            case 0:
                world = world.without_vm(key)
            case 1 if old is not None:
                world = world.with_vm(replace(old, state=rng.choice(list(VmState))))
            case 2 if old is not None:
                world = world.with_vm(replace(old, tags=frozenset({rng.choice("ab"), "prod"})))
            case _:
                name = rng.choice(["vm2", "VM10", "other"]) if rng.random() < 0.3 else str(key)
                new = vm(int(key[1:]), home, name=name, vcpus=rng.randrange(1, 8))
                world = world.with_vm(new)
    number = rng.randrange(len(world.hosts))
    if rng.random() < 0.3:
        moved = replace(world.hosts[host(number).id], name=rng.choice(["host1", "moved"]))
        world = world.with_host(moved)
    return world


def names(found: object) -> list[str]:
    return [one.id for one in found]  # type: ignore[attr-defined]


@pytest.mark.thorough
@given(
    inventories(),
    st.integers(0, 2**16),
    st.sampled_from(CONDITIONS),
    st.sampled_from(ORDERS),
    st.sampled_from(["", " limit 3"]),
)
def test_columns_agree_with_records(
    world: Inventory, seed: int, condition: str, order: str, limit: str
) -> None:
    rng = random.Random(seed)
    rows = Rows(Noun.VM)
    query = parse(f"{condition} {order}{limit}", Noun.VM)
    for _ in range(4):
        rows.advance(world)
        found = find(query, rows, most=100)
        by_name = sorted(world.vms.values(), key=lambda one: (one.name, one.id))
        expected = query.filter(by_name, world)
        assert names(found.records) == names(expected)
        assert found.total == len(expected)
        assert found.totals["memory_bytes"] == sum(one.memory_mib for one in expected) << 20
        world = changed(world, rng)


@pytest.mark.thorough
@given(inventories(), st.integers(0, 2**16), st.sampled_from(ORDERS), st.integers(1, 4))
def test_pages_neither_repeat_nor_miss_what_stays_while_the_rest_changes(
    world: Inventory, seed: int, order: str, most: int
) -> None:
    rng = random.Random(seed)
    rows = Rows(Noun.VM)
    query = parse(order, Noun.VM)
    stays = {key: one for key, one in world.vms.items() if rng.random() < 0.6}
    mark = None
    seen: list[str] = []
    while True:
        rows.advance(world)
        found = find(query, rows, most=most, after=mark)
        seen += names(found.records)
        mark = found.mark
        if mark is None:
            break
        for key in sorted(world.vms):
            if key not in stays and rng.random() < 0.5:
                world = world.without_vm(key)
        number = rng.randrange(100, 200)
        world = world.with_vm(vm(number, None, memory_mib=number))
    kept = [key for key in seen if key in stays]
    assert len(kept) == len(set(kept))
    if "host" not in order:  # a host's free memory changes with the VMs on it
        assert set(kept) == stays.keys()


def test_facets_count_the_values_of_what_matches() -> None:
    world = small()
    rows = Rows(Noun.VM)
    rows.advance(world)
    found = find(
        parse("memory >= 1GiB", Noun.VM),
        rows,
        most=1,
        facets=("state", "tags", "host", "memory", "shareable", "host.datastore"),
    )
    facets = {one.field: one.values for one in found.facets}
    assert facets["state"] == (("running", 3), ("stopped", 1))
    assert facets["tag"] == (("all", 4), ("prod", 2))
    assert facets["host"] == (("host1", 2), ("", 1), ("host0", 1))
    assert facets["memory"] == (("1GiB", 3), ("1536MiB", 1))
    assert facets["shareable"] == (("no", 4),)
    assert facets["host.datastore"] == (("shared", 3),)
    assert found.total == 4
    assert found.totals["memory_bytes"] == (3 * 1024 + 1536) << 20
    for one in found.facets:
        for value, count in one.values:
            text = parse(f'memory >= 1GiB and {one.field} = "{value}"', Noun.VM)
            assert find(text, rows, most=1).total == count or "." in one.field


def test_many_values_are_cut_and_the_rest_is_counted() -> None:
    world = small()
    for number in range(10, 200):
        world = world.with_vm(vm(number, None))
    rows = Rows(Noun.VM)
    rows.advance(world)
    (facet,) = find(parse("", Noun.VM), rows, most=1, facets=("name",)).facets
    assert (len(facet.values), facet.more) == (100, 195 - 100)


@pytest.mark.parametrize("facets", [("nosuch",), ("state",) * 11, ("host.nosuch.name",)])
def test_facets_that_cannot_be(facets: tuple[str, ...]) -> None:
    rows = Rows(Noun.VM)
    rows.advance(small())
    with pytest.raises(Invalid):
        find(parse("", Noun.VM), rows, most=1, facets=facets)
    events = Rows.of(Noun.EVENT, (), Inventory())
    with pytest.raises(Invalid, match="time"):
        find(parse("", Noun.EVENT), events, most=1, facets=("at",))


@pytest.mark.parametrize(
    "mark", [(), (1,), ("x",), (1, [2, 3]), (None, None), ([], "x"), ({}, ["a", "b"])]
)
def test_a_forged_mark_is_refused(mark: tuple[object, ...]) -> None:
    rows = Rows(Noun.VM)
    rows.advance(small())
    with pytest.raises(ValueError):  # noqa: PT011 - it says no more
        find(parse("order by name", Noun.VM), rows, most=1, after=mark)


def test_a_change_touches_its_own_row_only() -> None:
    counts = []
    for size in (300, 3000):
        world = Inventory().with_host(host(0))
        world = world.patched_vms({VmId(f"v{n}"): vm(n, "h0") for n in range(size)})
        rows = Rows(Noun.VM)
        rows.advance(world)
        find(parse("prod and host = host0 order by memory, name", Noun.VM), rows, most=5)
        other = world.with_vm(vm(7, "h0", state=VmState.PAUSED))
        assert rows.advance(other) == 1
        rows.advance(world)
        turn = [other, world]

        def change(rows: Rows = rows, turn: list[Inventory] = turn) -> None:
            rows.advance(turn[0])
            turn.reverse()

        counts.append(cost(change))
    small_cost, large_cost = counts
    # The one chunk that differs is gone through: 3 records here are 1,024 times that in all.
    assert large_cost.operations <= 1.25 * small_cost.operations
    assert large_cost.peak_bytes <= 1.25 * small_cost.peak_bytes + 2048


def test_columns_made_when_rows_are_free_know_nothing_of_those() -> None:
    world = small()
    rows = Rows(Noun.VM)
    rows.advance(world)
    for key in ("v0", "v1", "v2", "v3", "v4"):
        world = world.without_vm(VmId(key))
        rows.advance(world)
        for text in ("m1", "host = h1 order by host.cpus, mac", "state = running order by name"):
            query = parse(text, Noun.VM)
            expected = query.filter(world.vms.values(), world)
            fresh = Rows(Noun.VM)
            fresh.advance(small())
            fresh.advance(world)
            for one in (rows, fresh):
                found = find(query, one, most=9, facets=("state", "host", "host.tag"))
                assert found.total == len(expected)


def test_columns_forget_values_that_are_gone() -> None:
    rows = Rows(Noun.VM)
    world = small()
    rows.advance(world)
    query = parse("order by name", Noun.VM)
    find(query, rows, most=5)
    for number in range(3000):
        world = world.with_vm(replace(world.vms[VmId("v1")], name=f"name{number}"))
        rows.advance(world)
    assert len(rows.base.values) < 2000
    assert names(find(query, rows, most=9).records) == names(
        query.filter(sorted(world.vms.values(), key=lambda one: one.name), world)
    )


def small() -> Inventory:
    world = Inventory()
    world = world.with_datastore(Datastore(id=SHARED, name="shared", shared=True))
    world = world.with_host(host(0, name="host0")).with_host(host(1))
    rows: list[Vm] = [
        vm(0, "h0", tags=frozenset({"prod", "all"})),
        vm(1, "h1", tags=frozenset({"all"})),
        vm(2, "h1", tags=frozenset({"prod", "all"}), memory_mib=1536),
        vm(3, None, tags=frozenset({"all"}), state=VmState.STOPPED),
        vm(4, "h0", memory_mib=512),
    ]
    for one in rows:
        world = world.with_vm(one)
    return world


@pytest.mark.parametrize("skip", [0, 1, 7, 10_000])
def test_a_list_can_be_entered_in_its_middle(skip: int) -> None:
    rows = Rows(Noun.VM)
    world = small()
    for number in range(300, 320):
        world = world.with_vm(vm(number, None, memory_mib=number))
    rows.advance(world)
    query = parse("order by memory desc", Noun.VM)
    whole = find(query, rows, most=1000)
    found = find(query, rows, most=3, after=skip)
    assert found.records == whole.records[skip : skip + 3]
    assert found.total == whole.total
    if found.mark is not None:
        following = find(query, rows, most=3, after=found.mark)
        assert following.records == whole.records[skip + 3 : skip + 6]
