"""VMs as libvirt's XML, out and back again."""

import xml.etree.ElementTree as ET

import pytest
from msgspec.structs import replace

pytest.importorskip("libvirt")

from anypool.drivers.libvirt import xml_domain, xml_read, xml_vm
from anypool.drivers.libvirt.platform import Platform
from anypool.drivers.libvirt.xml_domain import Placed, Taste
from anypool.drivers.libvirt.xml_write import document
from anypool.errors import Invalid, Rejected
from anypool.model import (
    Boot,
    DatastoreId,
    DiskWish,
    HostId,
    NetworkId,
    Nic,
    Resources,
    VmId,
    VmWish,
)

HOST = HostId("00000001-0000-4000-8000-000000000001")
PLATFORM = Platform(
    host=HOST, name="h1", product="QEMU", version="7.2.0", kind="qemu", machine="q35"
)
STORE = DatastoreId("store")
DISK = DiskWish(target="vda", datastore=STORE, size_bytes=1 << 20, volume="a.qcow2")
WISH = VmWish(
    id=VmId("c0de0000-0000-4000-8000-000000000001"),
    name="web-1",
    vcpus=2,
    max_vcpus=4,
    memory_mib=256,
    max_memory_mib=512,
    cpu_model="Nehalem",
    disks=(DISK,),
    nics=(Nic(mac="52:54:00:00:00:01", network=NetworkId("data")),),
    boot=Boot(kernel="/boot/k", initrd="/boot/i", cmdline='a=1 b="2" <c>&d'),
    resources=Resources(
        cpu_shares=512,
        cpu_limit_percent=150,
        io_weight=300,
        memory_limit_mib=1024,
        memory_reserved_mib=128,
    ),
)


def described(
    wish: VmWish, taste: Taste | None = None, platform: Platform = PLATFORM
) -> ET.Element:
    placed = tuple(Placed(wish=disk, path=f"/pool/{disk.volume}") for disk in wish.disks)
    vm = xml_domain.domain(wish, placed, platform, taste or Taste(), "run-1/3")
    return xml_read.parse(document(vm))


def test_what_is_written_is_read_back() -> None:
    vm = xml_vm.read(described(WISH), HOST, lambda _: STORE)
    assert (vm.id, vm.name, vm.vcpus, vm.memory_mib) == (WISH.id, "web-1", 2, 256)
    assert vm.cpu_model == "Nehalem"
    assert vm.boot == WISH.boot
    assert vm.nics == WISH.nics
    assert vm.resources == WISH.resources
    assert vm.made_by == "run-1/3"
    assert [(d.target, d.volume, d.path, d.datastore) for d in vm.disks] == [
        ("vda", "a.qcow2", "/pool/a.qcow2", STORE)
    ]


def test_room_to_grow_is_in_the_description() -> None:
    vm = described(WISH)
    assert vm.findtext("vcpu") == "4"
    assert xml_read.size_mib(vm, "memory") == 512


def test_a_vm_without_disk_and_kernel_boots_from_the_network() -> None:
    for disks, device in (((DISK,), "hd"), ((), "network")):
        (boot,) = described(replace(WISH, boot=None, disks=disks)).findall("os/boot")
        assert boot.get("dev") == device
    assert described(replace(WISH, disks=())).find("os/boot") is None


def test_shareable_disks_say_so() -> None:
    shared = replace(WISH, disks=(replace(DISK, shareable=True, format="raw"),))
    (disk,) = xml_vm.read(described(shared), HOST, lambda _: STORE).disks
    assert disk.shareable
    assert disk.format == "raw"


def test_shares_can_be_changed_and_taken_away() -> None:
    vm = described(WISH)
    changed = Resources(cpu_shares=7, memory_reserved_mib=9)
    assert xml_vm.resources(xml_domain.retuned(vm, changed)) == changed
    assert xml_vm.resources(xml_domain.retuned(vm, Resources())) == Resources()
    assert xml_vm.read(vm, HOST, lambda _: None).made_by == "run-1/3"


def test_consoles_listen_where_the_endpoint_says() -> None:
    assert described(WISH).find("devices/graphics/listen[@address='127.0.0.1']") is not None
    options = {"vnc_listen": "10.0.0.7", "console_log_dir": "/logs", "peer_uri": "ignored"}
    vm = described(WISH, Taste.of(options))
    assert vm.find("devices/graphics/listen[@address='10.0.0.7']") is not None
    log = vm.find("devices/serial/log")
    assert log is not None
    assert log.get("file") == f"/logs/{WISH.id}.log"


def test_only_qemu_gets_devices_of_its_own() -> None:
    plain = described(WISH, platform=replace(PLATFORM, kind="test", machine=""))
    assert plain.find("devices/graphics") is None
    assert plain.find("cpu") is None


@pytest.mark.parametrize(
    "wrong",
    [
        replace(WISH, name="</name><disk/>"),
        replace(WISH, name=""),
        replace(WISH, name="-rf"),
        replace(WISH, id=VmId("7")),
        replace(WISH, vcpus=0),
        replace(WISH, memory_mib=0),
        replace(WISH, max_vcpus=1),
        replace(WISH, max_memory_mib=64),
        replace(WISH, boot=Boot(kernel="relative")),
        replace(WISH, boot=Boot(kernel="/boot/../etc/shadow")),
        replace(WISH, boot=Boot(kernel="/k", cmdline="a\x00b")),
        replace(WISH, boot=Boot(kernel="/k", cmdline="a\ud800b")),
        replace(WISH, nics=(Nic(mac="01:00:00:00:00:00"),)),
        replace(WISH, nics=(Nic(mac="52:54:00:00:00:01", network=NetworkId("a b")),)),
        replace(WISH, disks=(replace(DISK, target="../x"),)),
    ],
)
def test_what_can_never_be_is_refused(wrong: VmWish) -> None:
    with pytest.raises(Invalid):
        described(wrong)


@pytest.mark.parametrize(
    "text",
    [
        "<!DOCTYPE a SYSTEM 'file:///etc/passwd'><a/>",
        "<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>",
        "<html>",
        "",
    ],
)
def test_xml_with_a_document_type_or_none_at_all_is_refused(text: str) -> None:
    with pytest.raises(Rejected):
        xml_read.parse(text)


@pytest.mark.parametrize(
    ("text", "mib"),
    [
        ("<a><m unit='KiB'>2048</m></a>", 2),
        ("<a><m>2048</m></a>", 2),
        ("<a><m unit='b'>1048576</m></a>", 1),
        ("<a><m unit='G'>1</m></a>", 1024),
        ("<a/>", 0),
        ("<a><m>many</m></a>", 0),
    ],
)
def test_sizes_are_read_in_any_unit(text: str, mib: int) -> None:
    assert xml_read.size_mib(xml_read.parse(text), "m") == mib
