"""Records of hosts, datastores and networks."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

from anypool.drivers.vsphere import clusters, properties
from anypool.drivers.vsphere.inventory import Inventory, plain
from anypool.drivers.vsphere.mirror import Entry
from anypool.model import (
    Capability,
    Datastore,
    Endpoint,
    EndpointId,
    Host,
    HostState,
    Locking,
    Network,
)

MIB = 1 << 20
_ALONE = (properties.NETWORK, properties.OPAQUE)


def hosts(
    seen: Inventory, endpoint: Endpoint, capabilities: frozenset[Capability], peer_uri: str = ""
) -> Iterator[Host]:
    """Yield every host that a vCenter manages."""
    there = {
        moid: seen.network_ids[moid]
        for moid, entry in seen.of(*_ALONE, properties.PORTGROUP)
        if not _is_uplink(entry)
    }
    for moid, entry in seen.of(properties.HOST):
        hardware = entry.get("summary.hardware")
        product = entry.get("summary.config.product")
        above = seen.entry(entry.get("parent"))
        clustered = above is not None and above.kind == properties.CLUSTER
        yield Host(
            id=seen.host_ids[moid],
            name=plain(entry.get("name")),
            endpoint=endpoint.id,
            pool=endpoint.pool,
            state=state_of(entry),
            cpus=int(getattr(hardware, "numCpuThreads", 0) or 1),
            sockets=int(getattr(hardware, "numCpuPkgs", 0) or 0),
            cpu_model=" ".join(str(getattr(hardware, "cpuModel", "") or "").split()),
            memory_mib=int(getattr(hardware, "memorySize", 0) or 0) // MIB,
            hypervisor=str(getattr(product, "fullName", "") or "VMware ESXi"),
            accelerators=("esxi",),
            capabilities=capabilities,
            datastores=frozenset(_known(seen.datastore_ids, entry.get("datastore"))),
            networks=frozenset(_known(there, entry.get("network"))),
            platform_decides=clusters.decides(above),
            set_aside=bool(entry.get("runtime.inMaintenanceMode")),
            platform="esxi",
            peer_uri=peer_uri,
            cluster=plain(above.get("name")) if above is not None and clustered else "",
            place="/".join(seen.above(entry if above is None else above)),
            labels=seen.labels(moid, entry),
        )


def state_of(entry: Entry) -> HostState:
    """Return whether a host is up: what vCenter has lost touch with is UNKNOWN."""
    if entry.get("runtime.powerState") in ("standBy", "poweredOff"):
        return HostState.OFF
    connected = entry.get("runtime.connectionState") == "connected"
    return HostState.UP if connected else HostState.UNKNOWN


def datastores(seen: Inventory, endpoint: EndpointId) -> Iterator[Datastore]:
    """Yield every datastore; ESXi locks each file that a VM writes to."""
    seen_by = Counter(
        reference._moId
        for _, host in seen.of(properties.HOST)
        for reference in host.get("datastore") or ()
    )
    for moid, entry in seen.of(properties.DATASTORE):
        summary = entry.get("summary")
        if summary is None:
            continue
        yield Datastore(
            id=seen.datastore_ids[moid],
            name=plain(entry.get("name")),
            kind=str(summary.type or "").lower() or "vmfs",
            path=str(summary.url or ""),
            shared=bool(summary.multipleHostAccess) or seen_by[moid] > 1,
            locking=Locking.EFFECTIVE,
            capacity_bytes=int(summary.capacity or 0),
            free_bytes=int(summary.freeSpace or 0),
            endpoints=frozenset({endpoint}),
            place="/".join(seen.above(entry)),
            labels=seen.labels(moid, entry),
        )


def networks(seen: Inventory, endpoint: EndpointId) -> Iterator[Network]:
    """Yield every network that VMs attach to; uplinks are none."""
    for moid, entry in seen.of(*_ALONE, properties.PORTGROUP):
        distributed = entry.kind == properties.PORTGROUP
        if distributed and _is_uplink(entry):
            continue
        switch = seen.name(entry.get("config.distributedVirtualSwitch"))
        yield Network(
            id=seen.network_ids[moid],
            name=plain(entry.get("name")),
            kind="distributed" if distributed else _kind(entry),
            bridge=switch,
            endpoints=frozenset({endpoint}),
            vlan=_vlan(entry.get("config.defaultPortConfig")),
            place="/".join(seen.above(entry)),
            labels=seen.labels(moid, entry),
        )


def _is_uplink(entry: Entry) -> bool:
    """Return whether a port group joins hosts to the outside; old vCenters tell by a tag."""
    tags = {str(tag.key) for tag in entry.get("tag") or ()}
    named = "-DVUplinks-" in str(entry.get("name"))
    return bool(entry.get("config.uplink")) or "SYSTEM/DVS.UPLINKPG" in tags or named


def _kind(entry: Entry) -> str:
    return "nsx" if entry.kind == properties.OPAQUE else "standard"


def _vlan(config: Any) -> int:
    vlan = getattr(getattr(config, "vlan", None), "vlanId", 0)
    return vlan if isinstance(vlan, int) else 0


def _known(ids: dict[str, Any], references: Any) -> Iterator[Any]:
    for reference in references or ():
        if reference._moId in ids:
            yield ids[reference._moId]
