"""A plan as a person reads it."""

from collections.abc import Callable, Mapping
from typing import assert_never

from anypool.model import (
    DatastoreId,
    HostId,
    Inventory,
    LeaseExpired,
    Means,
    PowerOff,
    Probe,
    ProbeKind,
    ProfileId,
    Proof,
    Ready,
    ReadyKind,
    SaidGone,
    ServerId,
    Stated,
    Trace,
    TraceKind,
    VmId,
    WatchdogKind,
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
from anypool.plan.plan import Cost, Plan, Redeemed
from anypool.plan.reason import Reason, plain, reason
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
from anypool.plan.words import DEFAULT, say

Names = Callable[[VmId | HostId], str]


def names_in(inventory: Inventory) -> Names:
    """Return a function from an id to the name people know, or the id itself."""

    def name(key: VmId | HostId) -> str:
        found = inventory.vms.get(VmId(key)) or inventory.hosts.get(HostId(key))
        if found is not None:
            return found.name
        other = (
            inventory.datastores.get(DatastoreId(key))
            or inventory.servers.get(ServerId(HostId(key)))
            or inventory.profiles.get(ProfileId(key))
        )
        return key if other is None else other.name

    return name


def render(plan: Plan, names: Names, language: str = DEFAULT) -> str:
    """Return the plan as text: its price, a line per step, then what was not chosen and why."""
    head = reason("plan.head", goal=goal_of(plan), steps=len(plan.steps), price=price(plan.cost))
    taken = (redeeming(one, names) for one in plan.redeems)
    lines = [say(one, language) for one in (head, *plan.waived, *taken)]
    for step in plan:
        told = say(tell(step.action, names), language)
        wait = tuple(map(str, sorted(step.after)))
        after = f"  [{say(reason('plan.after', steps=wait), language)}]" if wait else ""
        lines.append(f"{step.number:3}. {told}  - {say(step.why, language)}{after}")
    if plan.rejected:
        lines.append(say(reason("plan.rejected"), language))
    for entry in plan.rejected:
        vm, host = names(entry.vm), names(entry.host)
        refusal = reason("plan.refusal", vm=vm, host=host, why=entry.why)
        lines.append(f"     {say(refusal, language)}")
    return "\n".join(lines)


def redeeming(taken: Redeemed, names: Names) -> Reason:
    """Return what a plan takes of a booking, in words."""
    memory, host = taken.memory_mib, names(taken.host)
    return reason("plan.redeems", memory=memory, booking=taken.booking, host=host)


def goal_of(plan: Plan) -> Reason:
    """Return what a plan is for; as it was written, for one of a release that kept words."""
    return plain(plan.goal) if plan.aim is None else plan.aim


def price(cost: Cost) -> Reason:
    """Return a cost, such as `about 12 s, 1.5 GiB to copy, longest pause 50 ms`."""
    parts = [reason("price.time", time=max(1, round(cost.duration_ms / 1000)))]
    if cost.copy_bytes:
        parts.append(reason("price.copy", size=cost.copy_bytes))
    if cost.pause_ms:
        parts.append(reason("price.pause", pause=cost.pause_ms))
    return reason("price", parts=tuple(parts))


def describe(action: Action, names: Names) -> str:
    """Return an action in a few English words, with names for ids."""
    return say(tell(action, names))


def tell(action: Action, names: Names) -> Reason:
    """Return what an action does, with names for ids."""
    match action:
        case CreateVm(wish=wish, host=host):
            return reason("step.create", vm=wish.name, host=names(host))
        case MigrateVm(vm=vm, source=source, target=target):
            return reason("step.migrate", vm=names(vm), source=names(source), target=names(target))
        case StopVm(vm=vm, host=host, how=how):
            return reason("step.stop", vm=names(vm), host=names(host), how=how)
        case RestartVm(vm=vm, host=host, how=how):
            return reason("step.restart", vm=names(vm), host=names(host), how=how)
        case (
            EnterMaintenance() | LeaveMaintenance() | HandOver() | VerifyHost()
            | PowerOffHost() | PowerOnHost() | FenceHost()
        ):  # fmt: skip
            return reason(_OF_HOST[type(action)], host=names(action.host))
        case AwaitReady(name=name, ready=ready, probe=probe):
            return _tell_wait(name, ready, probe)
        case EraseTrace(host=host, trace=trace):
            return _tell_trace(trace, names(host))
        case ChangeLabels():
            return _tell_labels(action, names)
        case (
            StartAfterFailure() | ForgetCopy() | RemoveCopy() | ApplyProfile()
            | WithdrawProfile() | PowerOffServer() | PowerOnServer() | VerifyServer()
            | JoinHost() | LeaveHost()
        ):  # fmt: skip
            return _tell_after_failure(action, names)
        case _:
            return _tell_change(action, names)


_GIVEN = {
    Means.ADDRESSES: "step.apply-profile",
    Means.NETBOOT: "step.enter-profile",
    Means.VM: "step.enter-vm",
}


def _tell_server(action: ServerAction, names: Names) -> Reason:
    server = names(action.server)
    match action:
        case ApplyProfile(profile=key, epoch=epoch, means=means):
            return reason(_GIVEN[means], profile=names(HostId(key)), server=server, epoch=epoch)
        case WithdrawProfile(profile=key, stated=None, means=means):
            code = "step.leave-vm" if means is Means.VM else "step.withdraw-profile"
            return reason(code, profile=names(HostId(key)), server=server)
        case WithdrawProfile(profile=key, stated=stated):
            who = "" if stated is None else stated.by
            profile = names(HostId(key))
            return reason("step.release-profile", profile=profile, server=server, who=who)
        case PowerOffServer(force=force):
            return reason(f"step.{'force' if force else 'power'}-off-server", server=server)
        case PowerOnServer(boot=""):
            return reason("step.power-on-server", server=server)
        case PowerOnServer(boot=boot):
            return reason("step.boot-server", server=server, boot=boot)
        case VerifyServer(profile=key, probe=probe):
            code = "step.verify-server" if probe.kind is ProbeKind.NONE else "step.verify-answers"
            return reason(code, server=server, profile=names(HostId(key)))
        case JoinHost(profile=key, uri=uri):
            return reason("step.join-host", server=server, profile=names(HostId(key)), uri=uri)
        case LeaveHost():
            return reason("step.leave-host", server=server)


def _tell_after_failure(
    action: StartAfterFailure | ForgetCopy | RemoveCopy | ServerAction, names: Names
) -> Reason:
    if isinstance(action, ServerAction):
        return _tell_server(action, names)
    vm, host = names(action.vm), names(action.host)
    if isinstance(action, RemoveCopy):
        return reason("step.remove-copy", vm=vm, host=host, keeps=names(action.keeps))
    if isinstance(action, ForgetCopy):
        return reason("step.forget-copy", vm=vm, host=host, lives=names(action.lives_on))
    proof = told_proof(action.proof, names)
    home = names(action.home)
    return reason("step.start-after-failure", vm=vm, host=host, home=home, proof=proof)


def told_proof(proof: Proof, names: Names) -> Reason:
    """Return what a proof says, with names for ids."""
    host = names(proof.host)
    match proof:
        case PowerOff():
            return reason("proof.power-off", host=host)
        case SaidGone():
            return reason("proof.said-gone", host=host, vm=names(proof.vm))
        case LeaseExpired():
            code = "proof.lease-expired"
            if proof.watchdog is not WatchdogKind.HARDWARE:
                code = "proof.lease-expired-stand-in"
            return reason(code, host=host, bound=proof.bound_s, watchdog=proof.identity)
        case Stated():
            return reason("proof.stated", host=host, who=proof.by, words=proof.words)
        case _:
            assert_never(proof)


_OF_HOST: Mapping[type[Action], str] = {
    EnterMaintenance: "step.enter-maintenance",
    LeaveMaintenance: "step.leave-maintenance",
    HandOver: "step.hand-over",
    VerifyHost: "step.verify-host",
    PowerOffHost: "step.power-off-host",
    PowerOnHost: "step.power-on-host",
    FenceHost: "step.fence-host",
}


def _tell_labels(action: ChangeLabels, names: Names) -> Reason:
    name = names(action.host if action.vm is None else action.vm)
    new, gone = action.change.add, action.change.remove
    if not gone:
        return reason("step.label", name=name, labels=new)
    if not new:
        return reason("step.unlabel", name=name, labels=gone)
    return reason("step.relabel", name=name, labels=new, gone=gone)


def _tell_wait(vm: str, ready: Ready, probe: Probe) -> Reason:
    if ready.when is ReadyKind.PROBE:
        address = probe.address.replace("{vm}", vm)
        return reason("step.await-probe", vm=vm, address=address, port=str(probe.port))
    return reason("step.await-delay", vm=vm, delay=ready.delay_s)


def _tell_trace(trace: Trace, host: str) -> Reason:
    match trace.kind:
        case TraceKind.MARKER:
            return reason("step.erase-marker", datastore=trace.place, host=host)
        case TraceKind.MAKING:
            return reason("step.erase-making", name=trace.name, datastore=trace.place, host=host)
        case TraceKind.VM:
            return reason("step.erase-vm", vm=trace.name, host=host)
        case TraceKind.TOKEN:
            return reason("step.erase-token", host=host)
        case TraceKind.SNAPSHOT:
            return reason("step.erase-snapshot", name=trace.name, vm=trace.place, host=host)
        case _:
            assert_never(trace.kind)


_Simple = StartVm | PauseVm | ResumeVm | DeleteVm | RenameVm | ReconfigureVm
_Device = AttachDisk | DetachDisk | AttachNic | DetachNic | MoveDisks | MarkTemplate
_Part = AttachDisk | DetachDisk | AttachNic | DetachNic
_Snapshot = CreateSnapshot | RevertSnapshot | DeleteSnapshot


def _tell_change(action: _Simple | _Device | _Snapshot, names: Names) -> Reason:
    vm, host = names(action.vm), names(action.host)
    match action:
        case StartVm():
            return reason("step.start", vm=vm, host=host)
        case PauseVm():
            return reason("step.pause", vm=vm, host=host)
        case ResumeVm():
            return reason("step.resume", vm=vm, host=host)
        case DeleteVm(volumes=volumes):
            return reason("step.delete-all" if volumes else "step.delete", vm=vm, host=host)
        case RenameVm(name=name):
            return reason("step.rename", vm=vm, host=host, name=name)
        case ReconfigureVm():
            return reason("step.reconfigure", vm=vm, host=host)
        case MarkTemplate(template=template):
            return reason(f"step.{'' if template else 'un'}mark-template", vm=vm, host=host)
        case MoveDisks(datastore=key):
            return reason("step.move-disks", vm=vm, host=host, datastore=names(HostId(key)))
        case _:
            return _tell_part(action, vm, host)


def _tell_part(action: _Part | _Snapshot, vm: str, host: str) -> Reason:
    match action:
        case AttachDisk(disk=disk):
            return reason(
                "step.attach-disk", vm=vm, host=host, disk=disk.target, size=disk.size_bytes
            )
        case DetachDisk(target=target):
            return reason("step.detach-disk", vm=vm, host=host, disk=target)
        case AttachNic(nic=nic):
            return reason("step.attach-nic", vm=vm, host=host, mac=nic.mac)
        case DetachNic(mac=mac):
            return reason("step.detach-nic", vm=vm, host=host, mac=mac)
        case CreateSnapshot(name=name):
            return reason("step.create-snapshot", vm=vm, host=host, name=name)
        case RevertSnapshot(name=name):
            return reason("step.revert-snapshot", vm=vm, host=host, name=name)
        case DeleteSnapshot(name=name):
            return reason("step.delete-snapshot", vm=vm, host=host, name=name)
        case _:
            assert_never(action)
