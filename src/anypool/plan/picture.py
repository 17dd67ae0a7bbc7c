"""A plan as a picture: hosts before and after, whose VMs move by which step, and when."""

from collections.abc import Iterable, Mapping
from itertools import islice

from msgspec import Struct

from anypool.errors import AnypoolError
from anypool.model import HOLDS_MEMORY, Host, HostId, Inventory, VmId
from anypool.plan.action import hosts_of
from anypool.plan.effect import apply
from anypool.plan.plan import Plan
from anypool.plan.schedule import Limits, begins_ms

MOST_HOSTS = 60
"""More hosts nobody reads; the rest is counted."""
BESIDE = 3
"""So many hosts that nothing happens to are shown for comparison."""


class Part(Struct, frozen=True, kw_only=True, gc=False):
    """What a VM holds of a host; `step` moves it away or brought it, 0 if it stays."""

    vm: VmId
    name: str
    memory_mib: int
    step: int = 0


class Sight(Struct, frozen=True, kw_only=True, gc=False):
    """What a host holds at one time, in MiB of `memory_mib` that it has for VMs."""

    held_mib: int
    memory_mib: int
    state: str
    maintenance: bool
    parts: tuple[Part, ...]


class HostPicture(Struct, frozen=True, kw_only=True, gc=False):
    """A host before and after; `concerned` if a step is about it or a VM comes or goes."""

    host: HostId
    name: str
    concerned: bool
    before: Sight
    after: Sight


class Timed(Struct, frozen=True, kw_only=True, gc=False):
    """When a step would run, in milliseconds from the begin of the plan."""

    number: int
    begins_ms: int
    ends_ms: int


class PlanPicture(Struct, frozen=True, kw_only=True, gc=False):
    """Hosts, the fullest first, and the steps in time.

    `others` counts the hosts of the same pools that are not shown and hold between
    `least_percent` and `most_percent`; `more` counts those concerned beyond what is shown.
    `stopped_at` is the first step that could not run on this inventory, 0 if all could.
    """

    hosts: tuple[HostPicture, ...]
    others: int
    least_percent: int
    most_percent: int
    more: int
    steps: tuple[Timed, ...]
    stopped_at: int


def picture(plan: Plan, before: Inventory, limits: Limits) -> PlanPicture:
    """Return the picture of a plan that begins with an inventory."""
    after, stopped = _outcome(plan, before)
    moved = _moved(plan, before, after)
    touched = {host for step in plan for host in hosts_of(step.action)}
    touched |= {at for vm in moved for at in (_place(before, vm), _place(after, vm)) if at}
    rows = [before.hosts[key] for key in touched if key in before.hosts]
    rows.sort(key=lambda host: (-_percent(before, host), host.name))
    pools = {host.pool for host in rows}
    rest = [h for h in before.hosts.values() if h.id not in touched and h.pool in pools]
    rest.sort(key=lambda host: (-_percent(before, host), host.name))
    shown = [*rows[:MOST_HOSTS], *islice(rest, BESIDE)]
    shown.sort(key=lambda host: (-_percent(before, host), host.name))
    left = [_percent(before, host) for host in rest[BESIDE:]]
    return PlanPicture(
        hosts=tuple(_host(host, (before, after), moved, host.id in touched) for host in shown),
        others=len(left),
        least_percent=min(left, default=0),
        most_percent=max(left, default=0),
        more=max(0, len(rows) - MOST_HOSTS),
        steps=_timed(plan, limits),
        stopped_at=stopped,
    )


def _outcome(plan: Plan, inventory: Inventory) -> tuple[Inventory, int]:
    for step in plan:
        try:
            inventory = apply(step.action, inventory)
        except AnypoolError:
            return inventory, step.number
    return inventory, 0


def _place(inventory: Inventory, key: VmId) -> HostId | None:
    vm = inventory.vms.get(key)
    return None if vm is None or vm.state not in HOLDS_MEMORY else vm.host


def _moved(plan: Plan, before: Inventory, after: Inventory) -> dict[VmId, int]:
    """Return the VMs that come or go anywhere, with the last step that is about each."""
    about: dict[VmId, int] = {}
    for step in plan:
        wish = getattr(step.action, "wish", None)
        key = getattr(step.action, "vm", None) or getattr(wish, "id", None)
        if key is not None:
            about[key] = step.number
    return {vm: n for vm, n in about.items() if _place(before, vm) != _place(after, vm)}


def _percent(inventory: Inventory, host: Host) -> int:
    return round(100 * _held(inventory, host.id) / max(1, host.usable_mib))


def _held(inventory: Inventory, host: HostId) -> int:
    claim = inventory.claims.get(host)
    return 0 if claim is None else claim.memory_mib


def _host(
    host: Host, both: tuple[Inventory, Inventory], moved: Mapping[VmId, int], concerned: bool
) -> HostPicture:
    before, after = (_sight(one, host.id, moved) for one in both)
    return HostPicture(
        host=host.id, name=host.name, concerned=concerned, before=before, after=after
    )


def _sight(inventory: Inventory, key: HostId, moved: Mapping[VmId, int]) -> Sight:
    host = inventory.host(key)
    return Sight(
        held_mib=_held(inventory, key),
        memory_mib=host.usable_mib,
        state=str(host.state),
        maintenance=host.maintenance,
        parts=tuple(_parts(inventory, key, moved)),
    )


def _parts(inventory: Inventory, key: HostId, moved: Mapping[VmId, int]) -> Iterable[Part]:
    for vm in inventory.holding(key):
        yield Part(vm=vm.id, name=vm.name, memory_mib=vm.memory_mib, step=moved.get(vm.id, 0))


def _timed(plan: Plan, limits: Limits) -> tuple[Timed, ...]:
    begins = begins_ms(plan.steps, limits)
    known = ((step.number, begins.get(step.number), step.cost.duration_ms) for step in plan)
    return tuple(
        Timed(number=number, begins_ms=begin, ends_ms=begin + takes)
        for number, begin, takes in known
        if begin is not None
    )
