"""The closed set of things the product can do, one frozen record each.

To add one: write it here and into `Action`, then follow mypy to `effect`, `render`,
`price` and `engine.dispatch`; each matches on `Action` and does not type-check until it
knows the newcomer. `plan.check` is judged by its tests instead, because it shares
nothing with the others.
"""

from enum import StrEnum
from typing import TypeAlias

from msgspec import Struct

from anypool.model import (
    DatastoreId,
    DiskWish,
    HostId,
    LabelChange,
    NetworkId,
    Nic,
    Probe,
    Proof,
    Ready,
    Trace,
    VmChange,
    VmId,
    VmWish,
    proves,
)
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


class CreateVm(Struct, frozen=True, kw_only=True, gc=False, tag="create-vm"):
    """Make the volumes of a VM and define it on a host; it does not run yet."""

    wish: VmWish
    host: HostId


class StartVm(Struct, frozen=True, kw_only=True, gc=False, tag="start-vm"):
    """Start a VM that is defined on the host and runs nowhere."""

    vm: VmId
    host: HostId


class StopHow(StrEnum):
    """`SHUT_DOWN` asks the guest and waits; `POWER_OFF` does not ask."""

    SHUT_DOWN = "shut-down"
    POWER_OFF = "power-off"


class StopVm(Struct, frozen=True, kw_only=True, gc=False, tag="stop-vm"):
    """Stop a running VM; it stays defined."""

    vm: VmId
    host: HostId
    how: StopHow = StopHow.SHUT_DOWN


class RestartHow(StrEnum):
    """`REBOOT` asks the guest; `RESET` presses the button."""

    REBOOT = "reboot"
    RESET = "reset"


class RestartVm(Struct, frozen=True, kw_only=True, gc=False, tag="restart-vm"):
    """Restart the guest of a running VM in place."""

    vm: VmId
    host: HostId
    how: RestartHow = RestartHow.REBOOT


class PauseVm(Struct, frozen=True, kw_only=True, gc=False, tag="pause-vm"):
    """Stop the CPUs of a running VM; its memory stays."""

    vm: VmId
    host: HostId


class ResumeVm(Struct, frozen=True, kw_only=True, gc=False, tag="resume-vm"):
    """Let a paused VM run on."""

    vm: VmId
    host: HostId


class DeleteVm(Struct, frozen=True, kw_only=True, gc=False, tag="delete-vm"):
    """Forget a stopped VM, and its volumes if so asked."""

    vm: VmId
    host: HostId
    volumes: bool = False


class RenameVm(Struct, frozen=True, kw_only=True, gc=False, tag="rename-vm"):
    """Give a stopped VM another name."""

    vm: VmId
    host: HostId
    name: str


class ReconfigureVm(Struct, frozen=True, kw_only=True, gc=False, tag="reconfigure-vm"):
    """Change CPUs, memory or shares of a VM, running or not."""

    vm: VmId
    host: HostId
    change: VmChange


class AttachDisk(Struct, frozen=True, kw_only=True, gc=False, tag="attach-disk"):
    """Make a volume and give it to a VM."""

    vm: VmId
    host: HostId
    disk: DiskWish


class DetachDisk(Struct, frozen=True, kw_only=True, gc=False, tag="detach-disk"):
    """Take a disk from a VM; the volume stays."""

    vm: VmId
    host: HostId
    target: str


class AttachNic(Struct, frozen=True, kw_only=True, gc=False, tag="attach-nic"):
    """Give a network adapter to a VM."""

    vm: VmId
    host: HostId
    nic: Nic


class DetachNic(Struct, frozen=True, kw_only=True, gc=False, tag="detach-nic"):
    """Take a network adapter from a VM."""

    vm: VmId
    host: HostId
    mac: str


class MoveDisks(Struct, frozen=True, kw_only=True, gc=False, tag="move-disks"):
    """Move the disks of a VM to another datastore of its host, running or not."""

    vm: VmId
    host: HostId
    datastore: DatastoreId


class MarkTemplate(Struct, frozen=True, kw_only=True, gc=False, tag="mark-template"):
    """Make a template of a stopped VM, or with `template` false a VM of a template again."""

    vm: VmId
    host: HostId
    template: bool = True


class ChangeLabels(Struct, frozen=True, kw_only=True, gc=False, tag="change-labels"):
    """Write labels of a VM, or without one of a host, at its platform, or take some away."""

    host: HostId
    change: LabelChange
    vm: VmId | None = None


class CreateSnapshot(Struct, frozen=True, kw_only=True, gc=False, tag="create-snapshot"):
    """Take a snapshot of a VM, with its memory if it runs."""

    vm: VmId
    host: HostId
    name: str


class RevertSnapshot(Struct, frozen=True, kw_only=True, gc=False, tag="revert-snapshot"):
    """Return a VM to a snapshot."""

    vm: VmId
    host: HostId
    name: str


class DeleteSnapshot(Struct, frozen=True, kw_only=True, gc=False, tag="delete-snapshot"):
    """Forget a snapshot of a VM."""

    vm: VmId
    host: HostId
    name: str


