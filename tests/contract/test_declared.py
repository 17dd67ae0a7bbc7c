"""A capability is declared exactly when its operations are there; the others refuse."""

import inspect
import typing

import pytest

from anypool.drivers import OPERATIONS, BaseDriver, Driver, Migration
from anypool.drivers.boot.driver import BootDriver
from anypool.drivers.ipmi.driver import IpmiDriver
from anypool.drivers.protocol import Spared
from anypool.drivers.redfish.driver import RedfishDriver
from anypool.drivers.sim import SimDriver
from anypool.errors import NotSupported
from anypool.model import (
    BootOrder,
    Capability,
    DatastoreId,
    DigestOrder,
    DiskWish,
    HostId,
    JobOrder,
    LabelChange,
    MediumOrder,
    Nic,
    PowerOff,
    ProfileId,
    Proof,
    ServerId,
    Trace,
    TraceKind,
    VmChange,
    VmId,
    VmWish,
)
from anypool.model.boothost import ImageDeed, ImageOrder
from anypool.model.profile import Identity
from anypool.model.push import PushOrder
from tests.contract.conftest import LIBVIRT, VSPHERE
from tests.contract.harness import Harness

FOR_ALL = {"info", "observe", "observe_vms", "close"}
VM = VmId("00000000-0000-4000-8000-000000000000")
SAMPLES: dict[object, object] = {
    str: "x",
    int: 1,
    float: 0.0,
    bool: False,
    VmId: VM,
    HostId: HostId("nowhere"),
    ServerId: ServerId(HostId("nowhere")),
    ProfileId: ProfileId("p"),
    PushOrder: PushOrder(base="https://m/", mark="anypool:"),
    Identity: Identity(profile=ProfileId("p"), name="p"),
    tuple[HostId, ...]: (),
    tuple[VmId, ...]: (),
    Spared: (),
    DatastoreId: DatastoreId("nowhere"),
    VmWish: VmWish(id=VM, name="x"),
    VmChange: VmChange(),
    LabelChange: LabelChange(add=("a:b",)),
    VmId | None: VM,
    DiskWish: DiskWish(target="vda", datastore=DatastoreId("d"), size_bytes=1, volume="v"),
    DigestOrder: DigestOrder(datastore=DatastoreId("d"), volume="v", job="j"),
    Trace: Trace(kind=TraceKind.VM, name="x", vm=VM),
    Proof: PowerOff(host=HostId("h"), first_at=1.0, at=9.0),
    BootOrder: BootOrder(target="Pxe"),
    ImageOrder: ImageOrder(deed=ImageDeed.CHOOSE, name="x", version=1),
    MediumOrder: MediumOrder(image="http://10.0.0.1/a.iso"),
    JobOrder: JobOrder(operation="start_vm", host=HostId("nowhere"), vm=VM),
    Nic: Nic(mac="52:54:00:00:00:01"),
    Migration: Migration(
        vm=VM,
        source=HostId("a"),
        target=HostId("b"),
        peer_uri="",
        peer_address="",
        start_paused=False,
    ),
}


def operations_of(kind: type) -> set[str]:
    return {n for n, _ in inspect.getmembers(kind, inspect.isfunction) if not n.startswith("_")}


def sample_arguments(operation: str) -> list[object]:
    hints = typing.get_type_hints(getattr(Driver, operation))
    return [SAMPLES[hint] for name, hint in hints.items() if name != "return"]


def drivers() -> list[type[BaseDriver]]:
    found: list[type[BaseDriver]] = [BaseDriver, SimDriver, RedfishDriver, IpmiDriver]
    found.append(BootDriver)
    if LIBVIRT:
        from anypool.drivers.libvirt import driver

        found += [driver.QemuDriver, driver.QemuBySshDriver, driver.TestDriver, driver.PlainDriver]
    if VSPHERE:
        from anypool.drivers.vsphere.driver import VsphereDriver

        found.append(VsphereDriver)
    return found


def test_every_operation_of_the_protocol_has_a_capability() -> None:
    assert operations_of(Driver) == set(OPERATIONS) | FOR_ALL
    assert set(OPERATIONS.values()) == set(Capability)


@pytest.mark.parametrize("kind", drivers())
def test_a_flag_is_declared_exactly_when_its_operations_are_overridden(
    kind: type[BaseDriver],
) -> None:
    for operation, capability in OPERATIONS.items():
        overridden = getattr(kind, operation) is not getattr(BaseDriver, operation)
        assert overridden == (capability in kind.capabilities), operation


@pytest.mark.parametrize("kind", drivers())
def test_signatures_are_those_of_the_protocol(kind: type[BaseDriver]) -> None:
    for operation in OPERATIONS:
        wanted = inspect.signature(getattr(Driver, operation))
        assert inspect.signature(getattr(kind, operation)) == wanted, operation


def test_hosts_declare_what_their_driver_can_do(harness: Harness) -> None:
    for operation, capability in OPERATIONS.items():
        if capability not in harness.host.capabilities:
            with pytest.raises(NotSupported):
                getattr(harness.driver, operation)(*sample_arguments(operation))


def test_the_base_driver_refuses_everything() -> None:
    for operation in OPERATIONS:
        with pytest.raises(NotSupported, match=operation.replace("_", " ")):
            getattr(BaseDriver(), operation)(*sample_arguments(operation))
