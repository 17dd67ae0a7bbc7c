"""What vCenter says of changes: its events about VMs and hosts, as remarks with who and when.

Events are asked for after something changed, and for some seconds longer, since vCenter may
write them a moment later. Their numbers grow; those of a vCenter that was restored from a
backup begin again lower, and are counted from there.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from pyVmomi import vim, vmodl

from anypool.drivers.vsphere.brake import Brake
from anypool.drivers.vsphere.connect import Session
from anypool.errors import AnypoolError
from anypool.model import HostId, Remark, VmId

log = logging.getLogger(__name__)

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
BUSY_OVERLAP = timedelta(seconds=1)
"""Events may be written a moment late; where there are many, less is read twice."""
GRACE_S = 0.1
"""Changes are told so much later at most, so that what is said of them comes with them."""
FIRST_S = 2.0
WAITING = 1000
"""VMs that changed and of which nothing was said yet; more of them are forgotten."""


class Remarks:
    """The events of one vCenter from the moment somebody first asks.

    They are asked for by a thread of their own, not more often than `Brake` lets: a vCenter
    that takes long for them, or has more than we ask for, holds up nothing. Where some were left
    out, the VMs that changed meanwhile are told without who.
    """

    def __init__(
        self,
        session: Session,
        vm_of: Callable[[str], VmId | None],
        host_of: Callable[[str], HostId | None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Events name VMs and hosts by vCenter's names; `vm_of` and `host_of` know ours."""
        self._session = session
        self._vm_of = vm_of
        self._host_of = host_of
        self._clock = clock
        self._lock = threading.Lock()
        self._brake = Brake()
        self._generation = ""
        self._number = 0
        self._since: datetime | None = None
        self._hot_until = 0.0
        self._answered = threading.Event()
        self._answered.set()
        self._found: list[Remark] = []
        self._waiting: dict[VmId, None] = {}
        self._busy = False

    @property
    def hot(self) -> bool:
        """Whether something changed a moment ago, so that events may come without a change."""
        asked = not self._answered.is_set() or bool(self._found)
        return asked or self._clock() < self._hot_until

    @property
    def begun(self) -> bool:
        """Whether it is known from where on events are new."""
        return self._since is not None

    def warm(self, vms: Iterable[VmId] = ()) -> None:
        """Take note that something changed."""
        self._hot_until = self._clock() + HOT_S
        with self._lock:
            self._waiting |= dict.fromkeys(vms)
            while len(self._waiting) > WAITING:
                del self._waiting[next(iter(self._waiting))]

    def take(self) -> tuple[Remark, ...]:
        """Return what was said since the last time, oldest first; nothing the first time.

        Begins to ask again if it may, and waits a moment for the answer, never longer.
        """
        grace_s = GRACE_S if self.begun else FIRST_S
        self._begin()
        self._answered.wait(grace_s)
        with self._lock:
            found, self._found = self._found, []
        return tuple(found)

    def _begin(self) -> None:
        with self._lock:
            now = self._clock()
            most = self._brake.most(now)
            if not most or not self._answered.is_set():
                return
            self._brake.asked(now, most)
            self._answered.clear()
        threading.Thread(target=self._ask, args=(most,), name="events", daemon=True).start()

    def _ask(self, most: int) -> None:
        """Ask once; a vCenter that is silent or refuses tells nothing, and others say so."""
        found: tuple[Remark, ...] = ()
        try:
            found = self._session.read("read its events", partial(self._new, most=most))
        except AnypoolError as error:
            log.debug("no events: %s", error)
        finally:
            with self._lock:
                self._found += found
            self._answered.set()

    def _new(self, root: Any, most: int) -> tuple[Remark, ...]:
        if root.eventManager is None:
            return ()
        first = self._since is None
        since = self._since = self._since or _now(root)
        with self._lock:
            waiting = tuple(self._waiting)
        try:
            came = self._asked(root, since, most)
        except (vim.fault.NoPermission, vmodl.fault.NotSupported):
            return ()
        self._brake.unused(max(0, most - len(came)))
        fresh = self._fresh(sorted(came, key=lambda event: event.key))
        said = tuple(self._remark(event) for event in fresh)
        self._busy = 2 * len(came) >= most
        unsaid: tuple[Remark, ...] = ()
        if len(came) >= most:  # there may be more than came: who did those is not asked
            self._since = max(self._since, _now(root))
            unsaid = tuple(_unsaid(waiting, {one.vm for one in said}))
        with self._lock:
            for vm in waiting:
                self._waiting.pop(vm, None)
        return () if first else (*said, *unsaid)

    def _fresh(self, came: list[Any]) -> list[Any]:
        """Return the events that were not seen before, and take note of them."""
        if came and self._generation != self._session.generation:
            self._number = min(self._number, came[-1].key)
            self._generation = self._session.generation
        fresh = [event for event in came if event.key > self._number]
        if fresh:
            self._number = fresh[-1].key
            self._since = max(event.createdTime for event in fresh)
        return fresh

    def _asked(self, root: Any, since: datetime, most: int) -> list[Any]:
        overlap = BUSY_OVERLAP if self._busy else OVERLAP
        period = vim.event.EventFilterSpec.ByTime(beginTime=since - overlap)
        wanted = vim.event.EventFilterSpec(time=period, eventTypeId=list(KINDS), maxCount=most)
        return list(root.eventManager.QueryEvents(wanted) or ())

    def _remark(self, event: Any) -> Remark:
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


def _now(root: Any) -> datetime:
    now: datetime = vim.ServiceInstance("ServiceInstance", root.rootFolder._stub).CurrentTime()
    return now


def _unsaid(changed: Iterable[VmId], said: set[VmId | None]) -> Iterator[Remark]:
    """Yield a remark for each VM that changed while too much happened to ask who did it."""
    for vm in changed:
        if vm not in said:
            words = "changed; too much happens there to ask who did it"
            yield Remark(what=words, at=time.time(), vm=vm, own=True, if_seen=True)


def _about(event: Any) -> tuple[str, str]:
    """Return vCenter's names of the VM and the host that an event is about, "" for none."""
    vm, host = getattr(event, "vm", None), getattr(event, "host", None)
    if (entity := getattr(event, "entity", None)) is not None:
        thing = entity.entity
        is_vm, is_host = isinstance(thing, vim.VirtualMachine), isinstance(thing, vim.HostSystem)
        return thing._moId if is_vm else "", thing._moId if is_host else ""
    return "" if vm is None else vm.vm._moId, "" if host is None else host.host._moId
