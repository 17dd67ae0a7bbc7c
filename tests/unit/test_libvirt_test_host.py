# ruff: noqa: E402 - nothing here works without libvirt
"""The driver against libvirt's own simulated hypervisor: what the contract suite does not ask."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

libvirt = pytest.importorskip("libvirt")

from anypool.drivers.libvirt import making
from anypool.drivers.libvirt.driver import TestDriver as Driver
from anypool.drivers.libvirt.driver import connect
from anypool.errors import Conflict, Invalid, NotFound, Rejected, Unreachable
from anypool.model import (
    DiskWish,
    Endpoint,
    EndpointId,
    Frame,
    HostId,
    NetworkId,
    Nic,
    VmId,
    VmWish,
)


def endpoint(uri: str) -> Endpoint:
    return Endpoint(id=EndpointId("e"), driver="libvirt", uri=uri)


@pytest.fixture
def driver(tmp_path: Path) -> Iterator[Driver]:
    """A test host of this test's own: nothing is shared with other connections."""
    file = tmp_path / "host.xml"
    file.write_text(
        "<node><network><name>data</name><bridge name='b0'/></network>"
        "<pool type='dir'><name>shared</name><target><path>/shared</path></target></pool>"
        "</node>"
    )
    opened = connect(endpoint(f"test://{file}"), "")
    assert isinstance(opened, Driver)
    yield opened
    opened.close()


def host(driver: Driver) -> HostId:
    return driver.platform.host


def disk(frame: Frame, name: str, **more: str) -> DiskWish:
    store = frame.datastores[0].id
    return DiskWish(target="vda", datastore=store, size_bytes=1 << 20, volume=name, **more)


def wish(driver: Driver, number: int, **more: object) -> VmWish:
    made = VmWish(
        id=VmId(f"00000000-0000-4000-8000-{number:012x}"),
        name=f"vm{number}",
        memory_mib=64,
        disks=(disk(driver.observe(), f"vm{number}.qcow2"),),
    )
    return replace(made, **more)


def own_marks(driver: Driver) -> list[str]:
    names = [name for pool in driver.pools.read(refresh=False) for name in pool.volumes]
    return [name for name in names if name.startswith(making.MAKING)]


def test_a_failed_creation_removes_its_own_volumes_only(driver: Driver) -> None:
    driver.create_vm(wish(driver, 1), host(driver), "run/1")
    frame = driver.observe()
    taken = replace(disk(frame, "vm1.qcow2"), target="vdb")
    second = wish(driver, 2, disks=(disk(frame, "vm2.qcow2"), taken))
    with pytest.raises(Conflict):
        driver.create_vm(second, host(driver), "run/2")
    assert [v.name for v in driver.observe().volumes] == ["vm1.qcow2"]
    assert own_marks(driver) == []


def test_a_creation_broken_off_is_finished_by_its_repetition(driver: Driver) -> None:
    wanted = wish(driver, 1)
    with pytest.raises(SystemExit), making.made(driver.volumes, wanted.disks, "run/1"):
        raise SystemExit  # the process dies here: volumes are there, the VM is not
    assert len(own_marks(driver)) == 1
    with pytest.raises(Conflict):
        driver.create_vm(wanted, host(driver), "another/1")
    driver.create_vm(wanted, host(driver), "run/1")
    assert driver.observe_vms((wanted.id,)).vms[0].made_by == "run/1"
    assert own_marks(driver) == []


def test_a_missing_image_is_refused_with_nothing_left(driver: Driver) -> None:
    wanted = wish(driver, 1, disks=(disk(driver.observe(), "a.qcow2", base="nothing.qcow2"),))
    with pytest.raises(Rejected, match=r"nothing\.qcow2 is not on the datastore"):
        driver.create_vm(wanted, host(driver), "run/1")
    assert driver.observe().volumes == ()
    assert own_marks(driver) == []


