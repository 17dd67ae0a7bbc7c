"""vCenter's tasks: how a deed begins one, how it is asked, how one without a handle is found.

A deed returns as soon as vCenter has taken it up, by raising `UnderWay` with the task's name.
What a task failed with is a fault like one of a call, and is told in the same words.
"""

import datetime
from collections.abc import Callable
from typing import Any, NoReturn

from pyVmomi import vim, vmodl

from anypool.drivers.vsphere import properties, trouble
from anypool.drivers.vsphere.part import Part
from anypool.drivers.waiting import wait_until
from anypool.errors import AnypoolError, Busy, NotFound, OutcomeUnknown, UnderWay
from anypool.model import Job, JobOrder, JobState

PC = vmodl.query.PropertyCollector

_EDIT = ("VirtualMachine.reconfigure", "VirtualMachine.reconfigVm")
_MOVE = ("VirtualMachine.migrate", "VirtualMachine.relocate", "VirtualMachine.relocateVm")
_POWER_ON = ("VirtualMachine.powerOn", "Datacenter.powerOnVm")

KINDS: dict[str, tuple[str, ...]] = {
    "create_vm": ("Folder.createVm", "VirtualMachine.clone", "VirtualMachine.cloneVm"),
    "delete_vm": ("VirtualMachine.destroy", "ManagedEntity.destroy", *_EDIT),
    "start_vm": _POWER_ON,
    "power_off_vm": ("VirtualMachine.powerOff",),
    "reset_vm": ("VirtualMachine.reset",),
    "pause_vm": ("VirtualMachine.suspend",),
    "resume_vm": _POWER_ON,
    "rename_vm": ("VirtualMachine.rename", "ManagedEntity.rename", *_EDIT),
    "reconfigure_vm": _EDIT,
    "attach_disk": _EDIT,
    "detach_disk": _EDIT,
    "attach_nic": _EDIT,
    "detach_nic": _EDIT,
    "create_snapshot": ("VirtualMachine.createSnapshot", "VirtualMachine.createSnapshotEx"),
    "revert_snapshot": ("vm.Snapshot.revert",),
    "delete_snapshot": ("vm.Snapshot.remove",),
    "begin_migration": _MOVE,
    "move_disks": _MOVE,
    "power_off_host": ("HostSystem.enterStandbyMode", "HostSystem.enterStandBy"),
    "power_on_host": ("HostSystem.exitStandbyMode", "HostSystem.exitStandBy"),
    "enter_maintenance": ("HostSystem.enterMaintenanceMode",),
    "leave_maintenance": ("HostSystem.exitMaintenanceMode",),
}
"""What vCenter calls the tasks of an operation, and what govmomi's simulator calls them."""

_MAKING = "create_vm"
_STATES = {
    "queued": JobState.RUNNING,
    "running": JobState.RUNNING,
    "success": JobState.DONE,
    "error": JobState.FAILED,
}
_AROUND_S = 120.0
"""A VM's making is told from others of its kind by when it began; clocks may differ so much."""
WAIT_S = 50.0
POLL_S = 0.1


