"""The planners' columns: after any changes they are those of a fresh build."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from anypool.model import Columns, HostFlag, HostId, HostState, Inventory, VmId, VmState
from anypool.model.columns import NOWHERE
from tests.strategies import host, inventories, vm
from tests.unit.cost import cost

Rows = dict[str, tuple[object, ...]]


def content(columns: Columns) -> tuple[Rows, Rows]:
    """Return every row by id; the place of a host is told by its id."""
    hosts, vms = columns.hosts, columns.vms
    rows: list[Rows] = []
    for table in (hosts, vms):
        assert {table.ids[row] for row in table.row_of.values()} == table.row_of.keys()
        assert sum(table.used) == len(table.row_of)
        names = [name for name in table.KINDS if name != "host"]
        rows.append(
            {
                key: tuple(getattr(table, name)[row].item() for name in names)
                for key, row in table.row_of.items()
            }
        )
    for key, row in vms.row_of.items():
        at = int(vms.host[row])
        rows[1][key] += (None if at == NOWHERE else hosts.ids[at],)
    return rows[0], rows[1]


def changed(world: Inventory, rng: random.Random) -> Inventory:
    key = VmId(f"v{rng.randrange(16)}")
    home = rng.choice([None, *sorted(world.hosts), HostId("h9")])
    some = rng.choice(sorted(world.hosts))
    match rng.randrange(6):
        case 0:
            return world.without_vm(key)
        case 1:
            off = replace(world.hosts[some], state=HostState.UNKNOWN, reserved_mib=77)
            return world.with_host(off)
        case 2:
            return world.with_host(host(9, maintenance=rng.random() < 0.5))
        case 3 if not world.vms_on(some) and len(world.hosts) > 1:
            return world.without_host(some)
        case _:
            state = rng.choice(list(VmState))
            return world.with_vm(vm(int(key[1:]), home, state=state, vcpus=rng.randrange(9)))


@pytest.mark.thorough
@given(inventories(), st.integers(0, 2**16))
def test_updated_columns_are_those_of_a_fresh_build(world: Inventory, seed: int) -> None:
    rng = random.Random(seed)
    columns = Columns.of(world)
    for _ in range(6):
        for _ in range(rng.randrange(4)):
            world = changed(world, rng)
        columns = columns.updated(world)
        assert columns.inventory is world
        assert content(columns) == content(Columns.of(world))


def test_an_update_touches_its_own_rows_only() -> None:
    costs = []
    for size in (200, 2000):
        world = Inventory()
        for number in range(size // 10):
            world = world.with_host(host(number))
        vms = {VmId(f"v{n}"): vm(n, f"h{n // 10}") for n in range(size)}
        world = world.patched_vms(vms)
        other = world.with_vm(vm(3, "h1", state=VmState.PAUSED))
        columns = [Columns.of(world)]
        untouched = columns[0].hosts.row_of["h5"], columns[0].vms.row_of["v77"]

        def turn(
            columns: list[Columns] = columns, to: tuple[Inventory, ...] = (other, world)
        ) -> None:
            for inventory in to:
                columns[0] = columns[0].updated(inventory)

        turn()
        costs.append(cost(turn))
        assert (columns[0].hosts.row_of["h5"], columns[0].vms.row_of["v77"]) == untouched
    small, large = costs
    assert large.operations <= 1.25 * small.operations
    assert large.peak_bytes <= 1.25 * small.peak_bytes + 2048


def test_what_was_updated_is_used_no_more() -> None:
    world = Inventory().with_host(host(0))
    columns = Columns.of(world)
    later = columns.updated(world.with_vm(vm(1, "h0")))
    assert later.hosts.vms.tolist() == [1]
    with pytest.raises(ValueError, match="updated"):
        _ = columns.hosts


def test_loads_are_beside_the_records_and_stay_when_those_change() -> None:
    world = Inventory().with_host(host(0)).with_host(host(1, maintenance=True))
    columns = Columns.of(world.with_vm(vm(1, "h0"))).with_loads(
        {HostId("h0"): 250.0, HostId("gone"): 1.0}, {VmId("v1"): 12.5}
    )
    columns = columns.updated(columns.inventory.with_vm(vm(1, "h1", state=VmState.PAUSED)))
    hosts, vms = columns.hosts, columns.vms
    assert hosts.cpu_percent[hosts.row_of["h0"]] == 250.0
    assert vms.cpu_percent[vms.row_of["v1"]] == 12.5
    assert vms.host[vms.row_of["v1"]] == hosts.row_of["h1"]
    assert {hosts.ids[row] for row in hosts.open().nonzero()[0]} == {"h0"}
    assert hosts.flags[hosts.row_of["h1"]] == HostFlag.UP | HostFlag.MAINTENANCE
