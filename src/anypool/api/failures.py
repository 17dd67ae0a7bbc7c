"""The routes about failures that have not happened."""

from typing import Annotated

from litestar import get
from litestar.di import NamedDependency, Provide
from litestar.params import QueryParameter
from msgspec import Struct

from anypool.api.asking import By, Key, Use
from anypool.api.language import ReasonView, reason_view, told
from anypool.model import Inventory
from anypool.plan import Reason
from anypool.planner.failover import LEVELS, Fate, proofs, why_there
from anypool.service.failures import Asked, Foreseen

Failing = NamedDependency[Asked]


class WhyView(Struct, frozen=True, kw_only=True):
    """A reason in words and as a value."""

    why: str
    reason: ReasonView | None


class FateView(Struct, frozen=True, kw_only=True):
    """What a failure does to one VM.

    `host` is where it restarts, null if it does not; `near` is then the host that was nearest
    to taking it, if one was. `starts_s` counts from the proof that its old host is dead.
    `after` names the VMs that must be ready first, `ready` says when this one is.
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
    why: str
    reason: ReasonView | None


class WhatIfView(Struct, frozen=True, kw_only=True):
    """What a failure would do; nothing is done by asking.

    `proofs` is what must be proven before any of it may begin. `survives` says whether every
    VM restarts; `vms` has those that do in their order, `lost` those that do not.
    """

    kind: str
    name: str
    hosts: tuple[str, ...]
    survives: bool
    seconds: float
    proofs: tuple[WhyView, ...]
    vms: tuple[FateView, ...]
    lost: tuple[FateView, ...]


def fate_view(fate: Fate, inventory: Inventory, ready: str) -> FateView:
    """Return what a failure does to a VM as it is shown."""
    why = why_there(fate)
    vms, hosts = inventory.vms, inventory.hosts
    names = tuple(vms[key].name for key in fate.after if key in vms)
    host = None if fate.host is None else hosts[fate.host].name
    return FateView(
        vm=fate.vm,
        vm_name=vms[fate.vm].name,
        home=fate.home,
        home_name=hosts[fate.home].name if fate.home in hosts else fate.home,
        host=fate.host,
        host_name=host,
        priority=LEVELS[fate.level],
        starts_s=None if fate.host is None else fate.starts_ms / 1000,
        after=names,
        ready=ready,
        near=None if fate.near is None else hosts[fate.near].name,
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


ROUTES = (what_if,)
