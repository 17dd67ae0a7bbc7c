"""Where a platform restarts VMs by itself, nobody else does."""

from msgspec.structs import replace

from anypool.model import HostId, Inventory, Matter, VmState
from anypool.planner.ha.again import Task, start_again
from anypool.planner.rules import NO_RULES
from tests.strategies import pool, vm

VM = vm(1, "h0", state=VmState.STOPPED)
ALONE = pool(3).with_vm(VM)


def decided(inventory: Inventory, *matters: Matter) -> Inventory:
    home = inventory.host(HostId("h0"))
    return inventory.with_host(replace(home, platform_decides=frozenset(matters), cluster="gold"))


def test_a_vm_that_is_gone_is_started_where_nobody_else_does() -> None:
    found = start_again(decided(ALONE, Matter.BALANCE, Matter.POWER), Task(vms=frozenset({VM.id})),
                        NO_RULES)  # fmt: skip
    assert found.plan is not None
    assert found.down == {}


def test_a_vm_that_is_gone_is_left_to_its_platform() -> None:
    found = start_again(decided(ALONE, Matter.RESTART), Task(vms=frozenset({VM.id})), NO_RULES)
    assert found.plan is None
    assert found.down[VM.id].code == "ha.platform"
