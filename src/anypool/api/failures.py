"""The routes about failures that have not happened."""

from typing import Annotated

from litestar import get
from litestar.di import NamedDependency, Provide
from litestar.params import QueryParameter
from msgspec import Struct

from anypool.api.asking import By, Key, Searched, Use
from anypool.api.language import ReasonView, reason_view, told
from anypool.api.views import ListView, list_view
from anypool.model import Inventory
from anypool.model.units import MIB, parse_size
from anypool.plan import Reason, names_in
from anypool.planner.failover import LEVELS, Fate, proofs, why_there
from anypool.service.failures import Asked, Doom, Foreseen, Foretold

Failing = NamedDependency[Asked]


class WhyView(Struct, frozen=True, kw_only=True):
    """A reason in words and as a value."""

    why: str
    reason: ReasonView | None


class FateView(Struct, frozen=True, kw_only=True):
    """What a failure does to one VM.

    `host` is where it restarts, null if it does not; `near` is then the host that was nearest
    to taking it, if one was. One that is `left` has a place there, and nobody here starts it.
    `starts_s` counts from the proof that its old host is dead. `after` names the VMs that must be
    ready first, `ready` says when this one is.
    """

    vm: str
    vm_name: str
    home: str
    home_name: str
    host: str | None
    host_name: str | None
    priority: str
    starts_s: float | None
    after: tuple[str, ...]
    ready: str
    near: str | None
    left: bool
    why: str
    reason: ReasonView | None


class AsksView(WhyView, frozen=True, kw_only=True):
    """Why VMs of some hosts start elsewhere only if a person does something."""

    hosts: tuple[str, ...]


class WhatIfView(Struct, frozen=True, kw_only=True):
    """What a failure would do; nothing is done by asking.

    `proofs` is what must be proven before any of it may begin, `asks` what of it does not begin
    by itself. `survives` says whether every VM restarts; `vms` has those that do in their order,
    `lost` those that are left down.
    """

    kind: str
    name: str
    hosts: tuple[str, ...]
    survives: bool
    seconds: float
    proofs: tuple[WhyView, ...]
    asks: tuple[AsksView, ...]
    vms: tuple[FateView, ...]
    lost: tuple[FateView, ...]


class FailureView(Struct, frozen=True, kw_only=True):
    """A failure of the death map; `survives` if every VM restarts, `why` about the first else.

    Of `lost` VMs `left` have a place, where nobody here starts them. On `asks` of its hosts nothing
    restarts before a person does something.
    """

    kind: str
    name: str
    hosts: tuple[str, ...]
    vms: int
    lost: int
    left: int
    survives: bool
    seconds: float
    asks: int
    why: str
    reason: ReasonView | None


class DoomView(FateView, frozen=True, kw_only=True):
    """The fate of a VM in one failure of the death map."""

    kind: str
    failure: str


def failure_view(found: Foretold) -> FailureView:
    """Return a failure of the death map as it is shown."""
    why = None if found.worst is None else why_there(found.worst)
    return FailureView(
        kind=found.kind,
        name=found.name,
        hosts=found.hosts,
        vms=found.vms,
        lost=found.lost,
        left=found.left,
        survives=not found.lost,
        seconds=found.last_ms / 1000,
        asks=found.asks,
        why=told(why),
        reason=reason_view(why),
    )


def doom_view(found: Doom, inventory: Inventory) -> DoomView:
    """Return the fate of a VM in the death map as it is shown."""
    view = fate_view(found.fate, inventory, "")
    fields = {name: getattr(view, name) for name in view.__struct_fields__}
    return DoomView(kind=found.kind, failure=found.failure, **fields)


def fate_view(fate: Fate, inventory: Inventory, ready: str) -> FateView:
    """Return what a failure does to a VM as it is shown."""
    why = why_there(fate)
    name = names_in(inventory)
    return FateView(
        vm=fate.vm,
        vm_name=name(fate.vm),
        home=fate.home,
        home_name=name(fate.home),
        host=fate.host,
        host_name=None if fate.host is None else name(fate.host),
        priority=LEVELS[fate.level],
        starts_s=None if fate.host is None else fate.starts_ms / 1000,
        after=tuple(map(name, fate.after)),
        ready=ready,
        near=None if fate.near is None else name(fate.near),
        left=fate.left,
        why=told(why),
        reason=reason_view(why),
    )


