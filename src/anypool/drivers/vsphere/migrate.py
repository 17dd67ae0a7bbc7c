"""vMotion: one task of vCenter, which itself sees to it that the VM runs once.

The VM is on its source until the task switches it over, and on its target from then on; both
are read in one reading. So nothing has to be started paused, resumed or discarded, and what of
an order speaks of that is not used.
"""

from functools import partial
from typing import Any, NoReturn

from pyVmomi import vim

from anypool.drivers.protocol import Migration
from anypool.drivers.vsphere import crossing, vms
from anypool.drivers.vsphere.acting import Acting, Found
from anypool.drivers.vsphere.hosts import state_of
from anypool.drivers.vsphere.inventory import plain
from anypool.drivers.vsphere.tasks import KINDS, POLL_S, told
from anypool.drivers.waiting import wait_until
from anypool.errors import Conflict, NotFound, NotSupported, Rejected
from anypool.model import (
    DatastoreId,
    HostId,
    HostState,
    Invitation,
    Job,
    JobState,
    VmId,
    VmState,
)

CANCEL_S = 15.0
_MOVING = KINDS["begin_migration"]


class Migrations(Acting):
    """The operations that migrate a running VM, or the disks of any."""

    def move_disks(self, vm: VmId, host: HostId, datastore: DatastoreId) -> None:
        """Move all files of a VM to another datastore; quiet if its disks are there."""
        here = self.live(vm, host)
        found = vms.disks(here.seen, here.entry)
        if all(disk.datastore == datastore or disk.readonly for disk in found):
            return
        moid, entry = self.datastore_entry(datastore)
        there = {one._moId for one in self.host_entry(host).get("datastore") or ()}
        name = plain(entry.get("name"))
        if moid not in there:
            raise Rejected(f"host {self.host_name(host)} does not see datastore {name}")
        spec = vim.vm.RelocateSpec(datastore=self.session.object(vim.Datastore, moid))
        what = f"move the disks of VM {here.name} to {name}"
        self.begin(what, lambda _: here.thing.RelocateVM_Task(spec, "defaultPriority"))

    def begin_migration(self, order: Migration) -> None:
        """Begin a vMotion; another one of the same VM that is under way is taken for it."""
        own = order.peer_uri in ("", self.session.peer_uri)
        if not own and order.invitation is None:
            raise Rejected(
                f"host {order.target} is reached by {order.peer_uri}, not by this vCenter",
                hint="its vCenter does not invite: see the option accepts-moves",
            )
        here = self._at_source(order)
        if (under_way := self.working(_MOVING, frozenset({here.moid}))) != []:
            key = under_way[0].key
            self.begin("follow", lambda _: self.session.object(vim.Task, key))
        if here.state is not VmState.RUNNING:
            raise Conflict(f"VM {here.name} is {here.state}", hint="only a running VM migrates")
        if order.invitation is not None:
            self._leave(here, order.invitation)
        target = self.host_object(order.target)
        self._check_target(order)
        what = f"migrate VM {here.name} to {self.host_name(order.target)}"
        if self._same_cluster(order):
            self.begin(
                what,
                lambda _: here.thing.MigrateVM_Task(
                    pool=None, host=target, priority="defaultPriority", state=None
                ),
            )
        spec = vim.vm.RelocateSpec(host=target, pool=self.root_pool(order.target))
        self.begin(what, lambda _: here.thing.RelocateVM_Task(spec, "defaultPriority"))

    def invite(self, order: Migration) -> Invitation:
        """Return how a VM comes to one of our hosts; `NotSupported` where that was not allowed."""
        if not self.session.accepts_moves:
            raise NotSupported(
                f"{self.session.name} accepts no VMs from other vCenters",
                hint="they would be told its account; the option accepts-moves=yes allows it",
            )
        self.mirror.refresh()
        self._check_target(order)
        return crossing.invitation(self, order.target)

    def _leave(self, here: Found, invitation: Invitation) -> NoReturn:
        spec = crossing.spec(here, invitation)
        what = f"move VM {here.name} to {invitation.url}"
        self.begin(what, lambda _: here.thing.RelocateVM_Task(spec, "defaultPriority"))

    def migration(self, order: Migration) -> Job:
        """Say how it stands; `GONE` when only looking at the VM tells."""
        found = self.working(_MOVING, frozenset({self.moid(order.vm)}))
        return told(found[0], found[0].key) if found else Job(state=JobState.GONE)

    def cancel_migration(self, order: Migration) -> None:
        """Ask vCenter to end the task, and wait for its end; quiet if there is none."""
        about = frozenset({self.moid(order.vm)})
        for info in self.working(_MOVING, about):
            task = self.session.object(vim.Task, info.key)
            self.session.do("cancel a vMotion", partial(_cancel, task))
        wait_until(lambda: not self.working(_MOVING, about), CANCEL_S, POLL_S)

    def _at_source(self, order: Migration) -> Found:
        try:
            return self.live(order.vm, order.source)
        except Conflict as error:
            raise NotFound(error.message, hint=error.hint) from error

    def _check_target(self, order: Migration) -> None:
        entry = self.host_entry(order.target)
        name = self.host_name(order.target)
        if entry.get("runtime.inMaintenanceMode"):
            raise Rejected(f"host {name} is in maintenance mode", hint="end it, or choose another")
        if state_of(entry) is not HostState.UP:
            raise Rejected(f"host {name} is not connected to its vCenter", hint="choose another")

    def _same_cluster(self, order: Migration) -> bool:
        source = self.host_entry(order.source).get("parent")
        target = self.host_entry(order.target).get("parent")
        return source is not None and target is not None and source._moId == target._moId


def _cancel(task: Any, _: Any) -> None:
    task.CancelTask()
