"""What an action does to the inventory, or why it cannot be done: the simulator of plans."""

from collections.abc import Callable
from typing import assert_never

from msgspec.structs import replace

from anypool.errors import Conflict
from anypool.model import (
    HOLDS_MEMORY,
    VM_ALIVE,
    VM_DOWN,
    Disk,
    DiskWish,
    HostId,
    HostState,
    Inventory,
    ServerId,
    Snapshot,
    Vm,
    VmId,
    VmState,
    VmWish,
)
from anypool.plan.action import (
    Action,
    AttachDisk,
    AttachNic,
    AwaitReady,
    ChangeLabels,
    CreateSnapshot,
    CreateVm,
    DeleteSnapshot,
    DeleteVm,
    DetachDisk,
    DetachNic,
    EnterMaintenance,
    EraseTrace,
    FenceHost,
    ForgetCopy,
    HandOver,
    LeaveMaintenance,
    MarkTemplate,
    MigrateVm,
    MoveDisks,
    PauseVm,
    PowerOffHost,
    PowerOnHost,
    ReconfigureVm,
    RemoveCopy,
    RenameVm,
    RestartVm,
    ResumeVm,
    RevertSnapshot,
    StartAfterFailure,
    StartVm,
    StopVm,
    VerifyHost,
)
from anypool.plan.copies import without_copy
from anypool.plan.disks import moved
from anypool.plan.marking import check_runnable, labelled, marked
from anypool.plan.plan import Plan
from anypool.plan.reason import Reason, reason
from anypool.plan.refuse import refuse
from anypool.plan.serveraction import (
    ApplyProfile,
    JoinHost,
    LeaveHost,
    PowerOffServer,
    PowerOnServer,
    ServerAction,
    VerifyServer,
    WithdrawProfile,
)
from anypool.plan.servereffect import seen_off, served


def outcome(plan: Plan, inventory: Inventory) -> Inventory:
    """Return the inventory after every step; raise `Conflict` at the first that cannot run."""
    for step in plan:
        inventory = apply(step.action, inventory)
    return inventory


def apply(action: Action, inventory: Inventory) -> Inventory:
    """Return the inventory after one action; raise `Conflict` or `NotFound` if it cannot run."""
    match action:
        case CreateVm(wish=wish, host=host):
            return _create(inventory, wish, host)
        case MigrateVm():
            return _migrate(inventory, action)
        case DeleteVm(vm=vm, host=host):
            _expect(inventory, vm, host, VM_DOWN)
            return inventory.without_vm(vm)
        case EnterMaintenance(host=host):
            return _enter_maintenance(inventory, host)
        case LeaveMaintenance(host=host):
            return inventory.with_host(replace(inventory.host(host), maintenance=False))
        case AwaitReady(vm=vm, host=host):
            _expect(inventory, vm, host, VM_ALIVE)
            return inventory
        case (
            PowerOffHost() | PowerOnHost() | FenceHost() | ApplyProfile() | WithdrawProfile()
            | PowerOffServer() | PowerOnServer() | VerifyServer() | JoinHost() | LeaveHost()
        ):  # fmt: skip
            return _power(inventory, action)
        case StartAfterFailure() | ForgetCopy() | RemoveCopy():
            return _after_failure(inventory, action)
        case HandOver() | EraseTrace() | VerifyHost() | ChangeLabels():
            return _unseen(inventory, action)
        case _:
            return _change_vm(inventory, action)


_VmAction = (
    StartVm | StopVm | RestartVm | PauseVm | ResumeVm | RenameVm | ReconfigureVm
    | AttachDisk | DetachDisk | AttachNic | DetachNic | MoveDisks | MarkTemplate
    | CreateSnapshot | RevertSnapshot | DeleteSnapshot
)  # fmt: skip


def _change_vm(inventory: Inventory, action: _VmAction) -> Inventory:
    match action:
        case StartVm(vm=vm, host=host):
            return _start(inventory, vm, host)
        case StopVm(vm=vm, host=host):
            return _set(inventory, vm, host, VM_ALIVE, lambda v: replace(v, state=VmState.STOPPED))
        case RestartVm(vm=vm, host=host):
            return _set(inventory, vm, host, VM_ALIVE, lambda v: replace(v, state=VmState.RUNNING))
        case PauseVm(vm=vm, host=host):
            return _set(inventory, vm, host, VM_ALIVE, lambda v: replace(v, state=VmState.PAUSED))
        case ResumeVm(vm=vm, host=host):
            return _set(inventory, vm, host, VM_ALIVE, lambda v: replace(v, state=VmState.RUNNING))
        case CreateSnapshot() | RevertSnapshot() | DeleteSnapshot():
            return _snapshot(inventory, action)
        case MarkTemplate(vm=vm, host=host):
            known = _expect(inventory, vm, host, frozenset(VmState))
            return inventory.with_vm(marked(known, action, inventory))
        case _:
            return _configure(inventory, action)


