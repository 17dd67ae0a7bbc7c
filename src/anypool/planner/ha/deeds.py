"""The two other plans of high availability: switch a host off, forget what it had."""

from anypool.model import HostId, Inventory, Vm, VmState
from anypool.plan import (
    FenceHost,
    ForgetCopy,
    Plan,
    Reason,
    RemoveCopy,
    Step,
    VmIs,
    digest,
    reason,
    say,
)


def plan_fence(inventory: Inventory, host: HostId, why: Reason) -> Plan:
    """Return the step that switches a silent host off."""
    aim = reason("aim.fence", host=inventory.host(host).name)
    step = Step(number=1, action=FenceHost(host=host), why=why)
    return Plan(goal=say(aim), aim=aim, steps=(step,), based_on=digest(inventory))


def left_over(inventory: Inventory, host: HostId) -> list[Vm]:
    """Return the VMs that run elsewhere and have a stopped copy on a host."""
    found = (
        vm
        for vm in inventory.vms.values()
        if vm.copies
        and vm.state is VmState.RUNNING
        and any(copy.host == host and copy.state is VmState.STOPPED for copy in vm.copies)
    )
    return sorted(found, key=lambda vm: vm.id)


def plan_forget(inventory: Inventory, host: HostId, vms: list[Vm]) -> Plan:
    """Return the steps that forget the stopped copies of VMs on a host that is back."""
    steps: list[Step] = []
    for vm in vms:
        assert vm.host is not None
        runs = vm.state is VmState.RUNNING
        action = ForgetCopy(vm=vm.id, host=host, lives_on=vm.host) if runs else None
        steps.append(
            Step(
                number=len(steps) + 1,
                action=action or RemoveCopy(vm=vm.id, host=host, keeps=vm.host),
                why=reason("ha.left-over", lives=inventory.hosts[vm.host].name),
                valid_while=(VmIs(vm=vm.id, host=vm.host, states=frozenset({vm.state})),),
            )
        )
    aim = reason("aim.forget-copies", count=len(steps), host=inventory.host(host).name)
    return Plan(goal=say(aim), aim=aim, steps=tuple(steps), based_on=digest(inventory))