class Tasks(Part):
    """The operation that asks about tasks, and what deeds begin them with."""

    def job(self, order: JobOrder) -> Job:
        """Return how a task stands; `GONE` if vCenter does not know it any more."""
        if order.handle:
            try:
                return told(self.task_info(order.handle), order.handle)
            except NotFound:
                return Job(state=JobState.GONE)
        return self._found(order)

    def begin(self, what: str, deed: Callable[[Any], Any]) -> NoReturn:
        """Let vCenter begin a task, and raise `UnderWay` with its name."""
        task = self.session.do(what, deed)
        raise UnderWay(f"{self.session.name}: {what}: vCenter works on it", handle=task._moId)

    def finish(self, what: str, deed: Callable[[Any], Any]) -> None:
        """Begin a short task that is part of another deed, and wait for its end."""
        task = self.session.do(what, deed)
        if not wait_until(lambda: self._is_over(task._moId), WAIT_S, POLL_S):
            raise OutcomeUnknown(f"{what}: vCenter still works on it", hint="look")
        job = told(self.task_info(task._moId), task._moId)
        if job.state is JobState.FAILED:
            raise failure(self.task_info(task._moId).error, what)

    def task_info(self, handle: str) -> Any:
        """Return what vCenter says of a task; raise `NotFound` if it does not know it."""
        task = self.session.object(vim.Task, handle)
        (found,) = self._infos([task]) or (None,)
        if found is None:
            raise NotFound(f"{self.session.name} knows no task {handle}")
        return found

    def working(self, kinds: tuple[str, ...], entities: frozenset[str]) -> list[Any]:
        """Return the tasks of some kinds that run or wait, about some of vCenter's objects."""
        recent = self.session.read("read its tasks", _recent)
        return [
            info
            for info in self._infos(recent)
            if _STATES.get(str(info.state)) is JobState.RUNNING
            and str(info.descriptionId) in kinds
            and info.entity is not None
            and info.entity._moId in entities
        ]

    def _found(self, order: JobOrder) -> Job:
        kinds = KINDS.get(order.operation, ())
        if order.operation == _MAKING:
            return self._making(order, kinds)
        try:
            about = self.moid(order.vm) if order.vm else self.host_object(order.host)._moId
        except NotFound:
            return Job(state=JobState.GONE)
        found = self.working(kinds, frozenset({about}))
        return told(found[0], found[0].key) if found else Job(state=JobState.GONE)

    def _making(self, order: JobOrder, kinds: tuple[str, ...]) -> Job:
        """Say whether any VM is being made that may be the one that is asked for.

        A task does not say what it makes. So whoever lost the handle waits for all that began
        at that time, and then looks whether the VM is there.
        """
        entities = frozenset(
            moid
            for moid, _ in self.inventory().of(properties.FOLDER, properties.VM)
        )  # fmt: skip
        found = self.working(kinds, entities)
        if not found:
            return Job(state=JobState.GONE)
        ahead_s = self._ahead_s()
        near = [one for one in found if abs(_begun(one) - ahead_s - order.since) < _AROUND_S]
        if not near:
            return Job(state=JobState.GONE)
        return Job(state=JobState.RUNNING, percent=int(near[0].progress or 0))

    def _ahead_s(self) -> float:
        """Return by how much vCenter's clock is ahead of ours, in seconds."""
        theirs = self.session.read("ask for the time", _current_time)
        return float((theirs - datetime.datetime.now(datetime.UTC)).total_seconds())

    def _is_over(self, handle: str) -> bool:
        return _STATES.get(str(self.task_info(handle).state)) is not JobState.RUNNING

    def _infos(self, tasks: list[Any]) -> list[Any]:
        if not tasks:
            return []

        def ask(root: Any) -> Any:
            stub = root.rootFolder._stub
            again = [vim.Task(task._moId, stub) for task in tasks]
            spec = PC.FilterSpec(
                objectSet=[PC.ObjectSpec(obj=task, skip=False) for task in again],
                propSet=[PC.PropertySpec(type=vim.Task, pathSet=["info"])],
                reportMissingObjectsInResults=True,
            )
            return properties.retrieved(root.propertyCollector, spec)

        try:
            answer = self.session.read("ask for a task", ask)
        except NotFound:
            return self._one_by_one(tasks)
        return [one.val for found in answer for one in found.propSet]

    def _one_by_one(self, tasks: list[Any]) -> list[Any]:
        """Ask again without those that ended meanwhile and were forgotten."""
        if len(tasks) == 1:
            return []
        return [info for task in tasks for info in self._infos([task])]


def _recent(root: Any) -> list[Any]:
    spec = PC.FilterSpec(
        objectSet=[PC.ObjectSpec(obj=root.taskManager, skip=False)],
        propSet=[PC.PropertySpec(type=vim.TaskManager, pathSet=["recentTask"])],
    )
    found = properties.retrieved(root.propertyCollector, spec)
    return [task for one in found for prop in one.propSet for task in prop.val]


def _current_time(root: Any) -> datetime.datetime:
    now: datetime.datetime = vim.ServiceInstance(
        "ServiceInstance", root.rootFolder._stub
    ).CurrentTime()
    return now


def _begun(info: Any) -> float:
    return float((info.startTime or info.queueTime).timestamp())


def told(info: Any, handle: str) -> Job:
    """Return a task as a job of ours."""
    state = _STATES.get(str(info.state), JobState.RUNNING)
    percent = 100 if state is JobState.DONE else int(info.progress or 0)
    if state is not JobState.FAILED:
        return Job(state=state, handle=handle, percent=percent)
    error = failure(info.error, str(info.descriptionId or "task"))
    busy = isinstance(error, Busy)
    return Job(state=state, handle=handle, message=error.in_full, busy=busy, percent=percent)


def failure(fault: Any, what: str) -> AnypoolError:
    """Return what a task failed with as an error of ours."""
    return trouble.explained(fault, what)
