"""What marking as a template and changing labels mean, and what refuses them."""

from msgspec.structs import replace

from anypool.errors import Conflict
from anypool.model import VM_DOWN, Capability, Inventory, Vm
from anypool.plan.action import ChangeLabels, MarkTemplate
from anypool.plan.reason import reason
from anypool.plan.refuse import refuse


def marked(vm: Vm, action: MarkTemplate, inventory: Inventory) -> Vm:
    """Return a VM after it was marked; raise `Conflict` if it runs, or is so already."""
    host = inventory.host(action.host)
    if Capability.TEMPLATE not in host.abilities:
        raise refuse(Conflict, reason("mark.cannot", host=host.name))
    if vm.template is action.template:
        raise refuse(Conflict, reason("mark.is" if vm.template else "mark.is-not", vm=vm.name))
    if vm.state not in VM_DOWN:
        why = reason("is.vm", vm=vm.name, state=vm.state)
        raise refuse(Conflict, why, reason("hint.shut-down"))
    return replace(vm, template=action.template)


def check_runnable(vm: Vm) -> None:
    """Raise `Conflict` for a template, which never runs."""
    if vm.template:
        raise refuse(Conflict, reason("mark.is", vm=vm.name), reason("hint.unmark"))


def labelled(inventory: Inventory, action: ChangeLabels) -> Inventory:
    """Return the inventory after labels were changed; raise `Conflict` if they cannot be."""
    host = inventory.host(action.host)
    if Capability.LABELS not in host.abilities:
        raise refuse(Conflict, reason("label.cannot", host=host.name))
    if action.vm is None:
        return inventory.with_host(replace(host, labels=action.change.applied(host.labels)))
    vm = inventory.vm(action.vm)
    if vm.host != action.host:
        why = reason("is.not-there", vm=vm.name, host=action.host)
        raise refuse(Conflict, why, reason("hint.plan-again"))
    return inventory.with_vm(replace(vm, labels=action.change.applied(vm.labels)))