def _snapshot(
    inventory: Inventory, action: CreateSnapshot | RevertSnapshot | DeleteSnapshot
) -> Inventory:
    vm = _expect(inventory, action.vm, action.host, frozenset(VmState))
    known = {snapshot.name: snapshot for snapshot in vm.snapshots}
    match action:
        case CreateSnapshot(name=name):
            if name in known:
                why = reason("has.snapshot", vm=vm.name, name=name)
                raise refuse(Conflict, why, reason("hint.new-name"))
            taken = Snapshot(name=name, with_memory=vm.state in VM_ALIVE)
            return inventory.with_vm(replace(vm, snapshots=(*vm.snapshots, taken)))
        case RevertSnapshot(name=name):
            if name not in known:
                raise refuse(Conflict, reason("has.no-snapshot", vm=vm.name, name=name))
            state = VmState.RUNNING if known[name].with_memory else VmState.STOPPED
            return inventory.with_vm(replace(vm, state=state))
        case DeleteSnapshot(name=name):
            left = tuple(s for s in vm.snapshots if s.name != name)
            return inventory.with_vm(replace(vm, snapshots=left))
        case _:
            assert_never(action)


_Config = (
    RenameVm | ReconfigureVm | AttachDisk | DetachDisk | AttachNic | DetachNic | MoveDisks
)  # fmt: skip


def _configure(inventory: Inventory, action: _Config) -> Inventory:
    states = VM_DOWN if isinstance(action, RenameVm) else frozenset(VmState) - {VmState.UNKNOWN}
    vm = _expect(inventory, action.vm, action.host, states)
    match action:
        case RenameVm(name=name):
            vm = replace(vm, name=name)
        case ReconfigureVm(change=change):
            vm = replace(
                vm,
                vcpus=vm.vcpus if change.vcpus is None else change.vcpus,
                memory_mib=vm.memory_mib if change.memory_mib is None else change.memory_mib,
                resources=vm.resources if change.resources is None else change.resources,
            )
        case AttachDisk(disk=disk):
            if any(old.target == disk.target for old in vm.disks):
                raise refuse(Conflict, reason("has.disk", vm=vm.name, disk=disk.target))
            vm = replace(vm, disks=(*vm.disks, _disk(disk)))
        case DetachDisk(target=target):
            vm = replace(vm, disks=tuple(disk for disk in vm.disks if disk.target != target))
        case AttachNic(nic=nic):
            if any(old.mac == nic.mac for old in vm.nics):
                raise refuse(Conflict, reason("has.nic", vm=vm.name, mac=nic.mac))
            vm = replace(vm, nics=(*vm.nics, nic))
        case DetachNic(mac=mac):
            vm = replace(vm, nics=tuple(nic for nic in vm.nics if nic.mac != mac))
        case MoveDisks():
            vm = replace(vm, disks=moved(vm, action, inventory))
        case _:
            assert_never(action)
    return inventory.with_vm(vm)


def _create(inventory: Inventory, wish: VmWish, host: HostId) -> Inventory:
    _open_host(inventory, host)
    if wish.id in inventory.vms:
        raise refuse(Conflict, reason("is.made", vm=wish.id))
    return inventory.with_vm(
        Vm(
            id=wish.id,
            name=wish.name,
            host=host,
            vcpus=wish.vcpus,
            memory_mib=wish.memory_mib,
            cpu_model=wish.cpu_model,
            disks=tuple(_disk(disk) for disk in wish.disks),
            nics=wish.nics,
            boot=wish.boot,
            resources=wish.resources,
            tags=wish.tags,
            origin=wish.origin,
        )
    )


def _disk(wish: DiskWish) -> Disk:
    return Disk(
        target=wish.target,
        volume=wish.volume,
        datastore=wish.datastore,
        format=wish.format,
        size_bytes=wish.size_bytes,
        shareable=wish.shareable,
    )


def _start(inventory: Inventory, vm_id: VmId, host: HostId) -> Inventory:
    vm = _expect(inventory, vm_id, host, VM_DOWN)
    check_runnable(vm)
    _room(inventory, vm, host)
    return inventory.with_vm(replace(vm, state=VmState.RUNNING))


def _migrate(inventory: Inventory, action: MigrateVm) -> Inventory:
    vm = _expect(inventory, action.vm, action.source, VM_ALIVE)
    if action.target == action.source:
        raise refuse(Conflict, reason("is.there-already", vm=vm.name, host=action.source))
    _room(inventory, vm, action.target)
    return inventory.with_vm(replace(vm, host=action.target))


def _enter_maintenance(inventory: Inventory, host: HostId) -> Inventory:
    busy = [vm.name for vm in inventory.holding(host)]
    if busy:
        why = reason("is.busy", host=host, count=len(busy), vms=tuple(busy[:3]))
        raise refuse(Conflict, why, reason("hint.evacuate"))
    return inventory.with_host(replace(inventory.host(host), maintenance=True))


