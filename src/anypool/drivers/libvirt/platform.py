"""What kind of VMs a host runs: read once per connection from its capabilities."""

import contextlib
import uuid
import xml.etree.ElementTree as ET

import libvirt
from msgspec import Struct
from msgspec.structs import replace

from anypool.drivers.libvirt import trouble, xml_read
from anypool.drivers.libvirt.connect import Session
from anypool.errors import Conflict, Invalid
from anypool.model import HostId

ACCELERATORS = {"kvm": "kvm", "tcg": "qemu", "qemu": "qemu"}
"""The endpoint option `accelerator` and libvirt's type of VM for it."""


class Platform(Struct, frozen=True, kw_only=True, gc=False):
    """How VMs are described here; `kind` is libvirt's (qemu, kvm, test, xen, lxc)."""

    host: HostId
    name: str
    product: str
    version: str
    kind: str
    os_type: str = "hvm"
    arch: str = "x86_64"
    machine: str = ""
    emulator: str = ""
    cpu_model: str = ""
    cpu_models: frozenset[str] = frozenset()
    accelerators: tuple[str, ...] = ()
    cpus: int = 1
    sockets: int = 0
    memory_mib: int = 0


def check_same(session: Session, connection: libvirt.virConnect, known: Platform) -> None:
    """Raise `Conflict` when another host answers at the endpoint's address now."""
    with trouble.reading(connection, "read the host's capabilities"):
        found = _host_id(session, xml_read.parse(connection.getCapabilities()))
    if found != known.host:
        raise Conflict(
            f"{session.endpoint.uri} is host {found} now, not {known.name} ({known.host})",
            hint="remove this endpoint and add the new host",
        )


def read(session: Session) -> Platform:
    """Ask a host what it is; about six calls."""
    with session.reading("read the host's capabilities") as connection:
        capabilities = xml_read.parse(connection.getCapabilities())
        info = connection.getInfo()
        guest = _guest(capabilities, xml_read.text(capabilities, "host/cpu/arch", info[0]))
        kind, accelerators = _accelerator(session, guest)
        platform = Platform(
            host=_host_id(session, capabilities),
            name=connection.getHostname(),
            product=connection.getType(),
            version=_version(connection),
            kind=kind,
            os_type=xml_read.text(guest, "os_type", "hvm"),
            arch=xml_read.attribute(guest, "arch", "name", info[0]),
            machine=_machine(guest, kind),
            emulator=_emulator(guest, kind),
            cpu_model=xml_read.text(capabilities, "host/cpu/model", info[0]),
            accelerators=accelerators,
            cpus=info[2],
            sockets=info[4] * info[5],
            memory_mib=info[1],
        )
        return _with_models(connection, platform)


def _host_id(session: Session, capabilities: ET.Element) -> HostId:
    own = xml_read.text(capabilities, "host/uuid").lower()
    return HostId(own or str(uuid.uuid5(uuid.NAMESPACE_URL, session.endpoint.uri)))


def _guest(capabilities: ET.Element, arch: str) -> ET.Element:
    guests = capabilities.findall("guest")
    fitting = [g for g in guests if xml_read.attribute(g, "arch", "name") == arch]
    return (fitting or guests or [ET.Element("guest")])[0]


def _accelerator(session: Session, guest: ET.Element) -> tuple[str, tuple[str, ...]]:
    kinds = [domain.get("type", "") for domain in guest.findall("arch/domain")]
    wish = session.options.get("accelerator", "")
    if wish and wish not in ACCELERATORS:
        raise Invalid(f"accelerator {wish!r} is not known", hint="kvm or tcg, or leave it out")
    if "qemu" not in kinds:
        return (kinds[0] if kinds else "test"), ()
    usable = [kind for kind in ("kvm", "qemu") if kind in kinds]
    if wish:
        usable = [kind for kind in usable if kind == ACCELERATORS[wish]]
    if not usable:
        raise Invalid(f"this host has no {wish}", hint="leave the option accelerator out")
    return usable[0], tuple("kvm" if kind == "kvm" else "tcg" for kind in usable)


def _machine(guest: ET.Element, kind: str) -> str:
    if kind not in ("qemu", "kvm"):
        return ""
    machines = {m.text for m in guest.findall("arch/machine")}
    return next((wanted for wanted in ("q35", "virt") if wanted in machines), "")


def _emulator(guest: ET.Element, kind: str) -> str:
    for domain in guest.findall("arch/domain"):
        if domain.get("type") == kind and domain.findtext("emulator"):
            return xml_read.text(domain, "emulator")
    return xml_read.text(guest, "arch/emulator")


def _version(connection: libvirt.virConnect) -> str:
    try:
        number = connection.getVersion() or connection.getLibVersion()
    except libvirt.libvirtError:
        number = connection.getLibVersion()
    return f"{number // 1_000_000}.{number // 1000 % 1000}.{number % 1000}"


def _with_models(connection: libvirt.virConnect, platform: Platform) -> Platform:
    if platform.kind not in ("qemu", "kvm"):
        return platform
    with contextlib.suppress(libvirt.libvirtError):
        answer = connection.getDomainCapabilities(
            None, platform.arch, platform.machine or None, platform.kind, 0
        )
        models = xml_read.parse(answer).findall("cpu/mode[@name='custom']/model")
        usable = frozenset(m.text for m in models if m.text and m.get("usable") == "yes")
        return replace(platform, cpu_models=usable)
    return platform
