"""A server: any physical machine, whether or not it runs VMs."""

from enum import StrEnum

from msgspec import Struct

from anypool.model.bmc import Power
from anypool.model.hardware import Condition
from anypool.model.ids import EndpointId, HostId, ServerId


class AdapterKind(StrEnum):
    """What an adapter speaks; a converged one is two adapters, one of each kind."""

    ETHERNET = "ethernet"
    FC = "fc"


class Link(StrEnum):
    """Whether a port has a link; `UNKNOWN` where nobody says."""

    UP = "up"
    DOWN = "down"
    UNKNOWN = "unknown"


class Port(Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """A port of an adapter: `id` is unique within its server, such as `1/2`.

    `address` is what it uses now, `permanent` what it was built with: a MAC of an Ethernet
    port, a WWPN of an FC port, whose WWNN is `node`; "" where nobody says. `switch` and
    `switch_port` are what it is plugged into (LLDP, or what the switch says), `networks` the
    names of what it reaches there: networks, or fabrics of FC.
    """

    id: str
    address: str = ""
    permanent: str = ""
    node: str = ""
    link: Link = Link.UNKNOWN
    switch: str = ""
    switch_port: str = ""
    networks: frozenset[str] = frozenset()


class Adapter(Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """An adapter with its ports in the order of the hardware."""

    id: str
    kind: AdapterKind = AdapterKind.ETHERNET
    model: str = ""
    ports: tuple[Port, ...] = ()


class ServerAbility(StrEnum):
    """What can be done to a server through its BMC, as it was found.

    `ADDRESSES`: MACs and WWNs of its ports can be set and given back. `ISCSI_BOOT`, `FC_BOOT`:
    targets to boot from can be written into its adapters. `BOOT_ORDER`, `BIOS`: these settings
    can be. `NETBOOT`: it boots from the network by its permanent MAC.
    `IDENTITY`: our driver writes whole identities into it, and takes them away. `BOOT_HOST`: a
    boot host of its pool can let it boot as somebody.
    """

    POWER = "power"
    BOOT_ONCE = "boot-once"
    BOOT_ORDER = "boot-order"
    BIOS = "bios"
    ADDRESSES = "addresses"
    ISCSI_BOOT = "iscsi-boot"
    FC_BOOT = "fc-boot"
    NETBOOT = "netboot"
    IDENTITY = "identity"
    BOOT_HOST = "boot-host"


class Adoption(StrEnum):
    """What we do with a server: one that was only FOUND is looked at, an IGNORED one is not."""

    FOUND = "found"
    ADOPTED = "adopted"
    IGNORED = "ignored"


class Server(Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """One physical server; `adoption`, `spare` and `tags` are ours, all else is observed.

    `endpoint` is who answers for it: a BMC, or the manager of a chassis. `power` is UNKNOWN
    while that does not answer. `chassis` and `slot` are where it stands, also where we were
    told. `cpus` are threads, `sockets` processors; 0 where nobody says. `bears` is the
    identity that was written into it, `PROFILE@EPOCH`, "" for its own; `entered` the one that
    the boot service has for its permanent MAC. `spare` is one that may take over a profile.
    """

    id: ServerId
    name: str
    endpoint: EndpointId
    pool: str = "default"
    power: Power = Power.UNKNOWN
    health: Condition = Condition.UNKNOWN
    chassis: str = ""
    slot: str = ""
    vendor: str = ""
    model: str = ""
    serial: str = ""
    arch: str = "x86_64"
    cpus: int = 0
    sockets: int = 0
    cpu_model: str = ""
    memory_mib: int = 0
    adapters: tuple[Adapter, ...] = ()
    abilities: frozenset[ServerAbility] = frozenset()
    firmware: str = ""
    bears: str = ""
    entered: str = ""
    adoption: Adoption = Adoption.FOUND
    spare: bool = False
    tags: frozenset[str] = frozenset()

    @property
    def ports(self) -> tuple[Port, ...]:
        """All ports, in the order of the adapters."""
        return tuple(port for adapter in self.adapters for port in adapter.ports)

    def ports_of(self, kind: AdapterKind) -> tuple[Port, ...]:
        """Return the ports of one kind, in the order of the adapters."""
        return tuple(
            port for adapter in self.adapters if adapter.kind is kind for port in adapter.ports
        )

    @property
    def place(self) -> str:
        """Where it stands, `CHASSIS/SLOT`; "" where nobody says."""
        return f"{self.chassis}/{self.slot}" if self.chassis and self.slot else ""

    @property
    def host(self) -> HostId:
        """The host that it is, if it runs VMs."""
        return HostId(self.id)
