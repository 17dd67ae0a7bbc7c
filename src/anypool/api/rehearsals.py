"""The route that plays a failure on a copy of the inventory."""

from collections.abc import Iterable
from typing import Annotated

from litestar import get
from litestar.di import NamedDependency, Provide
from litestar.params import QueryParameter
from msgspec import Struct

from anypool.api.asking import By, Key, Use
from anypool.api.failures import Failing, asked
from anypool.api.language import told
from anypool.api.waiting import PLANS
from anypool.model import HostId, Inventory, Vm, VmState
from anypool.plan import Cost, goal_of, names_in
from anypool.plan.render import Names
from anypool.planner.failover.failure import HOST, HOSTS
from anypool.planner.rehearse import Dies, Moment
from anypool.service.rehearsals import Rehearsed


class Way(Struct, frozen=True):
    """How hosts fail, and how long a person takes."""

    how: Dies
    person_s: float


def way(
    how: Annotated[
        Dies,
        QueryParameter(
            description="whether hosts lose their power (`off`), hang with it (`hangs`), or lose "
            "it and their BMC is silent, too (`mute`)"
        ),
    ] = Dies.OFF,
    person_s: Annotated[
        float,
        QueryParameter(
            ge=0,
            le=900,
            description="seconds until a person confirms a death that nothing proves; 0: never",
        ),
    ] = 120.0,
) -> Way:
    """Return how hosts fail."""
    return Way(how=how, person_s=person_s)


_ASKED = {
    "failing": Provide(asked, sync_to_thread=False),
    "way": Provide(way, sync_to_thread=False),
}


class MomentView(Struct, frozen=True, kw_only=True):
    """What happens `at_s` seconds after the failure; `what` as in `planner.rehearse.Happens`.

    A step of the plan number `plan` bears its number; both are 0 for others. The VM runs on
    `runs_on`, a host's id, from then on, where that is not "".
    """

    at_s: float
    what: str
    text: str
    host: str
    host_name: str
    vm: str
    vm_name: str
    plan: int
    step: int
    runs_on: str
    runs_on_name: str


class RehearsedHostView(Struct, frozen=True, kw_only=True):
    """A host of the copy, with what it holds before the failure; it `dies` in it, or does not."""

    id: str
    name: str
    memory_mib: int
    held_mib: int
    dies: bool


class RehearsedVmView(Struct, frozen=True, kw_only=True):
    """A VM that ran on a host that fails; `ends_on` is "" where it does not run at the end."""

    id: str
    name: str
    memory_mib: int
    home: str
    home_name: str
    ends_on: str
    ends_on_name: str


class RehearsedPlanView(Struct, frozen=True, kw_only=True):
    """A plan that was made and run on the copy; it is stored nowhere."""

    number: int
    goal: str
    steps: int
    cost: Cost


class RehearsalView(Struct, frozen=True, kw_only=True):
    """A failure that was played on a copy; nothing happened, and nothing is kept of it.

    `guarded` says whether policies of the kind `ha` guard all its hosts: where not, nothing
    would start by itself. `lost` counts the VMs that do not run at the end, `seconds` until then.
    """

    kind: str
    name: str
    how: str
    guarded: bool
    seconds: float
    lost: int
    moments: tuple[MomentView, ...]
    hosts: tuple[RehearsedHostView, ...]
    vms: tuple[RehearsedVmView, ...]
    plans: tuple[RehearsedPlanView, ...]


def rehearsal_view(found: Rehearsed) -> RehearsalView:
    """Return a rehearsal as it is shown."""
    failure, names = found.failure, names_in(found.before)
    pools = {found.before.hosts[host].pool for host in failure.hosts}
    return RehearsalView(
        kind=failure.kind,
        name=failure.name if failure.kind not in (HOST, HOSTS) else _named(failure.hosts, names),
        how=found.how,
        guarded=found.guarded >= failure.hosts,
        seconds=max((one.at_ms for one in found.moments), default=0) / 1000,
        lost=len(found.lost),
        moments=tuple(_moment(one, names) for one in found.moments),
        hosts=tuple(
            _host(found.before, host, host in failure.hosts)
            for host, record in sorted(found.before.hosts.items())
            if record.pool in pools
        ),
        vms=tuple(_vm(vm, found.after, names) for vm in found.vms),
        plans=tuple(
            RehearsedPlanView(
                number=number, goal=told(goal_of(plan)), steps=len(plan.steps), cost=plan.cost
            )
            for number, plan in enumerate(found.plans, 1)
        ),
    )


def _named(hosts: Iterable[HostId], names: Names) -> str:
    return ", ".join(sorted(map(names, hosts)))


def _moment(one: Moment, names: Names) -> MomentView:
    return MomentView(
        at_s=one.at_ms / 1000,
        what=one.what,
        text=told(one.said),
        host=one.host or "",
        host_name="" if one.host is None else names(one.host),
        vm=one.vm or "",
        vm_name="" if one.vm is None else names(one.vm),
        plan=one.plan,
        step=one.step,
        runs_on=one.runs_on or "",
        runs_on_name="" if one.runs_on is None else names(one.runs_on),
    )


def _host(inventory: Inventory, key: HostId, dies: bool) -> RehearsedHostView:
    host = inventory.hosts[key]
    claim = inventory.claims.get(key)
    return RehearsedHostView(
        id=key,
        name=host.name,
        memory_mib=host.usable_mib,
        held_mib=0 if claim is None else claim.memory_mib,
        dies=dies,
    )


def _vm(vm: Vm, after: Inventory, names: Names) -> RehearsedVmView:
    now = after.vms[vm.id]
    there = now.host if now.state is VmState.RUNNING else None
    return RehearsedVmView(
        id=vm.id,
        name=vm.name,
        memory_mib=vm.memory_mib,
        home=vm.host or "",
        home_name="" if vm.host is None else names(vm.host),
        ends_on=there or "",
        ends_on_name="" if there is None else names(there),
    )


@get("/pools/{key:str}/rehearsal", dependencies=_ASKED, opt={PLANS: True}, sync_to_thread=True)
def rehearse(
    services: Use, by: By, key: Key, failing: Failing, way: NamedDependency[Way]
) -> RehearsalView:
    """Play a failure on a copy: what is seen, decided and proven, and the plans that follow."""
    found = services.rehearsals.play(by, key, failing, how=way.how, person_s=way.person_s)
    return rehearsal_view(found)


ROUTES = (rehearse,)
"""Playing failures."""
