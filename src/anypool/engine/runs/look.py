"""Is it already so, may it be done, or is it too late to tell: one judgement per action.

Pure: from an action and a sight to a decision. `Trail` says what this step did so far.
Adding an action makes mypy fail here until it is judged.
"""

from typing import assert_never

from msgspec import Struct
from msgspec.structs import replace

from anypool.engine.runs import closing, handover, migration, powering, tasks
from anypool.engine.runs.bearing import of_server
from anypool.engine.runs.decision import Act, AskHuman, Decision, Deed, Done, Fail, Memory, Wait
from anypool.engine.runs.judging import OfFailure, of_failure, open_
from anypool.engine.runs.migration import Times
from anypool.engine.runs.sight import GONE, Copy, Seen, Sight
from anypool.engine.runs.virtual import of_virtual
from anypool.model import HostId, JobState, Means, ReadyKind, StateReason, Vm, VmChange, VmWish
from anypool.plan import (
    Action,
    ApplyProfile,
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
    HandOver,
    LeaveMaintenance,
    MarkTemplate,
    MigrateVm,
    MoveDisks,
    PauseVm,
    PowerOffHost,
    PowerOnHost,
    ReconfigureVm,
    RenameVm,
    RestartVm,
    ResumeVm,
    RevertSnapshot,
    ServerAction,
    StartVm,
    StopHow,
    StopVm,
    VerifyHost,
    WithdrawProfile,
    reason,
)
from anypool.plan.disks import going


class Trail(Struct, frozen=True, kw_only=True, gc=False):
    """What a step did so far: its tag, its memory, and whether its last deed reported success."""

    tag: str
    memory: Memory = Memory()
    acked: bool = False
    cancelling: bool = False


def judge(action: Action, sight: Sight, trail: Trail, times: Times) -> Decision:
    """Return what to do next about an action."""
    if isinstance(action, MigrateVm):
        return _migration(action, sight, trail, times)
    if (decision := tasks.judged(sight.job, trail.memory, times)) is not None:
        return decision
    if tasks.succeeded(sight.job, trail.memory):
        trail = replace(trail, acked=True)
    if isinstance(action, OfFailure):
        return of_failure(action, sight, (trail.memory, times), acked=trail.acked)
    if isinstance(action, _OfHost | ServerAction):
        return _host(action, sight, trail, times)
    if isinstance(action, EraseTrace | ChangeLabels):
        return _writing(action, sight, acked=trail.acked)
    if isinstance(action, AwaitReady):
        return _ready(action, sight, trail)
    decision = _nowhere(_on_host(action, sight, trail), sight)
    if not isinstance(decision, Act) or decision.deed is not Deed.PERFORM:
        return decision
    if trail.acked:
        here = sight.at(action.host).copy
        return Fail(reason("run.reported", copy=here), times.settle_s)
    return Act(decision.deed, decision.why, times.settle_s) if trail.memory.sent else decision


_OfHost = EnterMaintenance | LeaveMaintenance | HandOver | VerifyHost | PowerOffHost | PowerOnHost


def _host(action: _OfHost | ServerAction, sight: Sight, trail: Trail, times: Times) -> Decision:
    if isinstance(action, ApplyProfile | WithdrawProfile) and action.means is Means.VM:
        return of_virtual(action, sight, trail.memory, acked=trail.acked)
    if isinstance(action, ServerAction):
        return of_server(action, sight, (trail.memory, times), acked=trail.acked)
    match action:
        case EnterMaintenance() | LeaveMaintenance():
            return closing.of_maintenance(action, sight, acked=trail.acked)
        case HandOver():
            return handover.of_hand_over(action, sight, trail.memory, cancelling=trail.cancelling)
        case VerifyHost():
            return handover.of_verifying(action, sight, times)
        case _:
            return powering.of_power(action, sight, (trail.memory, times), acked=trail.acked)


def _migration(action: MigrateVm, sight: Sight, trail: Trail, times: Times) -> Decision:
    pair = (_gone(sight.at(action.source)), _arrived(sight.at(action.target)))
    decision = migration.decide(pair, sight.job, trail.memory, times)
    if trail.cancelling:
        decision = migration.called_back(decision, pair, trail.memory)
    if isinstance(decision, Act) and decision.deed is Deed.RESUME_TARGET:
        others = {one.copy for one in sight.elsewhere(action.source, action.target)}
        done = sight.job is not None and sight.job.state is JobState.DONE
        if not sight.open and not done and others - {Copy.ABSENT}:
            return AskHuman(reason("migration.stale"), times.settle_s)  # it may have ended there
        return _nowhere(decision, sight)
    again = isinstance(decision, Act) and decision.deed is Deed.PERFORM
    if again and tasks.succeeded(sight.job, trail.memory):  # somebody else moved it back
        return Fail(reason("run.reported-at-source"), times.settle_s)
    return decision