class MigrateVm(Struct, frozen=True, kw_only=True, gc=False, tag="migrate-vm"):
    """Move a running VM to another host without stopping it."""

    vm: VmId
    source: HostId
    target: HostId


class EnterMaintenance(Struct, frozen=True, kw_only=True, gc=False, tag="enter-maintenance"):
    """Close a host on which nothing runs to new VMs."""

    host: HostId


class LeaveMaintenance(Struct, frozen=True, kw_only=True, gc=False, tag="leave-maintenance"):
    """Open a host again."""

    host: HostId


class AwaitReady(Struct, frozen=True, kw_only=True, gc=False, tag="await-ready"):
    """Wait until a running VM is ready: a while, or until its probe has an answer."""

    vm: VmId
    host: HostId
    name: str
    ready: Ready
    probe: Probe


class EraseTrace(Struct, frozen=True, kw_only=True, gc=False, tag="erase-trace"):
    """Take away something we wrote into a platform; asked of any host that reaches it."""

    host: HostId
    trace: Trace


class HandOver(Struct, frozen=True, kw_only=True, gc=False, tag="hand-over"):
    """Let a closed, empty host be serviced; take it back when somebody says that it is ready.

    With `seen` also when it was away and is up again. Once it is away it has `return_s`.
    """

    host: HostId
    return_s: float
    seen: bool = True


class VerifyHost(Struct, frozen=True, kw_only=True, gc=False, tag="verify-host"):
    """Wait up to `within_s` until a host is up and reaches what it reached before.

    `hypervisor` must be in what it says of its hypervisor, unless empty.
    """

    host: HostId
    within_s: float
    hypervisor: str = ""
    datastores: frozenset[DatastoreId] = frozenset()
    networks: frozenset[NetworkId] = frozenset()


class PowerOffHost(Struct, frozen=True, kw_only=True, gc=False, tag="power-off-host"):
    """Switch off a closed host on which nothing runs; we remember that it was us."""

    host: HostId


class PowerOnHost(Struct, frozen=True, kw_only=True, gc=False, tag="power-on-host"):
    """Switch on a host that we switched off; it has `within_s` to be seen up."""

    host: HostId
    within_s: float = 1200.0


class FenceHost(Struct, frozen=True, kw_only=True, gc=False, tag="fence-host"):
    """Switch off a host that shows no life, whatever ran there, and see that it is off."""

    host: HostId


class StartAfterFailure(Struct, frozen=True, kw_only=True, gc=False, tag="start-after-failure"):
    """Define a VM on another host than `home` from what is known of it, and start it there.

    There is none without a proof that it does not run at `home`; `also` are proofs about other
    hosts that know it and say nothing.
    """

    wish: VmWish
    host: HostId
    home: HostId
    proof: Proof
    also: tuple[Proof, ...] = ()

    def __post_init__(self) -> None:
        if not proves(self.proof, self.wish.id, self.home):
            raise ValueError("the proof is about another VM or host")

    @property
    def vm(self) -> VmId:
        """The VM that is started."""
        return self.wish.id


class ForgetCopy(Struct, frozen=True, kw_only=True, gc=False, tag="forget-copy"):
    """Forget a stopped copy of a VM that runs on `lives_on`; its volumes stay."""

    vm: VmId
    host: HostId
    lives_on: HostId


class RemoveCopy(Struct, frozen=True, kw_only=True, gc=False, tag="remove-copy"):
    """Forget a stopped copy of a VM that `keeps` has, too, whatever that one does; no volumes."""

    vm: VmId
    host: HostId
    keeps: HostId


Action: TypeAlias = (
    CreateVm
    | StartVm
    | StopVm
    | RestartVm
    | PauseVm
    | ResumeVm
    | DeleteVm
    | RenameVm
    | ReconfigureVm
    | AttachDisk
    | DetachDisk
    | AttachNic
    | DetachNic
    | MoveDisks
    | MarkTemplate
    | ChangeLabels
    | CreateSnapshot
    | RevertSnapshot
    | DeleteSnapshot
    | MigrateVm
    | EnterMaintenance
    | LeaveMaintenance
    | EraseTrace
    | AwaitReady
    | HandOver
    | VerifyHost
    | PowerOffHost
    | PowerOnHost
    | FenceHost
    | StartAfterFailure
    | ForgetCopy
    | RemoveCopy
    | ApplyProfile
    | WithdrawProfile
    | PowerOffServer
    | PowerOnServer
    | VerifyServer
    | JoinHost
    | LeaveHost
)


def vm_of(action: Action) -> VmId | None:
    """Return the VM an action is about, None for an action on a host."""
    if isinstance(action, CreateVm):
        return action.wish.id
    if isinstance(action, EnterMaintenance | LeaveMaintenance | HandOver | VerifyHost):
        return None
    if isinstance(action, PowerOffHost | PowerOnHost | FenceHost | ServerAction):
        return None
    if isinstance(action, EraseTrace):
        return action.trace.vm
    return action.vm


def hosts_of(action: Action) -> tuple[HostId, ...]:
    """Return the hosts an action touches, the one it starts from first; a server is one, too."""
    if isinstance(action, MigrateVm):
        return (action.source, action.target)
    return (action.server,) if isinstance(action, ServerAction) else (action.host,)
