"""The names of what a plan is about, as they were when it was made."""

from collections.abc import Iterator

from msgspec.structs import replace

from anypool.model import HostId, Inventory, VmId
from anypool.plan.action import CreateVm, hosts_of, vm_of
from anypool.plan.plan import Plan
from anypool.plan.render import Names, names_in
from anypool.plan.serveraction import ApplyProfile, JoinHost, VerifyServer, WithdrawProfile


def named(plan: Plan, inventory: Inventory) -> Plan:
    """Return the plan with the names of its VMs and hosts, so that its texts outlive them."""
    known = names_in(inventory)
    names = {key: known(key) for key in _ids(plan)} | _made(plan)
    return replace(plan, names=tuple(sorted((str(key), name) for key, name in names.items())))


def names_of(plan: Plan, inventory: Inventory) -> Names:
    """Return a function from an id to its name in a plan; else the one it has now, or itself."""
    then, now = _made(plan) | dict(plan.names), names_in(inventory)
    return lambda key: then[key] if key in then else now(key)


def _ids(plan: Plan) -> Iterator[VmId | HostId]:
    for step in plan:
        vm = vm_of(step.action)
        if vm is not None:
            yield vm
        yield from hosts_of(step.action)
        if isinstance(step.action, ApplyProfile | WithdrawProfile | VerifyServer | JoinHost):
            yield HostId(step.action.profile)
    for refusal in plan.rejected:
        yield from (refusal.vm, refusal.host)


def _made(plan: Plan) -> dict[str, str]:
    """Return the names of the VMs that the plan itself makes."""
    actions = (step.action for step in plan)
    return {a.wish.id: a.wish.name for a in actions if isinstance(a, CreateVm)}
