"""The plan that forgets one copy of a VM that several hosts know; its volumes stay."""

from anypool.errors import Conflict
from anypool.model import VM_ALIVE, VM_DOWN, HostId, Inventory, VmId
from anypool.plan import (
    Plan,
    Reason,
    RemoveCopy,
    Step,
    VmIs,
    apply,
    digest,
    names_in,
    reason,
    refuse,
    say,
    tell,
)
from anypool.plan.copies import kept_by
from anypool.planner.operate import check_single


def plan_remove_copy(inventory: Inventory, vm_id: VmId, host: HostId, why: Reason) -> Plan:
    """Return the step that forgets a stopped copy; raise `Conflict` if it is to be kept."""
    vm = inventory.vm(vm_id)
    check_single(vm)
    rest = kept_by(vm, host)
    if rest is None:
        told = reason(
            "no.remove-copy",
            vm=vm.name,
            host=inventory.host(host).name,
            why=reason("copy.alone" if vm.host == host else "copy.not-there"),
        )
        raise refuse(Conflict, told, reason("hint.copies", vm=vm.name))
    action = RemoveCopy(vm=vm.id, host=host, keeps=rest.host)
    apply(action, inventory)
    states = VM_DOWN if vm.host == host else VM_ALIVE | VM_DOWN
    assert vm.host is not None
    valid = (VmIs(vm=vm.id, host=vm.host, states=frozenset(states)),)
    step = Step(number=1, action=action, why=why, valid_while=valid)
    aim = tell(action, names_in(inventory))
    return Plan(goal=say(aim), aim=aim, steps=(step,), based_on=digest(inventory))
