"""Moving disks: what a plan makes of it, what refuses it, and what the judge objects to."""

import pytest
from msgspec.structs import replace

from anypool.errors import Conflict
from anypool.model import (
    Capability,
    Datastore,
    DatastoreId,
    Disk,
    EndpointId,
    Host,
    HostId,
    Inventory,
    Vm,
    VmId,
)
from anypool.plan import MoveDisks, Plan, Step, reason
from anypool.plan.check import objections
from anypool.plan.effect import apply
from anypool.plan.price import CostModel, plain_cost
from anypool.plan.render import describe, names_in

OLD, NEW, FAR = DatastoreId("old"), DatastoreId("new"), DatastoreId("far")
HOST = Host(
    id=HostId("h1"), name="h1", endpoint=EndpointId("e"), datastores=frozenset({OLD, NEW}),
    capabilities=frozenset({Capability.DISK_MIGRATION}),
)  # fmt: skip
DISK = Disk(target="vda", volume="a.vmdk", datastore=OLD, size_bytes=100)
ISO = Disk(target="vdb", volume="a.iso", datastore=OLD, size_bytes=50, readonly=True)
VM = Vm(id=VmId("v"), name="web", host=HOST.id, disks=(DISK, ISO))
MOVE = MoveDisks(vm=VM.id, host=HOST.id, datastore=NEW)


def pool(host: Host = HOST, vm: Vm = VM, free_bytes: int = 1000) -> Inventory:
    made = Inventory().with_host(host).with_vm(vm)
    for key, free in ((OLD, 0), (NEW, free_bytes), (FAR, 9999)):
        made = made.with_datastore(Datastore(id=key, name=f"{key}-store", free_bytes=free))
    return made


def test_the_disks_are_there_afterwards_and_what_is_only_read_stays() -> None:
    after = apply(MOVE, pool()).vms[VM.id].disks
    assert [(disk.volume, disk.datastore) for disk in after] == [("a.vmdk", NEW), ("a.iso", OLD)]
    assert plain_cost(MOVE, pool(), CostModel()).copy_bytes == 100
    assert describe(MOVE, names_in(pool())) == "move the disks of web on h1 to new-store"


@pytest.mark.parametrize(
    ("inventory", "action", "words"),
    [
        (pool(replace(HOST, capabilities=frozenset())), MOVE, "cannot move disks"),
        (pool(), replace(MOVE, datastore=FAR), "no datastore far-store"),
        (pool(), replace(MOVE, datastore=DatastoreId("x")), "no datastore x"),
        (pool(free_bytes=99), MOVE, "99 B free and 100 B"),
        (pool(), replace(MOVE, datastore=OLD), "already"),
        (pool(vm=replace(VM, disks=())), MOVE, "no disks"),
    ],
)
def test_what_cannot_be_is_refused(inventory: Inventory, action: MoveDisks, words: str) -> None:
    with pytest.raises(Conflict, match=words):
        apply(action, inventory)


def judged(inventory: Inventory, *actions: MoveDisks) -> list[str]:
    steps = tuple(
        Step(number=number, action=one, why=reason("asked", who="ada"))
        for number, one in enumerate(actions, 1)
    )
    return [one.code for one in objections(Plan(goal="", steps=steps), inventory)]


def test_the_judge_counts_room_by_itself() -> None:
    assert judged(pool(), MOVE) == []
    assert judged(pool(free_bytes=99), MOVE) == ["check.move-no-room"]
    assert judged(pool(), replace(MOVE, datastore=FAR)) == ["check.move-no-datastore"]
    second = replace(VM, id=VmId("w"), name="w")
    both = pool(free_bytes=310).with_vm(second)
    assert judged(both, MOVE, replace(MOVE, vm=second.id)) == []
    tight = pool(free_bytes=199).with_vm(second)
    assert judged(tight, MOVE, replace(MOVE, vm=second.id)) == ["check.move-no-room"]