def _unseen(
    inventory: Inventory, action: HandOver | EraseTrace | VerifyHost | ChangeLabels
) -> Inventory:
    """Return the inventory as it is, but for labels: the rest is seen when it is read again.

    A server that was off is a hypervisor again once it is verified as one.
    """
    if isinstance(action, ChangeLabels):
        return labelled(inventory, action)
    if isinstance(action, HandOver):
        return _hand_over(inventory, action.host)
    host = inventory.host(action.host)
    if isinstance(action, VerifyHost) and ServerId(host.id) in inventory.servers:
        return inventory.with_host(replace(host, state=HostState.UP))
    return inventory


def _hand_over(inventory: Inventory, host: HostId) -> Inventory:
    if not inventory.host(host).maintenance:
        why = reason("check.handed-open", host=inventory.host(host).name)
        raise refuse(Conflict, why, reason("hint.evacuate"))
    return inventory


def _after_failure(
    inventory: Inventory, action: StartAfterFailure | ForgetCopy | RemoveCopy
) -> Inventory:
    if isinstance(action, RemoveCopy):
        return without_copy(inventory, action)
    if isinstance(action, ForgetCopy):
        vm = _expect(inventory, action.vm, action.lives_on, VM_ALIVE)
        left = tuple(copy for copy in vm.copies if copy.host != action.host)
        return inventory.with_vm(replace(vm, copies=left))
    vm = _expect(inventory, action.vm, action.home, VM_DOWN | {VmState.UNKNOWN})
    if action.host == action.home:
        raise refuse(Conflict, reason("is.there-already", vm=vm.name, host=action.home))
    _room(inventory, vm, action.host)
    return inventory.with_vm(replace(vm, host=action.host, state=VmState.RUNNING))


def _fence(inventory: Inventory, host_id: HostId) -> Inventory:
    host = inventory.host(host_id)
    if host.state is HostState.UP:
        raise refuse(Conflict, reason("ha.lives", host=host.name))
    return seen_off(inventory.with_host(replace(host, state=HostState.OFF)), host_id)


def _power(
    inventory: Inventory, action: PowerOffHost | PowerOnHost | FenceHost | ServerAction
) -> Inventory:
    if isinstance(action, ServerAction):
        return served(inventory, action)
    if isinstance(action, FenceHost):
        return _fence(inventory, action.host)
    switch = _power_off if isinstance(action, PowerOffHost) else _power_on
    return switch(inventory, action.host)


def _power_off(inventory: Inventory, host_id: HostId) -> Inventory:
    host = inventory.host(host_id)
    if host.state is not HostState.UP:
        raise refuse(Conflict, reason("is.host", host=host.name, state=host.state))
    if not host.maintenance or any(vm.state in HOLDS_MEMORY for vm in inventory.vms_on(host_id)):
        why = reason("check.off-open", host=host.name)
        raise refuse(Conflict, why, reason("hint.evacuate"))
    return inventory.with_host(replace(host, state=HostState.OFF, power_saved=True))


def _power_on(inventory: Inventory, host_id: HostId) -> Inventory:
    host = inventory.host(host_id)
    if host.state is not HostState.OFF or not host.power_saved:
        raise refuse(Conflict, reason("check.not-ours", host=host.name))
    return inventory.with_host(replace(host, state=HostState.UP, power_saved=False))


def _room(inventory: Inventory, vm: Vm, host: HostId) -> None:
    _open_host(inventory, host)
    if (free := inventory.memory_free_mib(host)) < vm.memory_mib:
        short = vm.memory_mib - free
        raise refuse(Conflict, reason("is.short", host=host, vm=vm.name, short=short))


def _open_host(inventory: Inventory, host_id: HostId) -> None:
    host = inventory.host(host_id)
    if host.state is not HostState.UP:
        raise refuse(Conflict, reason("is.host", host=host.name, state=host.state))
    if host.maintenance:
        raise refuse(Conflict, reason("is.maintenance", host=host.name))


def _expect(inventory: Inventory, vm_id: VmId, host: HostId, states: frozenset[VmState]) -> Vm:
    vm = inventory.vm(vm_id)
    if vm.host != host:
        why = reason("is.not-there", vm=vm.name, host=host)
        raise refuse(Conflict, why, reason("hint.plan-again"))
    if vm.state not in states:
        raise refuse(Conflict, reason("is.vm", vm=vm.name, state=vm.state), _way_out(vm, states))
    return vm


def _way_out(vm: Vm, states: frozenset[VmState]) -> Reason:
    """Return what brings a VM into one of the states."""
    if vm.state in VM_ALIVE and states & VM_DOWN:
        return reason("hint.shut-down")
    if vm.state in VM_DOWN and states & VM_ALIVE:
        return reason("hint.start")
    if vm.state is VmState.UNKNOWN:
        return reason("hint.endpoints")
    return reason("hint.wait")


def _set(
    inventory: Inventory,
    vm_id: VmId,
    host: HostId,
    states: frozenset[VmState],
    change: Callable[[Vm], Vm],
) -> Inventory:
    return inventory.with_vm(change(_expect(inventory, vm_id, host, states)))