def _gone(source: Seen) -> Copy:
    """Return the copy at a source; what is left of one that was migrated is none."""
    left = source.copy is Copy.STOPPED and source.reason is StateReason.MIGRATED
    return Copy.ABSENT if left else source.copy


def _arrived(target: Seen) -> Copy:
    """Return the copy at a target; one that is paused and does not say why may be anything."""
    unclear = target.copy is Copy.PAUSED and target.reason is not StateReason.BY_USER
    return Copy.UNKNOWN if unclear else target.copy


def _ready(action: AwaitReady, sight: Sight, trail: Trail) -> Decision:
    """Look for a VM that runs, then wait, or ask until there is an answer."""
    here = sight.at(action.host).copy
    if here is Copy.UNKNOWN:
        return Wait(reason("run.no-answer"))
    if here is not Copy.RUNNING:
        return Fail(reason("run.vm-is", copy=here))
    if action.ready.when is not ReadyKind.PROBE:
        return Done(patience_s=action.ready.delay_s)
    return Done() if trail.acked else _DO


def _writing(action: EraseTrace | ChangeLabels, sight: Sight, *, acked: bool) -> Decision:
    """Do it until the platform says so: doing it again is harmless.

    Labels may be seen before, and late: some platforms tell of them long after the deed.
    """
    if acked:
        return Done()
    if isinstance(action, ChangeLabels):
        return _labels(action, sight)
    return _DO if sight.answered else Wait(reason("run.no-answer"))


def _labels(action: ChangeLabels, sight: Sight) -> Decision:
    if action.vm is None:
        known = sight.inventory.hosts.get(action.host)
        if known is None:
            return Fail(reason("run.host-gone"))
        if not sight.answered:
            return Wait(reason("run.no-answer"))
        return Done() if action.change.fulfilled(known.labels) else _DO
    here = sight.at(action.host)
    if here.copy is Copy.UNKNOWN:
        return Wait(reason("run.no-answer"))
    if here.vm is None or here.copy is Copy.ABSENT:
        return Fail(reason("run.vm-not-there"))
    return Done() if action.change.fulfilled(here.vm.labels) else _DO


_OnHost = (
    CreateVm | StartVm | StopVm | RestartVm | PauseVm | ResumeVm | DeleteVm | RenameVm
    | ReconfigureVm | AttachDisk | DetachDisk | AttachNic | DetachNic | MoveDisks | MarkTemplate
    | CreateSnapshot | RevertSnapshot | DeleteSnapshot
)  # fmt: skip

_DO = Act(Deed.PERFORM, None)
_LIVE = frozenset({Copy.RUNNING, Copy.PAUSED})


def _on_host(action: _OnHost, sight: Sight, trail: Trail) -> Decision:
    here = sight.at(action.host)
    if here.copy is Copy.UNKNOWN:
        return Wait(reason("run.no-answer"))
    match action:
        case CreateVm(wish=wish):
            return _create(wish, here, sight, trail)
        case StartVm():
            return _alone(here.host, sight, sight.dead) or _start(here.copy)
        case DeleteVm():
            return _alone(here.host, sight) or _delete(here.copy, trail)
        case StopVm(how=how):
            return _stop(how, here, sight, trail)
        case PauseVm():
            return _power(here.copy, wanted=Copy.PAUSED)
        case ResumeVm():
            return _alone(here.host, sight) or _power(here.copy, wanted=Copy.RUNNING)
        case RestartVm():
            return _restart(here.copy, trail)
        case _:
            return _in_vm(action, here, trail)


def _alone(host: HostId, sight: Sight, dead: frozenset[HostId] = frozenset()) -> Decision | None:
    """Return why a VM may not be run or deleted on a host: because of another copy of it.

    What is on a host that is proven `dead` does not run, and is left alone.
    """
    for seen in sight.elsewhere(host):
        if seen.host in dead and not seen.answered:
            continue
        name = sight.inventory.hosts[seen.host].name if seen.host in sight.inventory.hosts else ""
        if seen.copy is Copy.UNKNOWN:
            return Wait(reason("run.silent", host=name or seen.host))
        if seen.copy not in GONE:
            return Fail(reason("run.elsewhere", host=name or seen.host, copy=seen.copy))
    return None


def _stop(how: StopHow, here: Seen, sight: Sight, trail: Trail) -> Decision:
    """Stop a VM; one that a migration held, which is over everywhere else, by its power only."""
    if here.copy is Copy.ABSENT and trail.memory.sent:
        return Done(reason("run.nothing-left"))
    alone = all(seen.copy in GONE for seen in sight.elsewhere(here.host))
    if here.copy is Copy.MIGRATING and how is StopHow.POWER_OFF and alone:
        return _DO
    return _power(here.copy, wanted=Copy.STOPPED)


