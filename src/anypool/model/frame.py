"""What a driver reports: readings of one endpoint, and which of them are out of date."""

from enum import StrEnum

from msgspec import Struct

from anypool.model.boothost import BootHost
from anypool.model.host import Host
from anypool.model.ids import DatastoreId, HostId, VmId
from anypool.model.network import Network
from anypool.model.server import Server
from anypool.model.storage import Datastore, Volume
from anypool.model.vm import Vm


class Frame(Struct, frozen=True, kw_only=True, gc=False):
    """A reading: a full one names everything the endpoint knows, a partial one what was asked.

    `missing` are VMs that were asked for and are not there: that is knowledge, not an error.
    `servers` are the physical servers that it answers for, whether or not they run VMs;
    `boot_hosts` is itself, if it is one.
    """

    full: bool
    hosts: tuple[Host, ...] = ()
    vms: tuple[Vm, ...] = ()
    datastores: tuple[Datastore, ...] = ()
    volumes: tuple[Volume, ...] = ()
    networks: tuple[Network, ...] = ()
    missing: tuple[VmId, ...] = ()
    servers: tuple[Server, ...] = ()
    boot_hosts: tuple[BootHost, ...] = ()


class Remark(Struct, frozen=True, kw_only=True, gc=False):
    """What a platform says that somebody did to a VM or a host: in its words, who and when.

    `at` is seconds since 1970 by its clock, `by` is "" where it does not say who. `own` means
    that it was done through the account that we use there, or that it may have been. `if_seen`
    means that it is worth telling only where something is seen to differ.
    """

    what: str
    at: float
    by: str = ""
    vm: VmId | None = None
    host: HostId | None = None
    own: bool = False
    if_seen: bool = False


class Changes(Struct, frozen=True, kw_only=True, gc=False):
    """Which VMs may have changed since `since`; `resync` means that events were or may be lost.

    `quiet` means that its host fell silent a moment ago, and nobody knows yet what that means.
    `remarks` is what the platform says of it, oldest first, where it says anything.
    """

    cursor: str
    vms: frozenset[VmId] = frozenset()
    host: bool = False
    resync: bool = False
    remarks: tuple[Remark, ...] = ()
    quiet: bool = False


class JobState(StrEnum):
    """How a long operation stands; `GONE` means that only looking at the objects tells."""

    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    GONE = "gone"


class Job(Struct, frozen=True, kw_only=True, gc=False):
    """Progress of a long operation; `pause_ms` is what the platform measured, 0 if it did not.

    `handle` is the platform's own name for it, "" where it gives none. A FAILED one with
    `busy` failed only because of somebody else's work, and may be asked for again.
    """

    state: JobState
    bytes_total: int = 0
    bytes_left: int = 0
    pause_ms: int = 0
    message: str = ""
    handle: str = ""
    percent: int = 0
    busy: bool = False


class JobOrder(Struct, frozen=True, kw_only=True, gc=False):
    """Which long operation is asked about: by its `handle`, or, where that was lost, by what it is.

    `operation` is the driver's operation that began it, of `vm` or, where that is "", of
    `host`. `since` is when it was sent (seconds since 1970).
    """

    operation: str
    host: HostId
    vm: VmId = VmId("")
    handle: str = ""
    since: float = 0.0


class DigestOrder(Struct, frozen=True, kw_only=True, gc=False):
    """An order to read a volume and tell the SHA-256 of its content.

    `job` names the reading, so that who asks again does not let it be read again; another
    name does. `limit_mib_s` is how fast it may be read, 0 for as fast as it goes.
    """

    datastore: DatastoreId
    volume: str
    job: str
    limit_mib_s: int = 0


class Digest(Struct, frozen=True, kw_only=True, gc=False):
    """How far the reading of a volume is; `digest` (`sha256:...`) and `stamp` are there when DONE.

    FAILED says why in `message`; another job may succeed.
    """

    state: JobState
    bytes_total: int = 0
    bytes_left: int = 0
    digest: str = ""
    stamp: str = ""
    message: str = ""


class Load(Struct, frozen=True, kw_only=True, gc=False):
    """Counters of one host or VM at one moment; nanoseconds and bytes since the start."""

    host: HostId | None = None
    vm: VmId | None = None
    cpu_ns: int = 0
    memory_used_mib: int = 0
    disk_read_bytes: int = 0
    disk_written_bytes: int = 0
    net_received_bytes: int = 0
    net_sent_bytes: int = 0


class Console(Struct, frozen=True, kw_only=True, gc=False):
    """Where a console is: at an address and port, or at the path of a unix socket of ours.

    Such a socket lets one visitor in, within 30 seconds.
    """

    kind: str
    address: str = ""
    port: int = 0
    path: str = ""


class EndpointInfo(Struct, frozen=True, kw_only=True, gc=False):
    """What answered: the product and version, and the hosts behind it by id.

    Of a BMC, `system` is the path of the host's system, and `certificate` the SHA-256 of what
    it shows to those who trust no certificate yet; then all else is empty.
    """

    product: str
    version: str
    hosts: tuple[HostId, ...] = ()
    system: str = ""
    certificate: str = ""
