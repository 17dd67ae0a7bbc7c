"""Whether a plan may begin now, beside what already runs."""

from collections.abc import Callable
from typing import Protocol

from anypool.engine.runs.journal import READY, not_ready
from anypool.engine.runs.state import Rules
from anypool.errors import Busy, Conflict, NotFound, Unreachable
from anypool.model import Bound, HostState, Inventory, PlanId
from anypool.plan import (
    Action,
    CreateVm,
    Plan,
    Reason,
    apply,
    hosts_of,
    reason,
    refuse,
    released,
    vm_of,
)
from anypool.plan.check import objections
from anypool.plan.managercheck import Own, of_manager
from anypool.plan.rulecheck import of_rules
from anypool.planner.failover import Outlook, weakened
from anypool.store.records import PlanRecord


class Standing(Protocol):
    """The policies of now, and what is known of failures under them."""

    outlook: Outlook
    own: Own

    def bounds(self, inventory: Inventory) -> tuple[Bound, ...]:
        """Return the enabled policies as they bind an inventory."""


def admit(
    plan: PlanRecord,
    inventory: Inventory,
    pending: tuple[Action, ...],
    supersede: Callable[[PlanId, Reason], None],
    policies: Standing,
) -> None:
    """Return quietly if a plan may begin.

    Raise `Conflict` if it is not ready or the pool has changed too much (it is
    superseded then), `Busy` if a run works on its VMs, `Unreachable` if a host it needs
    does not answer now.
    """
    if plan.state not in READY:
        raise not_ready(plan)
    _check_busy(plan, inventory, pending)
    if against := of_manager(plan.plan, inventory, policies.own):
        raise refuse(Conflict, against[0], reason("hint.manager"))
    world = released(with_pending(inventory, pending), plan.plan.redeems)
    found = _objections(plan.plan, world, policies)
    if not found:
        return
    for host in sorted({host for step in plan.plan for host in hosts_of(step.action)}):
        record = inventory.hosts.get(host)
        if record is not None and record.state is HostState.UNKNOWN:
            raise refuse(
                Unreachable, reason("admit.silent", host=record.name), reason("hint.later")
            )
    broken = broken_rules(plan.plan, world, policies.bounds)
    code = "admit.rules" if set(found) <= set(broken) else "admit.changed"
    why = reason(code, objections=found[:3])
    supersede(plan.id, why)
    raise refuse(Conflict, why, reason("hint.plan-again"))


def broken_rules(plan: Plan, inventory: Inventory, rules: Rules) -> tuple[Reason, ...]:
    """Return the musts of now that a plan would break, whatever it was made under."""
    return of_rules(plan, inventory, _bounds(plan, inventory, rules))


def _objections(plan: Plan, inventory: Inventory, policies: Standing) -> tuple[Reason, ...]:
    bounds = _bounds(plan, inventory, policies.bounds)
    found = objections(plan, inventory, bounds)
    if found or plan.waived:
        return found
    return weakened(plan, inventory, bounds, policies.outlook)


def _bounds(plan: Plan, inventory: Inventory, rules: Rules) -> tuple[Bound, ...]:
    """Return the rules as they bind everything, also what a plan is going to make."""
    made = tuple(step.action for step in plan if isinstance(step.action, CreateVm))
    return rules(with_pending(inventory, made))


def _check_busy(plan: PlanRecord, inventory: Inventory, pending: tuple[Action, ...]) -> None:
    busy = {vm_of(action) for action in pending} - {None}
    for step in plan.plan:
        vm = vm_of(step.action)
        if vm in busy and vm is not None:
            record = inventory.vms.get(vm)
            name = vm if record is None else record.name
            raise refuse(Busy, reason("admit.busy", vm=name), reason("hint.wait-for-run"))


def with_pending(inventory: Inventory, pending: tuple[Action, ...]) -> Inventory:
    """Return the pool as it will be once the running plans have done what they can."""
    for action in pending:
        try:
            inventory = apply(action, inventory)
        except (Conflict, NotFound):
            continue
    return inventory
