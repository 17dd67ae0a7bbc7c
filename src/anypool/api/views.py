"""What the API shows of the records, one frozen record per noun.

Times are seconds since 1970, null for never. Sizes bear their unit in the name.
"""

from collections.abc import Callable, Mapping
from typing import Any, Generic, TypeVar

import msgspec
from msgspec import Struct

from anypool.api.agentviews import AgentView, agent_view
from anypool.api.bmcviews import BmcView, bmc_view
from anypool.api.made_from import OriginView, origin_view
from anypool.engine import LoadRate
from anypool.engine.ha.agents import AgentSight
from anypool.model import (
    Boot,
    Disk,
    Host,
    HostId,
    Inventory,
    KnownBmc,
    KnownEndpoint,
    Nic,
    Resources,
    Snapshot,
    Vm,
    VmCopy,
    VmId,
)
from anypool.search import Facet
from anypool.service.pages import Listed, Page

R = TypeVar("R")
V = TypeVar("V")
Loads = Mapping[HostId | VmId, LoadRate]


class PageView(Struct, Generic[V], frozen=True, kw_only=True):
    """A page of a list; `next` is the cursor of the following page."""

    items: tuple[V, ...]
    total: int
    next: str | None


def page_view(page: Page[R], view: Callable[[R], V]) -> PageView[V]:
    """Return a page with each row as it is shown."""
    return PageView(items=tuple(map(view, page.items)), total=page.total, next=page.next)


class ValueCount(Struct, frozen=True, kw_only=True):
    """How many have a value, which is written as in a search."""

    value: str
    count: int


class FacetView(Struct, frozen=True, kw_only=True):
    """The most frequent values of a field; `more` is how many others there are."""

    field: str
    values: tuple[ValueCount, ...]
    more: int


class ListView(Struct, Generic[V], frozen=True, kw_only=True):
    """A page of a list; `total`, `totals` (sums) and `facets` are of all that match."""

    items: tuple[V, ...]
    total: int
    next: str | None
    totals: dict[str, int]
    facets: tuple[FacetView, ...]


def list_view(found: Listed[R], view: Callable[[R], V]) -> ListView[V]:
    """Return a page of the inventory with each row as it is shown."""
    return ListView(
        items=tuple(map(view, found.items)),
        total=found.total,
        next=found.next,
        totals=found.totals,
        facets=tuple(map(_facet, found.facets)),
    )


def _facet(facet: Facet) -> FacetView:
    values = (ValueCount(value=value, count=count) for value, count in facet.values)
    return FacetView(field=facet.field, values=tuple(values), more=facet.more)


def time_or_none(at: float) -> float | None:
    """Return a time, None for 0.0, which means never."""
    return at or None


class LoadView(Struct, frozen=True, kw_only=True):
    """How busy a host or VM was when last measured; rates are per second."""

    at: float
    cpu_percent: float
    memory_used_mib: int
    disk_read_bytes_s: float
    disk_written_bytes_s: float
    net_received_bytes_s: float
    net_sent_bytes_s: float


def load_view(loads: Loads, key: HostId | VmId) -> LoadView | None:
    """Return the load of a host or VM, None if it was not measured."""
    found = loads.get(key)
    return None if found is None else msgspec.convert(found, LoadView, from_attributes=True)


class HostView(Struct, frozen=True, kw_only=True):
    """A host; `vms` counts those that run or are defined there.

    `withheld` is what it could do if it were not observe-only.
    """

    id: str
    name: str
    endpoint: str
    pool: str
    observe_only: bool
    state: str
    maintenance: bool
    cpus: int
    sockets: int
    cpu_model: str
    arch: str
    memory_mib: int
    memory_free_mib: int
    reserved_mib: int
    hypervisor: str
    accelerators: tuple[str, ...]
    capabilities: tuple[str, ...]
    withheld: tuple[str, ...]
    datastores: tuple[str, ...]
    networks: tuple[str, ...]
    tags: tuple[str, ...]
    platform: str
    cluster: str
    place: str
    labels: tuple[str, ...]
    set_aside: bool
    platform_decides: tuple[str, ...]
    power_saved: bool
    wake_proven_at: float
    bmc: BmcView | None
    vms: int
    load: LoadView | None


