"""What a clone takes over from its source, and what is its own."""

import pytest
from msgspec.structs import replace

from anypool.errors import AnypoolError, Conflict, Invalid, NotFound, NotSupported
from anypool.model import (
    DatastoreId,
    Disk,
    EndpointId,
    HostId,
    Inventory,
    Network,
    NetworkId,
    Nic,
    PMap,
    Resources,
    Vm,
    VmId,
    VmWish,
)
from anypool.service.cloning import NewClone, clone_of
from anypool.service.wishes import taken

STORE = DatastoreId("gold")
SOURCE = Vm(
    id=VmId("a"),
    name="web",
    host=HostId("h1"),
    vcpus=2,
    memory_mib=512,
    disks=(
        Disk(target="scsi0:0", volume="web/web.vmdk", datastore=STORE, format="vmdk", size_bytes=9),
        Disk(target="scsi0:1", volume="web/data.vmdk", datastore=STORE, format="vmdk"),
    ),
    nics=(Nic(mac="52:54:00:00:00:01", network=NetworkId("lan"), model="e1000e"),),
    resources=Resources(cpu_shares=7),
)
LAN = Network(id=NetworkId("lan"), name="lan", endpoints=frozenset({EndpointId("e")}))
POOL = Inventory().with_vm(SOURCE)._replace(networks=PMap.of({LAN.id: LAN}))


def cloned(source: Vm = SOURCE, name: str = "web-2", **asked: object) -> VmWish:
    wish = NewClone(name=name, **asked)  # type: ignore[arg-type]
    return clone_of(source, wish, POOL, taken(POOL, ()))


def test_it_has_what_its_source_has_and_an_identity_of_its_own() -> None:
    wish = cloned()
    assert (wish.vcpus, wish.memory_mib, wish.resources) == (2, 512, SOURCE.resources)
    assert wish.id != SOURCE.id
    (nic,) = wish.nics
    assert (nic.network, nic.model) == (LAN.id, "e1000e")
    assert nic.mac != SOURCE.nics[0].mac
    assert [disk.base for disk in wish.disks] == ["web/web.vmdk", "web/data.vmdk"]
    assert [disk.volume for disk in wish.disks] == ["web-2/web-2.vmdk", "web-2/web-2_1.vmdk"]
    assert {disk.datastore for disk in wish.disks} == {STORE}


def test_what_is_asked_for_goes_before() -> None:
    wish = cloned(vcpus=4, memory_mib=1024, networks=(), tags=("b",))
    assert (wish.vcpus, wish.memory_mib, wish.nics) == (4, 1024, ())
    assert wish.tags == {"b"}


@pytest.mark.parametrize(
    ("source", "asked", "kind"),
    [
        (SOURCE, {"name": "web"}, Conflict),
        (SOURCE, {"name": "<b>"}, Invalid),
        (SOURCE, {"vcpus": 0}, Invalid),
        (SOURCE, {"memory_mib": 1}, Invalid),
        (SOURCE, {"networks": ("nowhere",)}, NotFound),
        (replace(SOURCE, disks=()), {}, NotSupported),
        (replace(SOURCE, disks=(replace(SOURCE.disks[0], format="qcow2"),)), {}, NotSupported),
        (replace(SOURCE, disks=(replace(SOURCE.disks[0], datastore=None),)), {}, NotSupported),
        (replace(SOURCE, twins=(VmId("b"),)), {}, Conflict),
    ],
)
def test_what_cannot_be_is_refused_with_a_way_out(
    source: Vm, asked: dict[str, object], kind: type[AnypoolError]
) -> None:
    with pytest.raises(kind) as refused:
        cloned(source, **asked)  # type: ignore[arg-type]
    assert refused.value.message
