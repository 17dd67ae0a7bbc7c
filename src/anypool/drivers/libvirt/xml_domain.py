"""The XML of a VM, made from a wish; nothing in it is pasted text."""

import xml.etree.ElementTree as ET

from msgspec import Struct

from anypool.drivers.libvirt import metadata, xml_device
from anypool.drivers.libvirt.platform import Platform
from anypool.drivers.libvirt.xml_vm import CPU_PERIOD_US
from anypool.drivers.libvirt.xml_write import child
from anypool.drivers.names import check_name, check_vm_id
from anypool.errors import Invalid
from anypool.model import DiskWish, Resources, VmWish

KIB_PER_MIB = 1024


class Taste(Struct, frozen=True, kw_only=True, gc=False):
    """What an endpoint's options say about every VM made there.

    `vnc_listen` is the address consoles listen on; `console_log_dir` a folder on every
    host into which serial consoles are also written, "" for none.
    """

    vnc_listen: str = "127.0.0.1"
    console_log_dir: str = ""
    disk_cache: str = "none"

    @staticmethod
    def of(options: dict[str, str]) -> "Taste":
        """Read the options that are there."""
        known = {name: options[name] for name in Taste.__struct_fields__ if name in options}
        return Taste(**known)


class Placed(Struct, frozen=True, kw_only=True, gc=False):
    """A disk that was wished for, with the path of its volume."""

    wish: DiskWish
    path: str


def domain(
    wish: VmWish, disks: tuple[Placed, ...], platform: Platform, taste: Taste, tag: str
) -> ET.Element:
    """Describe a VM that bears `tag`; raise `Invalid` for what can never be described."""
    check(wish)
    vm = ET.Element("domain", type=platform.kind)
    child(vm, "name", wish.name)
    child(vm, "uuid", wish.id)
    reserved = wish.resources.memory_reserved_mib
    ours = metadata.element(made_by=tag, memory_reserved_mib=reserved, origin=wish.origin)
    child(vm, "metadata").append(ours)
    _size(vm, wish)
    _tune(vm, wish.resources)
    _boot(vm, wish, platform)
    if platform.kind in ("qemu", "kvm"):
        _machine(vm, wish, platform)
    devices = child(vm, "devices")
    if platform.emulator:
        child(devices, "emulator", platform.emulator)
    for disk in disks:
        devices.append(xml_device.disk(disk.wish, disk.path, cache=taste.disk_cache))
    for nic in wish.nics:
        devices.append(xml_device.nic(nic))
    if platform.kind in ("qemu", "kvm"):
        _consoles(devices, wish, taste)
    return vm


def retuned(vm: ET.Element, wish: Resources) -> ET.Element:
    """Put other shares, limits and reservations into a description; the rest stays."""
    for name in ("global_quota", "global_period", "shares"):
        _drop(vm, "cputune", name)
    _drop(vm, "blkiotune", "weight")
    _drop(vm, "memtune", "hard_limit")
    metadata.reserve(vm, wish.memory_reserved_mib)
    _tune(vm, wish)
    return vm


def _drop(vm: ET.Element, group: str, name: str) -> None:
    for parent in vm.findall(group):
        for element in parent.findall(name):
            parent.remove(element)


def _group(vm: ET.Element, name: str) -> ET.Element:
    found = vm.find(name)
    return child(vm, name) if found is None else found


def check(wish: VmWish) -> None:
    """Raise `Invalid` for what no VM can be."""
    check_name("VM", wish.name)
    check_vm_id(wish.id)
    if wish.vcpus < 1 or wish.memory_mib < 1:
        raise Invalid(f"VM {wish.name} needs at least one CPU and 1 MiB of memory")
    if 0 < wish.max_vcpus < wish.vcpus or 0 < wish.max_memory_mib < wish.memory_mib:
        raise Invalid(f"VM {wish.name} is larger than the most it may grow to")


def _size(vm: ET.Element, wish: VmWish) -> None:
    most_mib = wish.max_memory_mib or wish.memory_mib
    child(vm, "memory", most_mib * KIB_PER_MIB, unit="KiB")
    child(vm, "currentMemory", wish.memory_mib * KIB_PER_MIB, unit="KiB")
    most = wish.max_vcpus or wish.vcpus
    child(vm, "vcpu", most, placement="static", current=wish.vcpus if wish.vcpus < most else None)


def _tune(vm: ET.Element, wish: Resources) -> None:
    if wish.cpu_shares or wish.cpu_limit_percent:
        cpu = _group(vm, "cputune")
        if wish.cpu_shares:
            child(cpu, "shares", wish.cpu_shares)
        if wish.cpu_limit_percent:
            child(cpu, "global_period", CPU_PERIOD_US)
            child(cpu, "global_quota", wish.cpu_limit_percent * CPU_PERIOD_US // 100)
    if wish.io_weight:
        child(_group(vm, "blkiotune"), "weight", wish.io_weight)
    if wish.memory_limit_mib:
        limit = wish.memory_limit_mib * KIB_PER_MIB
        child(_group(vm, "memtune"), "hard_limit", limit, unit="KiB")


def _boot(vm: ET.Element, wish: VmWish, platform: Platform) -> None:
    """Say what it starts: a kernel, its disk, or where it has neither what the network hands it."""
    boot, system = wish.boot, child(vm, "os")
    child(system, "type", platform.os_type, arch=platform.arch, machine=platform.machine)
    if boot is None:
        child(system, "boot", dev="hd" if wish.disks else "network")
        return
    for path in (boot.kernel, boot.initrd):
        if path and (not path.startswith("/") or "/../" in path):
            raise Invalid(f"{path!r} is not the absolute path of a kernel or initrd")
    child(system, "kernel", boot.kernel)
    if boot.initrd:
        child(system, "initrd", boot.initrd)
    if boot.cmdline:
        child(system, "cmdline", boot.cmdline)


def _machine(vm: ET.Element, wish: VmWish, platform: Platform) -> None:
    child(child(vm, "features"), "acpi")
    _cpu(vm, wish.cpu_model, platform)
    child(vm, "clock", offset="utc")
    child(vm, "on_poweroff", "destroy")
    child(vm, "on_reboot", "restart")
    child(vm, "on_crash", "destroy")


def _cpu(vm: ET.Element, model: str, platform: Platform) -> None:
    if model:
        cpu = child(vm, "cpu", mode="custom", match="exact", check="partial")
        child(cpu, "model", model, fallback="forbid")
    elif platform.kind == "kvm":
        child(vm, "cpu", mode="host-model", check="partial")
    elif platform.arch == "x86_64":
        cpu = child(vm, "cpu", mode="custom", match="exact", check="none")
        child(cpu, "model", "qemu64", fallback="allow")


def _consoles(devices: ET.Element, wish: VmWish, taste: Taste) -> None:
    serial = child(devices, "serial", type="pty")
    if taste.console_log_dir:
        child(serial, "log", file=f"{taste.console_log_dir}/{wish.id}.log", append="on")
    child(serial, "target", port=0)
    agent = child(devices, "channel", type="unix")
    child(agent, "target", type="virtio", name="org.qemu.guest_agent.0")
    graphics = child(devices, "graphics", type="vnc", port=-1, autoport="yes")
    child(graphics, "listen", type="address", address=taste.vnc_listen)
    child(child(devices, "video"), "model", type="vga", vram=16384)
    child(devices, "memballoon", model="virtio")
