"""What a host that is to come has, as far as that can be known before it is there."""

from msgspec import Struct

from anypool.model.capability import Capability
from anypool.model.host import Host
from anypool.model.ids import DatastoreId, EndpointId, HostId, NetworkId


class HostWish(Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """A host to come: its hardware, and what the hosts of its pool have all of them."""

    cpus: int = 1
    memory_mib: int = 0
    arch: str = "x86_64"
    platform: str = ""
    hypervisor: str = ""
    accelerators: tuple[str, ...] = ()
    cpu_models: frozenset[str] = frozenset()
    capabilities: frozenset[Capability] = frozenset()
    datastores: frozenset[DatastoreId] = frozenset()
    networks: frozenset[NetworkId] = frozenset()

    def host(self, key: HostId, name: str, endpoint: EndpointId, pool: str) -> Host:
        """Return the host that it would be."""
        return Host(
            id=key,
            name=name,
            endpoint=endpoint,
            pool=pool,
            cpus=max(1, self.cpus),
            memory_mib=self.memory_mib,
            arch=self.arch,
            platform=self.platform,
            hypervisor=self.hypervisor,
            accelerators=self.accelerators,
            cpu_models=self.cpu_models,
            capabilities=self.capabilities,
            datastores=self.datastores,
            networks=self.networks,
        )