def what_if_view(found: Foreseen) -> WhatIfView:
    """Return what a failure would do as it is shown."""
    recovery, inventory = found.recovery, found.inventory
    failure = recovery.failure

    def view(fate: Fate) -> FateView:
        ready = found.order.ready(fate.vm)
        return fate_view(fate, inventory, "running" if ready is None else ready[0].when)

    names = sorted(inventory.hosts[key].name for key in failure.hosts)
    return WhatIfView(
        kind=failure.kind,
        name=failure.name,
        hosts=tuple(names),
        survives=not recovery.lost,
        seconds=max((fate.starts_ms for fate in recovery.restarted), default=0) / 1000,
        proofs=tuple(map(_why_view, proofs(recovery, inventory))),
        asks=tuple(
            AsksView(hosts=one.hosts, why=told(one.why), reason=reason_view(one.why))
            for one in found.asks
        ),
        vms=tuple(map(view, recovery.restarted)),
        lost=tuple(map(view, recovery.lost)),
    )


def _why_view(why: Reason) -> WhyView:
    return WhyView(why=told(why), reason=reason_view(why))


def asked(
    host: Annotated[
        str, QueryParameter(max_length=4000, description="hosts that fail: `h1,h2`")
    ] = "",
    domain: Annotated[
        str, QueryParameter(max_length=255, description="a tag: hosts that bear it fail, `rack:r1`")
    ] = "",
    datastore: Annotated[
        str, QueryParameter(max_length=255, description="a datastore that is lost")
    ] = "",
) -> Asked:
    """Return what is to fail."""
    names = tuple(filter(None, (name.strip() for name in host.split(","))))
    return Asked(hosts=names, domain=domain, datastore=datastore)


_ASKED = {"failing": Provide(asked, sync_to_thread=False)}


@get("/pools/{key:str}/what-if", dependencies=_ASKED, sync_to_thread=True)
def what_if(services: Use, by: By, key: Key, failing: Failing) -> WhatIfView:
    """Say what would happen to every VM if hosts, a failure domain or a datastore failed."""
    return what_if_view(services.failures.what_if(by, key, failing))


@get("/pools/{key:str}/death-map", sync_to_thread=True)
def death_map(services: Use, by: By, key: Key, search: Searched) -> ListView[FailureView]:
    """List what every host, chassis, rack, power feed, site and datastore would do if it failed."""
    return list_view(services.failures.death_map(by, key, search), failure_view)


@get("/pools/{key:str}/fates", sync_to_thread=True)
def list_fates(services: Use, by: By, key: Key, search: Searched) -> ListView[DoomView]:
    """List the fate of each VM in each failure of the death map."""
    inventory = services.pool.inventory(by)
    found = services.failures.fates(by, key, search)
    return list_view(found, lambda doom: doom_view(doom, inventory))


class OnHostView(Struct, frozen=True, kw_only=True):
    """How many of the new VMs would be on a host."""

    host: str
    vms: int


class CapacityView(Struct, frozen=True, kw_only=True):
    """How many more VMs of a size fit, and where; `bound` is a number no placement exceeds.

    `count` is -1 where the pool does not survive the failures as it is. `exact` is false where
    the failures were too many to try each, and a safe bound judged.
    """

    count: int
    bound: int
    exact: bool
    hosts: tuple[OnHostView, ...]


class Sized(Struct, frozen=True):
    """How large a VM is, and how many hosts may fail."""

    vcpus: int
    memory_mib: int
    survive: int


def sized(
    memory: Annotated[str, QueryParameter(max_length=40, description="of each VM: `4GiB`")],
    vcpus: Annotated[int, QueryParameter(ge=1, le=4096, description="of each VM")] = 1,
    survive: Annotated[int, QueryParameter(ge=0, le=8, description="hosts that may fail")] = 0,
) -> Sized:
    """Return how large a VM is, and how many hosts may fail."""
    return Sized(vcpus=vcpus, memory_mib=parse_size(memory) // MIB, survive=survive)


_SIZED = {"size": Provide(sized, sync_to_thread=False)}


@get("/pools/{key:str}/capacity", dependencies=_SIZED, sync_to_thread=True)
def pool_capacity(services: Use, by: By, key: Key, size: NamedDependency[Sized]) -> CapacityView:
    """Say how many more VMs of a size fit, such that any so many hosts may fail."""
    found = services.rooms.capacity(
        by, key, vcpus=size.vcpus, memory_mib=size.memory_mib, survive=size.survive
    )
    return CapacityView(
        count=found.count,
        bound=found.bound,
        exact=found.exact,
        hosts=tuple(OnHostView(host=name, vms=count) for name, count in found.hosts),
    )


ROUTES = (what_if, death_map, list_fates, pool_capacity)
