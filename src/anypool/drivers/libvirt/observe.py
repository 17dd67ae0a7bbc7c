"""The host, its VMs, datastores, volumes and networks, as one frame."""

from collections.abc import Iterable, Iterator

import libvirt

from anypool.drivers.libvirt import address, trouble, xml_read
from anypool.drivers.libvirt.part import Part
from anypool.drivers.libvirt.pools import Pool
from anypool.model import (
    Datastore,
    DatastoreId,
    EndpointInfo,
    Frame,
    Host,
    Network,
    NetworkId,
    VmId,
)


class Observe(Part):
    """The operations that only read; every libvirt driver has them."""

    def info(self) -> EndpointInfo:
        """Say what answers here."""
        self.session.connection()
        return EndpointInfo(
            product=self.platform.product,
            version=self.platform.version,
            hosts=(self.platform.host,),
        )

    def observe(self) -> Frame:
        """Read everything; libvirt looks at its storage pools again."""
        pools = self.pools.read(refresh=True)
        networks = tuple(self._networks())
        volumes = tuple(v for pool in pools for v in self.volumes.read(pool))
        return Frame(
            full=True,
            hosts=(self._host(pools, networks),),
            vms=self.reader.all(),
            datastores=tuple(self._datastores(pools)),
            volumes=volumes,
            networks=networks,
        )

    def observe_vms(self, vms: tuple[VmId, ...]) -> Frame:
        """Read some VMs again."""
        there = [handle for vm in vms if (handle := self.session.handle(vm)) is not None]
        found = self.reader.some(there)
        seen = {vm.id for vm in found}
        return Frame(full=False, vms=found, missing=tuple(vm for vm in vms if vm not in seen))

    def _host(self, pools: Iterable[Pool], networks: Iterable[Network]) -> Host:
        endpoint, platform = self.session.endpoint, self.platform
        return Host(
            id=platform.host,
            name=platform.name,
            endpoint=endpoint.id,
            pool=endpoint.pool,
            cpus=platform.cpus,
            sockets=platform.sockets,
            cpu_model=platform.cpu_model,
            arch=platform.arch,
            memory_mib=platform.memory_mib,
            hypervisor=f"{platform.product} {platform.version}",
            accelerators=platform.accelerators,
            cpu_models=platform.cpu_models,
            capabilities=self.capabilities,
            datastores=frozenset(pool.id for pool in pools),
            networks=frozenset(network.id for network in networks),
            peer_uri=address.peer_uri(endpoint),
            peer_address=address.peer_address(endpoint),
            platform="qemu" if platform.kind == "kvm" else platform.kind,
        )

    def _datastores(self, pools: Iterable[Pool]) -> Iterator[Datastore]:
        seen: set[DatastoreId] = set()
        for pool in pools:
            if pool.id in seen:  # two pools on one folder
                continue
            seen.add(pool.id)
            yield Datastore(
                id=pool.id,
                name=pool.name,
                kind=pool.kind,
                path=pool.path,
                shared=pool.shared,
                capacity_bytes=pool.capacity_bytes,
                free_bytes=pool.free_bytes,
                endpoints=frozenset({self.session.endpoint.id}),
            )

    def _networks(self) -> Iterator[Network]:
        with self.session.reading("read the networks") as connection:
            try:
                active = connection.listAllNetworks(libvirt.VIR_CONNECT_LIST_NETWORKS_ACTIVE)
                described = [xml_read.parse(network.XMLDesc(0)) for network in active]
            except libvirt.libvirtError as problem:
                if not trouble.is_missing_function(problem):
                    raise
                described = []
        for network in described:
            name = xml_read.text(network, "name")
            yield Network(
                id=NetworkId(name),
                name=name,
                kind=xml_read.attribute(network, "forward", "mode", "isolated"),
                bridge=xml_read.attribute(network, "bridge", "name"),
                endpoints=frozenset({self.session.endpoint.id}),
            )
