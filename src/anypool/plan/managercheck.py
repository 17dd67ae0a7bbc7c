"""What a manager would not survive that runs in a VM of its own pool.

It may migrate that VM, which does not stop it. What ends or freezes the VM, or takes its host
away while it is there, would leave a run without anybody who ends it. Who may be wrong about a
host is whoever is cut off from it: a manager would rather believe its own host dead than itself.
"""

from collections.abc import Callable
from contextlib import suppress

from anypool.errors import Conflict, NotFound
from anypool.model import Inventory, Vm, runs_manager
from anypool.plan.action import (
    Action,
    DeleteVm,
    FenceHost,
    ForgetCopy,
    MarkTemplate,
    PauseVm,
    PowerOffHost,
    RestartVm,
    RevertSnapshot,
    StartAfterFailure,
    StopVm,
    vm_of,
)
from anypool.plan.effect import apply
from anypool.plan.plan import Plan
from anypool.plan.reason import Reason, reason

_ENDS = (DeleteVm, MarkTemplate, PauseVm, RestartVm, RevertSnapshot, StopVm)
_DARK = (FenceHost, PowerOffHost)
_AFTER_FAILURE = (FenceHost, ForgetCopy, StartAfterFailure)
Own = Callable[[Vm], bool | None]
"""Says whether a VM is the one that this manager runs in; None where it does not know."""


def of_manager(plan: Plan, inventory: Inventory, own: Own) -> tuple[Reason, ...]:
    """Return what a manager would not survive in a plan, step by step.

    Where it does not know whether a VM is its own, the tag counts; but not after a failure, when
    another manager must be able to start the VM of one that is gone.
    """
    if not any(isinstance(step.action, _ENDS + _AFTER_FAILURE + _DARK) for step in plan):
        return ()
    found: list[Reason] = []
    for step in plan:
        found += _against(step.action, inventory, own)
        with suppress(Conflict, NotFound):
            inventory = apply(step.action, inventory)
    return tuple(found)


def _against(action: Action, inventory: Inventory, own: Own) -> list[Reason]:
    failed = isinstance(action, _AFTER_FAILURE)

    def counts(vm: Vm) -> bool:
        known = own(vm)
        return known is True or (known is None and not failed and runs_manager(vm))

    if isinstance(action, _DARK):
        if action.host not in inventory.hosts:
            return []
        name = inventory.hosts[action.host].name
        there = (vm for vm in inventory.holding(action.host) if counts(vm))
        return [reason("check.manager-dark", vm=vm.name, host=name) for vm in there]
    if not isinstance(action, _ENDS) and not failed:
        return []
    vm = inventory.vms.get(key) if (key := vm_of(action)) is not None else None
    return [reason("check.manager-ends", vm=vm.name)] if vm and counts(vm) else []
