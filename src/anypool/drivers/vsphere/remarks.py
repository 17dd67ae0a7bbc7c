"""What vCenter says of changes: its events about VMs and hosts, as remarks with who and when.

Events are asked for after something changed, and for some seconds longer, since vCenter may
write them a moment later. Their numbers grow; those of a vCenter that was restored from a
backup begin again lower, and are counted from there.
"""

import threading
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from pyVmomi import vim, vmodl

from anypool.drivers.vsphere.connect import Session
from anypool.model import HostId, Remark, VmId

KINDS = (
    *("VmPoweredOnEvent", "VmPoweredOffEvent", "VmSuspendedEvent", "VmResettingEvent"),
    *("VmGuestShutdownEvent", "VmGuestRebootEvent", "VmGuestStandbyEvent"),
    *("VmReconfiguredEvent", "VmRenamedEvent", "VmResourceReallocatedEvent", "VmMacChangedEvent"),
    *("VmUpgradeCompleteEvent", "VmCreatedEvent", "VmClonedEvent", "VmDeployedEvent"),
    *("VmRegisteredEvent", "VmDiscoveredEvent", "VmRemovedEvent", "VmOrphanedEvent"),
    *("VmMigratedEvent", "VmRelocatedEvent", "DrsVmMigratedEvent", "DrsVmPoweredOnEvent"),
    *("VmRestartedOnAlternateHostEvent", "VmConnectedEvent", "VmDisconnectedEvent"),
    *("VmInstanceUuidChangedEvent", "VmInstanceUuidConflictEvent", "VmUuidConflictEvent"),
    "CustomFieldValueChangedEvent",
    *("HostConnectedEvent", "HostDisconnectedEvent", "HostConnectionLostEvent"),
    *("HostAddedEvent", "HostRemovedEvent", "HostShutdownEvent"),
    *("EnteredMaintenanceModeEvent", "ExitMaintenanceModeEvent"),
    *("EnteredStandbyModeEvent", "ExitedStandbyModeEvent"),
)
"""vCenter's names of what changes a VM or a host; tasks and logins are no changes."""

HOT_S = 3.0
"""For so long after a change its event may still come."""
OVERLAP = timedelta(seconds=5)
MOST = 1000


class Remarks:
    """The events of one vCenter from the moment somebody first asks."""

    def __init__(
        self,
        session: Session,
        vm_of: Callable[[str], VmId | None],
        host_of: Callable[[str], HostId | None],
    ) -> None:
        """Events name VMs and hosts by vCenter's names; `vm_of` and `host_of` know ours."""
        self._session = session
        self._vm_of = vm_of
        self._host_of = host_of
        self._lock = threading.Lock()
        self._generation = ""
        self._number = 0
        self._since: datetime | None = None
        self._hot_until = 0.0

    @property
    def hot(self) -> bool:
        """Whether something changed a moment ago, so that events may come without a change."""
        return time.monotonic() < self._hot_until

    @property
    def begun(self) -> bool:
        """Whether it is known from where on events are new."""
        return self._since is not None

    def warm(self) -> None:
        """Take note that something changed."""
        self._hot_until = time.monotonic() + HOT_S

    def new(self) -> tuple[Remark, ...]:
        """Return what was said since the last time, oldest first; nothing the first time.

        Raises `Unreachable`. A vCenter that refuses to tell tells nothing.
        """
        with self._lock:
            remarks: tuple[Remark, ...] = self._session.read("read its events", self._new)
            return remarks

    def _new(self, root: Any) -> tuple[Remark, ...]:
        if root.eventManager is None:
            return ()
        first = self._since is None
        if self._since is None:
            self._since = vim.ServiceInstance(
                "ServiceInstance", root.rootFolder._stub
            ).CurrentTime()
        try:
            found = sorted(self._asked(root, self._since), key=lambda event: event.key)
        except (vim.fault.NoPermission, vmodl.fault.NotSupported):
            return ()
        if found and self._generation != self._session.generation:
            self._number = min(self._number, found[-1].key)
            self._generation = self._session.generation
        fresh = [event for event in found if event.key > self._number]
        if fresh:
            self._number = fresh[-1].key
            self._since = max(event.createdTime for event in fresh)
        return () if first else tuple(self._remark(root, event) for event in fresh)

    def _asked(self, root: Any, since: datetime) -> list[Any]:
        period = vim.event.EventFilterSpec.ByTime(beginTime=since - OVERLAP)
        wanted = vim.event.EventFilterSpec(time=period, eventTypeId=list(KINDS), maxCount=MOST)
        return list(root.eventManager.QueryEvents(wanted) or ())

    def _remark(self, root: Any, event: Any) -> Remark:
        by = str(event.userName or "")
        vm, host = _about(event)
        words = str(event.fullFormattedMessage or "") or type(event).__name__.rpartition(".")[2]
        return Remark(
            what=words,
            at=event.createdTime.timestamp(),
            by=by,
            vm=None if not vm else self._vm_of(vm),
            host=None if vm or not host else self._host_of(host),
            own=by.lower() == self._session.account.lower(),
        )


def _about(event: Any) -> tuple[str, str]:
    """Return vCenter's names of the VM and the host that an event is about, "" for none."""
    vm, host = getattr(event, "vm", None), getattr(event, "host", None)
    if (entity := getattr(event, "entity", None)) is not None:
        thing = entity.entity
        is_vm, is_host = isinstance(thing, vim.VirtualMachine), isinstance(thing, vim.HostSystem)
        return thing._moId if is_vm else "", thing._moId if is_host else ""
    return "" if vm is None else vm.vm._moId, "" if host is None else host.host._moId
