"""Whether a VM would run again if its host died now, by itself, and why not."""

from collections.abc import Mapping
from enum import StrEnum

from msgspec import Struct

from anypool.model import (
    HOLDS_MEMORY,
    Bound,
    Capability,
    HighAvailability,
    HostId,
    Inventory,
    Level,
    Vm,
    VmId,
    runs_manager,
)
from anypool.plan import Reason, reason
from anypool.planner.failover import Fate, why_there
from anypool.planner.failover.left import unfit


class Protection(StrEnum):
    """`PROTECTED` runs again by itself, `ONCE` is tried once, `ASKS` needs a person first."""

    PROTECTED = "protected"
    ONCE = "once"
    ASKS = "asks"
    NONE = "none"


class Protected(Struct, frozen=True, kw_only=True):
    """How far a VM is protected, and what keeps it from more; None where nothing does."""

    vm: VmId
    how: Protection
    why: Reason | None = None


class Ground(Struct, frozen=True, kw_only=True):
    """What the question is asked on: the policies of the kind `ha` by host, fates, and who is
    tried once only. `leased` are hosts that a storage lease which runs out proves dead."""

    inventory: Inventory
    rules: Mapping[HostId, HighAvailability]
    fates: Mapping[VmId, Fate]
    once: frozenset[VmId] = frozenset()
    leased: frozenset[HostId] = frozenset()


def rules_by_host(bounds: tuple[Bound, ...]) -> dict[HostId, HighAvailability]:
    """Return the rule that guards each host; the first one counts."""
    found: dict[HostId, HighAvailability] = {}
    for bound in bounds:
        if isinstance(bound.rule, HighAvailability):
            for host in bound.hosts:
                found.setdefault(host, bound.rule)
    return found


def protected(vm: Vm, on: Ground) -> Protected:
    """Return how far a VM is protected."""
    if (why := _nothing(vm, on)) is not None:
        return Protected(vm=vm.id, how=Protection.NONE, why=why)
    assert vm.host is not None
    if (why := _asks(vm.host, on)) is not None:
        return Protected(vm=vm.id, how=Protection.ASKS, why=why)
    if runs_manager(vm):
        return Protected(vm=vm.id, how=Protection.ASKS, why=reason("ha.manager"))
    if vm.id in on.once:
        return Protected(vm=vm.id, how=Protection.ONCE, why=reason("ha.once"))
    return Protected(vm=vm.id, how=Protection.PROTECTED)


def asks(host: HostId, on: Ground) -> Reason | None:
    """Return why VMs of a host that dies start elsewhere only if a person does something."""
    return _asks(host, on) if host in on.rules else reason("ha.unguarded")


def _nothing(vm: Vm, on: Ground) -> Reason | None:
    """Return what keeps a VM down whatever a person does."""
    if vm.host is None or vm.host not in on.rules:
        return reason("ha.no-policy")
    if vm.state not in HOLDS_MEMORY:
        return reason("ha.runs-not")
    if (why := unfit(vm)) is not None:
        return why
    fate = on.fates.get(vm.id)
    if fate is None:
        return reason("ha.runs-not")
    if fate.host is None:
        return why_there(fate)
    there = on.inventory.hosts.get(fate.host)
    if there is None or Capability.VM_ADOPT not in there.capabilities:
        return reason("ha.cannot-adopt", host=fate.host if there is None else there.name)
    return None


def _asks(host: HostId, on: Ground) -> Reason | None:
    """Return why nothing would happen without a person."""
    rule = on.rules[host]
    if rule.level is not Level.AUTOMATIC:
        return reason("ha.level", level=str(rule.level))
    if host in on.leased:
        return None
    if Capability.HOST_POWER not in on.inventory.hosts[host].capabilities:
        return reason("ha.no-bmc")
    return None if rule.fence else reason("ha.fence-off")
