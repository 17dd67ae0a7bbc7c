"""The inventory as arrays: each record in a row of its own."""

from hypothesis import given

from anypool.model import Columns, HostFlag, HostState, Inventory
from anypool.model.columns import NOWHERE
from anypool.model.vm import HOLDS_MEMORY
from tests.strategies import host, inventories, vm


@given(inventories())
def test_each_record_has_its_row(world: Inventory) -> None:
    columns = Columns(world)
    hosts, vms = columns.hosts, columns.vms
    assert hosts.row_of.keys() == world.hosts.keys()
    assert vms.row_of.keys() == world.vms.keys()
    for key, record in world.hosts.items():
        row = hosts.row_of[key]
        assert (hosts.ids[row], hosts.used[row]) == (key, True)
        here = [one for one in world.vms.values() if one.host == key]
        holding = [one for one in here if one.state in HOLDS_MEMORY]
        free = record.usable_mib - sum(one.memory_mib for one in holding)
        assert (hosts.memory_mib[row], hosts.cpus[row]) == (record.memory_mib, record.cpus)
        assert hosts.memory_free_mib[row] <= free
    for name, one in world.vms.items():
        row = vms.row_of[name]
        at = vms.host[row]
        assert (None if at == NOWHERE else hosts.ids[at]) == one.host
        assert (vms.memory_mib[row], vms.vcpus[row]) == (one.memory_mib, one.vcpus)
        assert vms.holds[row] == (one.state in HOLDS_MEMORY)


def test_where_vms_may_be_put() -> None:
    world = Inventory().with_host(host(0)).with_host(host(1, maintenance=True))
    world = world.with_host(host(2, state=HostState.UNKNOWN)).with_vm(vm(1, "gone"))
    columns = Columns(world)
    hosts = columns.hosts
    assert {hosts.ids[row] for row in hosts.open().nonzero()[0]} == {"h0"}
    assert hosts.flags[hosts.row_of["h1"]] == HostFlag.UP | HostFlag.MAINTENANCE
    assert columns.vms.host[columns.vms.row_of["v1"]] == NOWHERE