def _nowhere(decision: Decision, sight: Sight) -> Decision:
    """Return a decision, but wait with a deed while the VM may run where nobody hears it."""
    return Wait(open_(sight)) if sight.open and isinstance(decision, Act) else decision


def _create(wish: VmWish, here: Seen, sight: Sight, trail: Trail) -> Decision:
    if here.vm is not None and here.copy is not Copy.ABSENT:
        made = here.vm.made_by == trail.tag
        return Done() if made else Fail(reason("run.vm-exists", vm=wish.id))
    if any(seen.copy is not Copy.ABSENT for seen in sight.elsewhere(here.host)):
        return _alone(here.host, sight) or Fail(reason("run.vm-defined-elsewhere"))
    return _DO


def _start(copy: Copy) -> Decision:
    if copy is Copy.RUNNING:
        return Done()
    return _DO if copy is Copy.STOPPED else Fail(reason("run.vm-is", copy=copy))


def _delete(copy: Copy, trail: Trail) -> Decision:
    if copy is Copy.ABSENT:
        left = trail.memory.volumes and not trail.acked
        return Act(Deed.DELETE_VOLUMES, reason("run.vm-gone")) if left else Done()
    return _DO if copy is Copy.STOPPED else Fail(reason("run.vm-is", copy=copy))


def _power(copy: Copy, *, wanted: Copy) -> Decision:
    if copy is wanted:
        return Done()
    return _DO if copy in _LIVE else Fail(reason("run.vm-is", copy=copy))


def _restart(copy: Copy, trail: Trail) -> Decision:
    if copy not in _LIVE:
        return Fail(reason("run.vm-is", copy=copy))
    if trail.acked:
        return Done() if copy is Copy.RUNNING else Wait(reason("run.guest-restarts"))
    return AskHuman(_CANNOT_SEE) if trail.memory.sent else _DO


_CANNOT_SEE = reason("run.cannot-see")

_InVm = (
    RenameVm | ReconfigureVm | AttachDisk | DetachDisk | AttachNic | DetachNic | MoveDisks
    | MarkTemplate | CreateSnapshot | RevertSnapshot | DeleteSnapshot
)  # fmt: skip


def _in_vm(action: _InVm, here: Seen, trail: Trail) -> Decision:
    vm = here.vm
    if vm is None or here.copy is Copy.ABSENT:
        return Fail(reason("run.vm-not-there"))
    match action:
        case RenameVm(name=name):
            if vm.name == name:
                return Done()
            return _DO if here.copy is Copy.STOPPED else Fail(reason("run.rename-stopped"))
        case ReconfigureVm(change=change):
            return _reconfigure(change, vm, trail)
        case CreateSnapshot() | RevertSnapshot() | DeleteSnapshot():
            return _snapshot(action, vm, trail)
        case MoveDisks():
            return _DO if going(vm, action) else Done()
        case MarkTemplate(template=template):
            if vm.template is template:
                return Done()
            return _DO if here.copy is Copy.STOPPED else Fail(reason("run.vm-is", copy=here.copy))
        case _:
            return _device(action, vm)


def _reconfigure(change: VmChange, vm: Vm, trail: Trail) -> Decision:
    same = (
        change.vcpus in (None, vm.vcpus)
        and change.memory_mib in (None, vm.memory_mib)
        and change.resources in (None, vm.resources)
    )
    if same or trail.acked:
        return Done(None if same else reason("run.next-start"))
    return _DO


def _snapshot(
    action: CreateSnapshot | RevertSnapshot | DeleteSnapshot, vm: Vm, trail: Trail
) -> Decision:
    found = next((s for s in vm.snapshots if s.name == action.name), None)
    match action:
        case CreateSnapshot(name=name):
            if found is None:
                return _DO
            return (
                Done() if found.tag == trail.tag else Fail(reason("run.snapshot-exists", name=name))
            )
        case RevertSnapshot(name=name):
            if trail.acked:
                return Done()
            if trail.memory.sent:
                return AskHuman(_CANNOT_SEE)
            return Fail(reason("run.no-snapshot", name=name)) if found is None else _DO
        case DeleteSnapshot():
            return Done() if found is None else _DO
        case _:
            assert_never(action)


def _device(action: AttachDisk | DetachDisk | AttachNic | DetachNic, vm: Vm) -> Decision:
    match action:
        case AttachDisk(disk=disk):
            there = [old for old in vm.disks if old.target == disk.target]
            if there and there[0].volume != disk.volume:
                return Fail(reason("run.other-disk", disk=disk.target))
            return Done() if there else _DO
        case DetachDisk(target=target):
            return _DO if any(disk.target == target for disk in vm.disks) else Done()
        case AttachNic(nic=nic):
            return Done() if any(old.mac == nic.mac for old in vm.nics) else _DO
        case DetachNic(mac=mac):
            return _DO if any(old.mac == mac for old in vm.nics) else Done()
        case _:
            assert_never(action)
