"""The one interface every platform driver implements.

Rules, checked by the contract suite against every driver:

* an operation whose capability is not declared raises `NotSupported`;
* an operation is idempotent: asking for a state already reached returns quietly, and a
  VM that runs on another host raises `Conflict`, never a second start;
* an operation returns when its effect is observable, or raises from `anypool.errors`:
  `Unreachable` when nothing was sent, `Rejected` when the platform said no and changed
  nothing, `OutcomeUnknown` when nobody can say;
* where the platform works on it by a task of its own it may raise `UnderWay` at once, with the
  task's handle, before anything was waited for; `job` then tells how it ends;
* after `OutcomeUnknown`, `observe_vms` tells the truth;
* a deed that cannot be repeated writes `tag`, the name of the step, into what it makes,
  so that it is recognised afterwards; what fails half-way removes only what bears its tag.

Drivers block, know no clock but their own deadlines, and live in worker processes;
the engine calls them through a proxy of the same shape (`drivers.remote`). Arguments
and results are records of `anypool.model`, so that they can cross the process border.
One connection is used from several threads of its worker at once.
"""

from typing import Protocol

from msgspec import Struct

from anypool.model import (
    AgentReading,
    BootOrder,
    Changes,
    Console,
    DatastoreId,
    Digest,
    DigestOrder,
    DiskWish,
    EndpointInfo,
    Frame,
    Hardware,
    HostId,
    Invitation,
    Job,
    JobOrder,
    LabelChange,
    Load,
    LogEntry,
    MediumOrder,
    Nic,
    Place,
    PortFunction,
    PowerReading,
    ProfileId,
    Proof,
    Reach,
    Sensor,
    ServerId,
    StorageLease,
    Trace,
    VmChange,
    VmId,
    VmWish,
)
from anypool.model.boothost import ImageOrder
from anypool.model.profile import Identity
from anypool.model.push import PushOrder, PushReading

Spared = tuple[Place, ...]
"""Volumes that stay whatever a driver thinks of them."""


class Migration(Struct, frozen=True, kw_only=True, gc=False):
    """An order to migrate a running VM.

    With `start_paused` the copy at the target stays paused when the transfer ends, and
    somebody who has seen the source gone must resume it: for disks whose lock would not
    stop a second writer. `pause_limit_ms` is the downtime the transfer starts out with;
    the driver raises it only as far as convergence needs and never above
    `pause_limit_max_ms`. `bandwidth_mib_s` 0 means no limit. A platform that itself keeps a VM
    from running twice, and its pause short, may ignore them all. An order that is `invited` goes
    to a host that `invite` is asked about first, of its own endpoint.
    """

    vm: VmId
    source: HostId
    target: HostId
    peer_uri: str
    peer_address: str
    start_paused: bool
    pause_limit_ms: int = 10
    pause_limit_max_ms: int = 2000
    bandwidth_mib_s: int = 0
    invited: bool = False
    invitation: Invitation | None = None


