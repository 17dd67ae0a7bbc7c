"""Tasks of a platform: what a step asks about, what it adopts, and what an answer means.

A platform such as vCenter works on a deed by a task of its own. The task's handle is in the
journal before anybody waits for it, so that the next manager asks that task and does not send
the deed again. Where the manager died before the handle was written, a task of the same kind
that still works on the same object is adopted; if there is none, what the deed was about tells.
"""

from msgspec.structs import replace

from anypool.engine.runs.decision import Act, Decision, Deed, Fail, Memory, Wait
from anypool.engine.runs.migration import Times
from anypool.model import Capability, HostId, Inventory, Job, JobOrder, JobState, VmId
from anypool.plan import (
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
    MarkTemplate,
    MigrateVm,
    MoveDisks,
    PauseVm,
    PowerOffHost,
    PowerOnHost,
    Reason,
    ReconfigureVm,
    RenameVm,
    RestartHow,
    RestartVm,
    ResumeVm,
    RevertSnapshot,
    StartVm,
    StopHow,
    StopVm,
    hosts_of,
    plain,
    reason,
    vm_of,
)

_OPERATIONS: dict[type, str] = {
    AttachDisk: "attach_disk",
    AttachNic: "attach_nic",
    CreateSnapshot: "create_snapshot",
    CreateVm: "create_vm",
    DeleteSnapshot: "delete_snapshot",
    DeleteVm: "delete_vm",
    DetachDisk: "detach_disk",
    DetachNic: "detach_nic",
    EnterMaintenance: "enter_maintenance",
    LeaveMaintenance: "leave_maintenance",
    MigrateVm: "begin_migration",
    MarkTemplate: "mark_template",
    MoveDisks: "move_disks",
    PauseVm: "pause_vm",
    PowerOffHost: "power_off_host",
    PowerOnHost: "power_on_host",
    ReconfigureVm: "reconfigure_vm",
    RenameVm: "rename_vm",
    ResumeVm: "resume_vm",
    RevertSnapshot: "revert_snapshot",
    StartVm: "start_vm",
}


def operation_of(action: Action) -> str:
    """Return the driver's operation that carries an action out; "" if none does."""
    match action:
        case StopVm(how=how):
            return "shut_down_vm" if how is StopHow.SHUT_DOWN else "power_off_vm"
        case RestartVm(how=how):
            return "reboot_vm" if how is RestartHow.REBOOT else "reset_vm"
        case _:
            return _OPERATIONS.get(type(action), "")


def asked(action: Action, memory: Memory, inventory: Inventory) -> JobOrder | None:
    """Return which task to ask a platform for; None where it has none."""
    operation = operation_of(action)
    host = inventory.hosts.get(_asks(action))
    if not operation or host is None or Capability.TASKS not in host.abilities:
        return None
    return JobOrder(
        operation=operation,
        host=host.id,
        vm=vm_of(action) or VmId(""),
        handle=memory.handle,
        since=memory.sent_at,
    )


def _asks(action: Action) -> HostId:
    return action.source if isinstance(action, MigrateVm) else hosts_of(action)[0]


def adopted(memory: Memory, job: Job | None) -> Memory:
    """Return a memory with the handle of a task that was found without one."""
    if job is None or not job.handle or memory.handle or not memory.sent:
        return memory
    return replace(memory, handle=job.handle)


def goes_on(job: Job | None) -> bool:
    """Say whether the platform works on it."""
    return job is not None and job.state is JobState.RUNNING


def succeeded(job: Job | None, memory: Memory) -> bool:
    """Say whether the platform reported that our own task did what was asked."""
    if job is None or not memory.handle:
        return False
    return job.state is JobState.DONE and job.handle == memory.handle


def works(handle: str) -> Reason:
    """Return that the platform works on it, by the name of its task if that is known."""
    return reason("run.task", handle=handle) if handle else reason("run.some-task")


def judged(job: Job | None, memory: Memory, times: Times) -> Decision | None:
    """Return what a task alone says about a step; None where looking at the object decides."""
    if job is None or not memory.sent:
        return None
    if job.state is JobState.RUNNING:
        return Wait(works(job.handle))
    if job.state is JobState.FAILED and job.handle == memory.handle:
        why = plain(job.message)
        return Act(Deed.PERFORM, why, times.settle_s) if job.busy else Fail(why)
    return None
