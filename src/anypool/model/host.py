"""A host: a server that runs VMs."""

from enum import StrEnum

from msgspec import Struct

from anypool.model.capability import Capability
from anypool.model.ids import DatastoreId, EndpointId, HostId, NetworkId


class HostState(StrEnum):
    """What was last observed; `UNKNOWN` while nobody answers, never a guess."""

    UP = "up"
    OFF = "off"
    UNKNOWN = "unknown"


class Matter(StrEnum):
    """What a platform may decide by itself; we recommend only, where it does.

    How loads are spread over hosts, which hosts are switched off, where VMs restart.
    """

    BALANCE = "balance"
    POWER = "power"
    RESTART = "restart"


class Host(Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """One host; `maintenance`, `reserved_mib`, `tags` and from `withheld` to `booked_mib` is ours.

    `sockets` are processor sockets, 0 where nobody says. `memory_mib` is all the host has;
    `reserved_mib` of it is kept from VMs, and `booked_mib` for VMs that are to come.
    `peer_uri` and `peer_address` are how another host reaches this one for a migration;
    empty where the endpoint cannot be reached from its peers. `observe_only` hosts keep
    their abilities in `withheld`: the platform has them, and nothing may use them.
    `power_saved` says that it is off because we switched it off; `wake_proven_at` is when it
    last came up after that, in seconds since 1970, 0 if it never did or failed to since.
    `platform_decides` is what the platform itself decides about it and its VMs.
    `set_aside` says that the platform itself runs nothing on it (vSphere's maintenance mode).
    `platform` is what its VMs are made for (qemu, esxi): they run on no other.
    `cluster`, `place` and `labels` are the platform's own: the cluster a vCenter has it in, the
    datacenter and folders around that (`DC0/east`), and what it wrote there (`field=value`).
    """

    id: HostId
    name: str
    endpoint: EndpointId
    pool: str = "default"
    state: HostState = HostState.UP
    cpus: int = 1
    sockets: int = 0
    cpu_model: str = ""
    arch: str = "x86_64"
    memory_mib: int = 0
    hypervisor: str = ""
    accelerators: tuple[str, ...] = ()
    cpu_models: frozenset[str] = frozenset()
    capabilities: frozenset[Capability] = frozenset()
    datastores: frozenset[DatastoreId] = frozenset()
    networks: frozenset[NetworkId] = frozenset()
    peer_uri: str = ""
    peer_address: str = ""
    maintenance: bool = False
    reserved_mib: int = 0
    tags: frozenset[str] = frozenset()
    observe_only: bool = False
    withheld: frozenset[Capability] = frozenset()
    power_saved: bool = False
    wake_proven_at: float = 0.0
    booked_mib: int = 0
    set_aside: bool = False
    platform_decides: frozenset[Matter] = frozenset()
    platform: str = ""
    cluster: str = ""
    place: str = ""
    labels: frozenset[str] = frozenset()

    @property
    def usable_mib(self) -> int:
        """Memory that VMs that are known may have."""
        return self.memory_mib - self.reserved_mib - self.booked_mib

    @property
    def abilities(self) -> frozenset[Capability]:
        """What the platform can do, whether or not it may be used now."""
        return self.capabilities | self.withheld
