"""A plan as a person reads it."""

from collections.abc import Callable
from typing import assert_never

from anypool.model import HostId, Inventory, VmId
from anypool.model.units import format_size
from anypool.plan.action import (
    Action,
    AttachDisk,
    AttachNic,
    CreateSnapshot,
    CreateVm,
    DeleteSnapshot,
    DeleteVm,
    DetachDisk,
    DetachNic,
    EnterMaintenance,
    LeaveMaintenance,
    MigrateVm,
    PauseVm,
    ReconfigureVm,
    RenameVm,
    RestartVm,
    ResumeVm,
    RevertSnapshot,
    StartVm,
    StopVm,
)
from anypool.plan.plan import Cost, Plan
from anypool.plan.reason import say

Names = Callable[[VmId | HostId], str]


def names_in(inventory: Inventory) -> Names:
    """Return a function from an id to the name people know, or the id itself."""

    def name(key: VmId | HostId) -> str:
        found = inventory.vms.get(VmId(key)) or inventory.hosts.get(HostId(key))
        return key if found is None else found.name

    return name


def render(plan: Plan, names: Names) -> str:
    """Return the plan as text: its price, a line per step, then what was not chosen and why."""
    count = f"{len(plan.steps)} step" + ("" if len(plan.steps) == 1 else "s")
    lines = [f"Plan: {plan.goal} ({count}, {price_tag(plan.cost)})"]
    for step in plan:
        wait = f"  [after {', '.join(map(str, sorted(step.after)))}]" if step.after else ""
        lines.append(f"{step.number:3}. {describe(step.action, names)}  - {say(step.why)}{wait}")
    if plan.rejected:
        lines.append("Not chosen:")
        lines += [f"     {names(r.vm)} on {names(r.host)}: {say(r.why)}" for r in plan.rejected]
    return "\n".join(lines)


def price_tag(cost: Cost) -> str:
    """Return a cost in a few words, such as `about 12 s, 1.5 GiB to copy, pause 50 ms`."""
    words = [f"about {max(1, round(cost.duration_ms / 1000))} s"]
    if cost.copy_bytes:
        words.append(f"{format_size(cost.copy_bytes)} to copy")
    if cost.pause_ms:
        words.append(f"longest pause {cost.pause_ms} ms")
    return ", ".join(words)


def describe(action: Action, names: Names) -> str:
    """Return an action in a few words, with names for ids."""
    match action:
        case CreateVm(wish=wish, host=host):
            return f"create {wish.name} on {names(host)}"
        case MigrateVm(vm=vm, source=source, target=target):
            return f"migrate {names(vm)}: {names(source)} -> {names(target)}"
        case StopVm(vm=vm, host=host, how=how):
            return f"{how.replace('-', ' ')} {names(vm)} on {names(host)}"
        case RestartVm(vm=vm, host=host, how=how):
            return f"{how} {names(vm)} on {names(host)}"
        case EnterMaintenance(host=host):
            return f"enter maintenance on {names(host)}"
        case LeaveMaintenance(host=host):
            return f"leave maintenance on {names(host)}"
        case _:
            return _describe_change(action, names)


_Simple = StartVm | PauseVm | ResumeVm | DeleteVm | RenameVm | ReconfigureVm
_Device = AttachDisk | DetachDisk | AttachNic | DetachNic
_Snapshot = CreateSnapshot | RevertSnapshot | DeleteSnapshot


def _describe_change(action: _Simple | _Device | _Snapshot, names: Names) -> str:
    vm, host = names(action.vm), names(action.host)
    match action:
        case StartVm():
            text = f"start {vm}"
        case PauseVm():
            text = f"pause {vm}"
        case ResumeVm():
            text = f"resume {vm}"
        case DeleteVm(volumes=volumes):
            text = f"delete {vm}" + (" and its volumes" if volumes else "")
        case RenameVm(name=name):
            text = f"rename {vm} to {name}"
        case ReconfigureVm():
            text = f"reconfigure {vm}"
        case _:
            text = _describe_part(action, vm)
    return f"{text} on {host}"


def _describe_part(action: _Device | _Snapshot, vm: str) -> str:
    match action:
        case AttachDisk(disk=disk):
            return f"attach disk {disk.target} ({format_size(disk.size_bytes)}) to {vm}"
        case DetachDisk(target=target):
            return f"detach disk {target} from {vm}"
        case AttachNic(nic=nic):
            return f"attach adapter {nic.mac} to {vm}"
        case DetachNic(mac=mac):
            return f"detach adapter {mac} from {vm}"
        case CreateSnapshot(name=name):
            return f"take snapshot {name} of {vm}"
        case RevertSnapshot(name=name):
            return f"revert {vm} to snapshot {name}"
        case DeleteSnapshot(name=name):
            return f"delete snapshot {name} of {vm}"
        case _:
            assert_never(action)
