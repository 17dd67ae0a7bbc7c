import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anypool.errors import Conflict, Invalid, NotFound
from anypool.model import (
    Boot,
    Datastore,
    DatastoreId,
    EndpointId,
    Host,
    HostId,
    Image,
    ImageCopy,
    ImageId,
    ImageVersion,
    Inventory,
    Network,
    NetworkId,
    Nic,
    Vm,
    VmId,
)
from anypool.planner import plan_create
from anypool.service import find
from anypool.service.names import checked_mac, checked_name, checked_tags, checked_text
from anypool.service.wishes import NewVm, new_mac, taken, wishes

PLACE = Datastore(id=DatastoreId("d1"), name="fast")


def image(name: str, size_bytes: int, boot: Boot | None = None) -> Image:
    copy = ImageCopy(datastore=PLACE.id, volume=f"{name}.qcow2")
    version = ImageVersion(number=1, copies=(copy,), size_bytes=size_bytes, boot=boot)
    return Image(id=ImageId(name), name=name, versions=(version,), memory_mib=256, last=1)


BASE = image("base", 1 << 30)
KERNEL = image("tiny", 1 << 20, Boot(kernel="/k", initrd="/i", cmdline="quiet"))
NET = Network(id=NetworkId("n1"), name="lan")
OLD = Vm(id=VmId("v1"), name="old", host=None, nics=(Nic(mac="52:54:00:00:00:01"),))


def pool(networks: int = 1) -> Inventory:
    world = Inventory().with_datastore(PLACE).with_image(BASE).with_image(KERNEL).with_vm(OLD)
    for number in range(1, networks + 1):
        world = world.with_network(Network(id=NetworkId(f"n{number}"), name=f"lan{number}"))
    return world


def wish(asked: NewVm, world: Inventory | None = None) -> tuple[object, ...]:
    world = pool() if world is None else world
    return wishes(asked, world, taken(world, ()))


def test_what_is_left_out_comes_from_the_image() -> None:
    world = pool()
    (made,) = wishes(NewVm(name="a", image="base"), world, taken(world, ()))
    assert made.memory_mib == 256
    assert made.nics[0].network == "n1"
    (disk,) = made.disks
    assert (disk.base, disk.datastore, disk.size_bytes) == ("base.qcow2", "d1", 1 << 30)
    assert made.boot is None


def test_a_shareable_disk_is_a_raw_copy() -> None:
    world = pool()
    (made,) = wishes(NewVm(name="a", image="base", shareable=True), world, taken(world, ()))
    (disk,) = made.disks
    assert (disk.shareable, disk.format, disk.base) == (True, "raw", "base.qcow2")
    assert disk.volume.endswith(".raw")


def test_many_have_ids_names_addresses_and_volumes_of_their_own() -> None:
    world = pool()
    made = wishes(NewVm(name="a", image="base", count=200), world, taken(world, ()))
    assert [one.name for one in made] == [f"a-{number}" for number in range(1, 201)]
    assert len({one.id for one in made}) == 200
    macs = {nic.mac for one in made for nic in one.nics}
    assert len(macs) == 200
    assert "52:54:00:00:00:01" not in macs
    assert all(checked_mac(mac) == mac for mac in macs)
    assert len({disk.volume for one in made for disk in one.disks}) == 200


def test_what_a_running_plan_makes_is_taken_too() -> None:
    world = pool().with_host(
        Host(id=HostId("h1"), name="h1", endpoint=EndpointId("e1"), memory_mib=4096, cpus=4)
    )
    asked = wishes(NewVm(name="coming", image="base"), world, taken(world, ()))
    from msgspec.structs import replace

    from anypool.model import Capability

    able = replace(
        world.hosts[HostId("h1")],
        capabilities=frozenset(Capability),
        datastores=frozenset({PLACE.id}),
        networks=frozenset({NET.id}),
    )
    plan = plan_create(world.with_host(able), asked, host=HostId("h1"), start=True)
    used = taken(world, (plan,))
    assert "coming" in used.names
    assert asked[0].nics[0].mac in used.macs
    with pytest.raises(Conflict):
        wishes(NewVm(name="coming", image="base"), world, used)


def test_the_kernel_command_line_can_be_replaced() -> None:
    world = pool()
    asked = NewVm(name="a", image="tiny", cmdline="tick=1")
    (made,) = wishes(asked, world, taken(world, ()))
    assert made.boot == Boot(kernel="/k", initrd="/i", cmdline="tick=1")
    with pytest.raises(Invalid, match="takes no kernel command line"):
        wish(NewVm(name="a", image="base", cmdline="x"))


@pytest.mark.parametrize(
    ("asked", "error"),
    [
        (NewVm(name="old", image="base"), Conflict),
        (NewVm(name="a", image="nope"), NotFound),
        (NewVm(name="a", image="base", datastore="nope"), NotFound),
        (NewVm(name="a", image="base", networks=("nope",)), NotFound),
        (NewVm(name="a/b", image="base"), Invalid),
        (NewVm(name="a", image="base", count=0), Invalid),
        (NewVm(name="a", image="base", count=10**6), Invalid),
        (NewVm(name="a", image="base", memory_mib=1), Invalid),
        (NewVm(name="a", image="base", vcpus=4, max_vcpus=2), Invalid),
        (NewVm(name="a", image="base", memory_mib=512, max_memory_mib=256), Invalid),
        (NewVm(name="a", image="base", disk_bytes=1 << 20), Invalid),
        (NewVm(name="a", image="base", tags=("a b",)), Invalid),
    ],
)
def test_wishes_that_cannot_be(asked: NewVm, error: type[Exception]) -> None:
    with pytest.raises(error) as raised:
        wish(asked)
    assert isinstance(raised.value, error)


def test_several_networks_must_be_chosen_from() -> None:
    with pytest.raises(Invalid, match="several networks") as raised:
        wish(NewVm(name="a", image="base"), pool(networks=2))
    assert "lan1" in raised.value.hint


def test_an_ambiguous_name_needs_an_id() -> None:
    twin = Vm(id=VmId("v2"), name="old", host=None)
    world = pool().with_vm(twin)
    with pytest.raises(Conflict, match="2 VMs are called old") as raised:
        find.vm(world, "old")
    assert "v1, v2" in raised.value.hint
    assert find.vm(world, "v2") == twin


def test_a_mac_is_never_given_twice() -> None:
    used: set[str] = set()
    given_out = [new_mac(used) for _ in range(500)]
    assert len(set(given_out)) == 500


@given(st.text())
def test_a_name_is_either_safe_or_refused(text: str) -> None:
    try:
        name = checked_name(text, "a VM")
    except Invalid:
        return
    assert re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}", name)


@given(st.text(max_size=20))
def test_tags_and_texts_are_printable(text: str) -> None:
    for check in (lambda: checked_tags([text]), lambda: checked_text(text, "text", 20)):
        try:
            check()
        except Invalid:
            continue
        assert text.isprintable()


@pytest.mark.parametrize("mac", ["52:54:00:AB:CD:EF", "52-54-00-ab-cd-ef"])
def test_macs_are_written_one_way(mac: str) -> None:
    assert checked_mac(mac) == "52:54:00:ab:cd:ef"