class Driver(Protocol):
    """A connection to one endpoint: a host, a pool master or a vCenter."""

    def info(self) -> EndpointInfo:
        """Return what answers here; the first call on every new connection."""
        ...

    def observe(self) -> Frame:
        """Return a full reading of the endpoint."""
        ...

    def observe_vms(self, vms: tuple[VmId, ...]) -> Frame:
        """Return a partial reading of some VMs; those not there are in `missing`."""
        ...

    def changes(self, since: str, wait_s: float) -> Changes:
        """Wait up to `wait_s` for changes after the cursor `since`; "" asks for a first cursor."""
        ...

    def measure(self) -> tuple[Load, ...]:
        """Return the counters of the endpoint's hosts and running VMs."""
        ...

    def console(self, vm: VmId, kind: str) -> Console:
        """Return where the `vnc` or `serial` console of a running VM is."""
        ...

    def digest(self, order: DigestOrder, wait_s: float) -> Digest:
        """Return how far the SHA-256 of a volume is, after waiting up to `wait_s` for it.

        The first question begins the reading, which goes on in the background, holds up no
        other operation, and ends when nobody asks for it any more. `Busy` if too many are
        read already; a volume that is not there is a FAILED reading.
        """
        ...

    def create_vm(self, wish: VmWish, host: HostId, tag: str) -> None:
        """Make the volumes of a VM and define it, stopped."""
        ...

    def delete_vm(self, vm: VmId, host: HostId, volumes: bool, spared: Spared = ()) -> None:
        """Forget a stopped VM; with `volumes`, delete those no other VM of the endpoint uses.

        `spared` stay: the caller knows who else uses them, where this endpoint cannot see it.
        """
        ...

    def discard_copy(self, vm: VmId, host: HostId) -> None:
        """End and forget one copy of a VM on a host, leaving its volumes alone.

        The caller has seen the VM live elsewhere, or the copy never ran.
        """
        ...

    def adopt_vm(self, wish: VmWish, host: HostId, tag: str, proof: Proof) -> None:
        """Define a VM whose volumes are there already, and start it.

        For a VM whose own host is dead, which `proof` shows; nobody may ask without one. No
        volume is made. Quiet if it runs here; `Rejected` if a volume is not to be found.
        """
        ...

    def start_vm(self, vm: VmId, host: HostId) -> None:
        """Start a stopped VM."""
        ...

    def shut_down_vm(self, vm: VmId, host: HostId, wait_s: float) -> None:
        """Ask the guest to stop and wait; `Rejected` if it still runs after `wait_s`."""
        ...

    def power_off_vm(self, vm: VmId, host: HostId) -> None:
        """Stop a VM without asking."""
        ...

    def reboot_vm(self, vm: VmId, host: HostId) -> None:
        """Ask the guest to restart."""
        ...

    def reset_vm(self, vm: VmId, host: HostId) -> None:
        """Restart the guest without asking."""
        ...

    def pause_vm(self, vm: VmId, host: HostId) -> None:
        """Stop the CPUs of a running VM."""
        ...

    def resume_vm(self, vm: VmId, host: HostId) -> None:
        """Let a paused VM run on."""
        ...

    def rename_vm(self, vm: VmId, host: HostId, name: str) -> None:
        """Rename a stopped VM."""
        ...

    def reconfigure_vm(self, vm: VmId, host: HostId, change: VmChange) -> None:
        """Change CPUs, memory or shares, at once where the platform can."""
        ...

    def attach_disk(self, vm: VmId, host: HostId, disk: DiskWish, tag: str) -> None:
        """Make a volume and attach it."""
        ...

    def detach_disk(self, vm: VmId, host: HostId, target: str) -> None:
        """Take a disk away; its volume stays."""
        ...

    def attach_nic(self, vm: VmId, host: HostId, nic: Nic) -> None:
        """Attach a network adapter."""
        ...

    def detach_nic(self, vm: VmId, host: HostId, mac: str) -> None:
        """Take a network adapter away."""
        ...

    def move_disks(self, vm: VmId, host: HostId, datastore: DatastoreId) -> None:
        """Move all disks of a VM to another datastore of its host; quiet if they are there."""
        ...

    def mark_template(self, vm: VmId, host: HostId, template: bool) -> None:
        """Make a template of a stopped VM, or a VM of a template; quiet if it is so."""
        ...

    def change_labels(self, host: HostId, vm: VmId | None, change: LabelChange) -> None:
        """Write labels of a VM, or of a host if none is named, or take them away.

        Nothing that is not named goes: `Rejected` where another value stands in the way.
        """
        ...

    def create_snapshot(self, vm: VmId, host: HostId, name: str, tag: str) -> None:
        """Take a snapshot, with memory if the VM runs."""
        ...

    def revert_snapshot(self, vm: VmId, host: HostId, name: str) -> None:
        """Return a VM to a snapshot."""
        ...

    def delete_snapshot(self, vm: VmId, host: HostId, name: str) -> None:
        """Forget a snapshot."""
        ...

    def invite(self, order: Migration) -> Invitation:
        """Return what the source's endpoint must know; asked of the target's endpoint."""
        ...

    def begin_migration(self, order: Migration) -> None:
        """Begin a migration and return once it is under way; asked of the source's endpoint."""
        ...

    def migration(self, order: Migration) -> Job:
        """Return how a migration stands, also one that another process began."""
        ...

    def cancel_migration(self, order: Migration) -> None:
        """Stop a migration; the VM stays at the source."""
        ...

    def job(self, order: JobOrder) -> Job:
        """Return how a task of the platform stands, also one that another process began.

        Without a handle only a task that still runs or waits is found. `GONE` if the platform
        does not know it: it ended long ago, or never was, and what it was about tells.
        """
        ...

    def delete_volume(self, datastore: DatastoreId, name: str) -> None:
        """Delete a volume that no VM uses; quiet if it is not there."""
        ...

    def mark_datastore(self, datastore: DatastoreId) -> None:
        """Write the marker that lets other hosts recognise this datastore as the same one."""
        ...

    def traces(self) -> tuple[Trace, ...]:
        """Return what we wrote there, apart from what we were asked to make."""
        ...

    def erase_trace(self, trace: Trace) -> None:
        """Take one of `traces` away; quiet if it is not there."""
        ...

    def power(self, host: HostId) -> PowerReading:
        """Return whether a host is on, without asking the host itself."""
        ...

    def reaches(self, host: HostId, address: str, port: int) -> Reach:
        """Return whether a connection from a host to an address comes to anybody, also to a no.

        Asked of a host about its neighbour, within some seconds; see `model.reach`.
        """
        ...

    def leases(self, host: HostId, of: tuple[HostId, ...]) -> tuple[StorageLease, ...]:
        """Return the storage leases of some hosts, () for all, as a host reads them now.

        One that cannot be read, or does not check, is left out: nothing is known of it.
        """
        ...

    def agents(self, vms: tuple[VmId, ...], wait_s: float) -> tuple[AgentReading, ...]:
        """Return what the agents in some running VMs say, within `wait_s` for all of them.

        Nothing is done in a guest. VMs that do not run here are left out; so may be some that
        there was no time for. It holds up no other operation.
        """
        ...

    def power_off_host(self, host: HostId) -> None:
        """Have a host shut down, or switch it off where it cannot be asked; seen later."""
        ...

    def force_off_host(self, host: HostId) -> None:
        """Switch a host off at once."""
        ...

    def power_on_host(self, host: HostId) -> None:
        """Switch a host on; that it is up is seen later."""
        ...

    def hardware(self, host: HostId) -> Hardware:
        """Return what a server is made of; what could not be read is in `unread`."""
        ...

    def sensors(self, host: HostId) -> tuple[Sensor, ...]:
        """Return what the sensors of a server read now."""
        ...

    def hardware_log(self, host: HostId) -> tuple[LogEntry, ...]:
        """Return the newest entries of a server's own log, the oldest first."""
        ...

    def set_boot(self, host: HostId, order: BootOrder) -> None:
        """Have a server boot from elsewhere; returns when that is read back."""
        ...

    def set_medium(self, host: HostId, order: MediumOrder) -> None:
        """Insert an image into a virtual drive, or take it out; returns when that is read back."""
        ...

    def prove_writes(self, host: HostId) -> tuple[PortFunction, ...]:
        """Return the functions of ports, after writing to each the addresses it has already."""
        ...

    def apply_identity(self, server: ServerId, identity: Identity) -> None:
        """Write an identity into a server that is off; quiet if it bears it, to the last setting.

        `Rejected` where the server is on, or bears another identity of ours.
        """
        ...

    def withdraw_identity(self, server: ServerId, profile: ProfileId) -> None:
        """Give a server that is off its own addresses back; quiet if it uses them already.

        `Rejected` where the server is on, or bears the identity of another profile.
        """
        ...

    def change_image(self, order: ImageOrder) -> int:
        """Change an image for servers; return the number of the version it is about.

        Versions are added once each time that is asked for; all else is quiet where it is so.
        """
        ...

    def subscribe(self, order: PushOrder) -> PushReading:
        """Have a BMC push its events as ordered, and take away what is left over of ours."""
        ...

    def enter_maintenance(self, host: HostId) -> None:
        """Let the platform run nothing on a host that no VM runs on any more."""
        ...

    def leave_maintenance(self, host: HostId) -> None:
        """Let the platform run VMs on a host again."""
        ...

    def close(self) -> None:
        """Give the connection back; harmless when repeated."""
        ...
