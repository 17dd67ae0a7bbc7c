"""A virtual machine: what it is, and what one wants when making or changing one."""

from enum import StrEnum

from msgspec import Struct

from anypool.model.ids import DatastoreId, HostId, ImageId, NetworkId, VmId


class VmState(StrEnum):
    """Whether the VM runs; `UNKNOWN` while its host does not answer."""

    RUNNING = "running"
    PAUSED = "paused"
    SUSPENDED = "suspended"
    STOPPED = "stopped"
    CRASHED = "crashed"
    UNKNOWN = "unknown"


VM_ALIVE = frozenset({VmState.RUNNING, VmState.PAUSED, VmState.SUSPENDED})
VM_RUNS = frozenset({VmState.RUNNING, VmState.SUSPENDED})
VM_DOWN = frozenset({VmState.STOPPED, VmState.CRASHED})
HOLDS_MEMORY = VM_ALIVE | {VmState.UNKNOWN}


class StateReason(StrEnum):
    """Why a copy is in its state, as far as a migration must know; platforms say more."""

    NONE = ""
    INCOMING = "incoming"
    MIGRATING = "migrating"
    MIGRATED = "migrated"
    MIGRATION_FAILED = "migration-failed"
    MIGRATION_CANCELLED = "migration-cancelled"
    BY_USER = "by-user"
    IO_ERROR = "io-error"


class Disk(Struct, frozen=True, kw_only=True, gc=False):
    """One disk of a VM; `target` is its name in the VM (`vda`), `volume` its name on the datastore.

    A `shareable` disk carries no write lock: nothing but us keeps a second copy from writing.
    """

    target: str
    volume: str
    datastore: DatastoreId | None = None
    path: str = ""
    format: str = "qcow2"
    size_bytes: int = 0
    bus: str = "virtio"
    shareable: bool = False
    readonly: bool = False


class Nic(Struct, frozen=True, kw_only=True, gc=False):
    """One network adapter; `mac` in lower case with colons."""

    mac: str
    network: NetworkId | None = None
    model: str = "virtio"


class Boot(Struct, frozen=True, kw_only=True, gc=False):
    """A kernel started directly instead of what lies on the disk; paths are the host's."""

    kernel: str
    initrd: str = ""
    cmdline: str = ""


class Resources(Struct, frozen=True, kw_only=True, gc=False):
    """Shares, limits and reservations; 0 means the platform's default.

    `cpu_shares` and `io_weight` are relative weights; `cpu_limit_percent` is of one CPU
    (150 is one and a half); a reserved amount is promised by placement.
    """

    cpu_shares: int = 0
    cpu_limit_percent: int = 0
    io_weight: int = 0
    memory_limit_mib: int = 0
    memory_reserved_mib: int = 0


class Snapshot(Struct, frozen=True, kw_only=True, gc=False):
    """A point a VM can be returned to; `tag` names the step that took it."""

    name: str
    with_memory: bool = False
    tag: str = ""


class Origin(Struct, frozen=True, kw_only=True, gc=False):
    """The version of an image that a VM was made from; `digest` is "" if it was unknown then."""

    image: ImageId
    version: int
    digest: str = ""


class VmCopy(Struct, frozen=True, kw_only=True, gc=False):
    """One more place where a VM was seen, beside its main one; `unseen` as of a VM."""

    host: HostId
    state: VmState
    reason: StateReason = StateReason.NONE
    unseen: bool = False


class Vm(Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """One VM as last observed; `host` is where it runs or is defined, None if nowhere.

    `made_by` is the tag of the step that made it, `origin` the image it was made from, None
    if it was none of ours; `tags` are ours. `copies` is empty unless more than one host
    knows the VM (in mid-migration, or after a fault). `platform_moves` says that its platform
    moves it by itself (vSphere's DRS). `twins` are other VMs that bear the same
    id on their platform, its own id a VM behind another endpoint: nothing is done to any of
    them before they can be told apart. The platform's own are `resource_pool` (`gold/web`),
    `place`, the datacenter and folders (`DC0/prod`), `labels` (`field=value`), and whether it
    is a `template`, which never runs.

    `unseen` says that it is stopped, or no longer where it was, and nobody saw it end: another
    tool may have moved it to a host that does not answer.
    """

    id: VmId
    name: str
    host: HostId | None
    state: VmState = VmState.STOPPED
    reason: StateReason = StateReason.NONE
    vcpus: int = 1
    memory_mib: int = 0
    cpu_model: str = ""
    disks: tuple[Disk, ...] = ()
    nics: tuple[Nic, ...] = ()
    boot: Boot | None = None
    resources: Resources = Resources()
    snapshots: tuple[Snapshot, ...] = ()
    made_by: str = ""
    origin: Origin | None = None
    copies: tuple[VmCopy, ...] = ()
    twins: tuple[VmId, ...] = ()
    platform_moves: bool = False
    tags: frozenset[str] = frozenset()
    resource_pool: str = ""
    place: str = ""
    labels: frozenset[str] = frozenset()
    template: bool = False
    unseen: bool = False

    @property
    def is_astray(self) -> bool:
        """Say whether it does not run where it is known, and a copy of it ended unseen."""
        beside = self.state not in VM_RUNS and any(copy.unseen for copy in self.copies)
        return self.unseen or beside


class DiskWish(Struct, frozen=True, kw_only=True, gc=False):
    """A disk to be made: empty, or from the volume `base` on the same datastore.

    A qcow2 volume with a base is a linked clone, a raw one a full copy. A `shareable` disk
    is raw: several writers would break the tables of any other format.
    """

    target: str
    datastore: DatastoreId
    size_bytes: int
    volume: str
    base: str = ""
    base_format: str = "qcow2"
    format: str = "qcow2"
    shareable: bool = False


class VmWish(Struct, frozen=True, kw_only=True, gc=False):
    """A VM to be made; ids and addresses are chosen beforehand, so that making it twice is once.

    `max_vcpus` and `max_memory_mib` are how far it can grow while it runs; 0 means as made.
    """

    id: VmId
    name: str
    vcpus: int = 1
    max_vcpus: int = 0
    memory_mib: int = 512
    max_memory_mib: int = 0
    cpu_model: str = ""
    disks: tuple[DiskWish, ...] = ()
    nics: tuple[Nic, ...] = ()
    boot: Boot | None = None
    resources: Resources = Resources()
    tags: frozenset[str] = frozenset()
    origin: Origin | None = None


class VmChange(Struct, frozen=True, kw_only=True, gc=False):
    """What to change about a VM; None leaves a thing as it is."""

    vcpus: int | None = None
    memory_mib: int | None = None
    resources: Resources | None = None