def host_view(
    host: Host, inventory: Inventory, loads: Loads, bmc: KnownBmc | None = None
) -> HostView:
    """Return a host as it is shown."""
    known = host.id in inventory.hosts
    return HostView(
        id=host.id,
        name=host.name,
        endpoint=host.endpoint,
        pool=host.pool,
        observe_only=host.observe_only,
        state=host.state,
        maintenance=host.maintenance,
        cpus=host.cpus,
        sockets=host.sockets,
        cpu_model=host.cpu_model,
        arch=host.arch,
        memory_mib=host.memory_mib,
        memory_free_mib=inventory.memory_free_mib(host.id) if known else host.memory_mib,
        reserved_mib=host.reserved_mib,
        hypervisor=host.hypervisor,
        accelerators=host.accelerators,
        capabilities=tuple(sorted(host.capabilities)),
        withheld=tuple(sorted(host.withheld)),
        datastores=tuple(sorted(_names(inventory.datastores, host.datastores))),
        networks=tuple(sorted(_names(inventory.networks, host.networks))),
        tags=tuple(sorted(host.tags)),
        platform=host.platform,
        cluster=host.cluster,
        place=host.place,
        labels=tuple(sorted(host.labels)),
        set_aside=host.set_aside,
        platform_decides=tuple(sorted(host.platform_decides)),
        power_saved=host.power_saved,
        wake_proven_at=host.wake_proven_at,
        bmc=None if bmc is None else bmc_view(bmc),
        vms=len(inventory.claims[host.id].vms) if host.id in inventory.claims else 0,
        load=load_view(loads, host.id),
    )


def _names(records: Mapping[Any, Any], ids: frozenset[Any]) -> list[str]:
    return [records[key].name if key in records else key for key in ids]


class VmView(Struct, frozen=True, kw_only=True):
    """A VM; `host` is the id of where it runs or is defined, null if nowhere.

    `unseen` says that nobody saw it end: it may run on a host that does not answer.
    """

    id: str
    name: str
    host: str | None
    host_name: str | None
    state: str
    reason: str
    vcpus: int
    memory_mib: int
    cpu_model: str
    disks: tuple[Disk, ...]
    nics: tuple[Nic, ...]
    boot: Boot | None
    image: OriginView | None
    resources: Resources
    snapshots: tuple[Snapshot, ...]
    copies: tuple[VmCopy, ...]
    twins: tuple[str, ...]
    platform_moves: bool
    tags: tuple[str, ...]
    resource_pool: str
    place: str
    labels: tuple[str, ...]
    template: bool
    unseen: bool
    load: LoadView | None
    agent: AgentView


def vm_view(vm: Vm, inventory: Inventory, loads: Loads, agent: AgentSight) -> VmView:
    """Return a VM as it is shown."""
    host = None if vm.host is None else inventory.hosts.get(vm.host)
    return VmView(
        id=vm.id,
        name=vm.name,
        host=vm.host,
        host_name=None if host is None else host.name,
        state=vm.state,
        reason=vm.reason,
        vcpus=vm.vcpus,
        memory_mib=vm.memory_mib,
        cpu_model=vm.cpu_model,
        disks=vm.disks,
        nics=vm.nics,
        boot=vm.boot,
        image=origin_view(vm, inventory),
        resources=vm.resources,
        snapshots=vm.snapshots,
        copies=vm.copies,
        twins=vm.twins,
        platform_moves=vm.platform_moves,
        tags=tuple(sorted(vm.tags)),
        resource_pool=vm.resource_pool,
        place=vm.place,
        labels=tuple(sorted(vm.labels)),
        template=vm.template,
        unseen=vm.is_astray,
        load=load_view(loads, vm.id),
        agent=agent_view(agent),
    )


class EndpointView(Struct, frozen=True, kw_only=True):
    """An endpoint and how the conversation with it goes; secrets are never shown.

    One that is `unread` is observe-only from a restore of the records until it was read whole.
    """

    id: str
    driver: str
    uri: str
    pool: str
    observe_only: bool
    unread: bool
    options: dict[str, str]
    state: str
    message: str
    since: float | None
    seen_at: float | None


def endpoint_view(known: KnownEndpoint) -> EndpointView:
    """Return an endpoint as it is shown."""
    endpoint, health = known.endpoint, known.health
    return EndpointView(
        id=endpoint.id,
        driver=endpoint.driver,
        uri=endpoint.uri,
        pool=endpoint.pool,
        observe_only=endpoint.observe_only,
        unread=endpoint.unread,
        options=dict(endpoint.options),
        state=health.state,
        message=health.message,
        since=time_or_none(health.since),
        seen_at=time_or_none(health.seen_at),
    )