def test_a_missing_network_is_refused_before_anything_is_made(driver: Driver) -> None:
    nic = Nic(mac="52:54:00:00:00:01", network=NetworkId("nowhere"))
    with pytest.raises(Rejected, match="no network nowhere"):
        driver.create_vm(wish(driver, 1, nics=(nic,)), host(driver), "run/1")
    assert driver.observe().volumes == ()


def test_a_taken_name_is_refused(driver: Driver) -> None:
    driver.create_vm(wish(driver, 1), host(driver), "run/1")
    with pytest.raises(Conflict, match="named vm1"):
        driver.create_vm(wish(driver, 2, name="vm1", disks=()), host(driver), "run/2")


def test_kept_names_cannot_be_taken(driver: Driver) -> None:
    kept = disk(driver.observe(), "anypool-datastore-x")
    with pytest.raises(Invalid):
        driver.create_vm(wish(driver, 1, disks=(kept,)), host(driver), "run/1")


def test_the_base_of_a_clone_is_not_deleted(driver: Driver) -> None:
    frame = driver.observe()
    driver.create_vm(wish(driver, 1, disks=(disk(frame, "base.qcow2"),)), host(driver), "run/1")
    clone = wish(driver, 2, disks=(disk(frame, "clone.qcow2", base="base.qcow2"),))
    driver.create_vm(clone, host(driver), "run/2")
    driver.delete_vm(VmId("00000000-0000-4000-8000-000000000001"), host(driver), volumes=True)
    assert {v.name for v in driver.observe().volumes} == {"base.qcow2", "clone.qcow2"}
    with pytest.raises(Conflict, match=r"base of clone\.qcow2"):
        driver.delete_volume(frame.datastores[0].id, "base.qcow2")


def test_marking_makes_a_datastore_shared_and_the_old_name_still_works(driver: Driver) -> None:
    (before,) = driver.observe().datastores
    assert not before.shared
    assert before.id == f"{host(driver)}:shared"
    driver.mark_datastore(before.id)
    driver.mark_datastore(before.id)
    (after,) = driver.observe().datastores
    assert after.shared
    assert len([n for n in driver.pools.known()[0].volumes if n.endswith(after.id)]) == 1
    assert driver.observe().volumes == ()


def test_events_name_the_vms_that_changed(driver: Driver) -> None:
    cursor = driver.changes("", 0).cursor
    wanted = wish(driver, 1)
    driver.create_vm(wanted, host(driver), "run/1")
    seen = driver.changes(cursor, 5)
    assert (seen.vms, seen.resync) == ({wanted.id}, False)
    assert driver.changes(seen.cursor, 0).vms == frozenset()
    driver.start_vm(wanted.id, host(driver))
    assert driver.changes(seen.cursor, 5).vms == {wanted.id}


def test_a_cursor_of_another_connection_asks_for_everything(driver: Driver) -> None:
    assert driver.changes("0123456789ab:3", 0).resync
    assert driver.changes("nonsense", 0).resync


def test_another_host_is_not_this_one(driver: Driver) -> None:
    with pytest.raises(NotFound):
        driver.start_vm(VmId("00000000-0000-4000-8000-000000000001"), HostId("elsewhere"))


@pytest.mark.parametrize("uri", ["test:///no/such/file.xml", "foo:///system", "qemu"])
def test_wrong_addresses_are_invalid(uri: str) -> None:
    with pytest.raises(Invalid) as caught:
        connect(endpoint(uri), "")
    assert caught.value.hint


def test_a_port_nobody_listens_on_is_unreachable() -> None:
    with pytest.raises(Unreachable) as caught:
        connect(endpoint("qemu+tcp://127.0.0.1:9/system"), "")
    assert caught.value.hint


def test_a_pool_that_refuses_to_be_refreshed_is_still_a_datastore(
    driver: Driver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """libvirt refuses while a volume is being made in it, by us too."""

    def refuse(*_: object) -> None:
        raise libvirt.libvirtError("pool 'shared' has asynchronous jobs running.")

    names = {pool.name for pool in driver.pools.read(refresh=True)}
    monkeypatch.setattr(libvirt.virStoragePool, "refresh", refuse)
    assert {pool.name for pool in driver.pools.read(refresh=True)} == names
