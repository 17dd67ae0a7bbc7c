"""What exists: frozen records of the pool's nouns and the inventory that holds them."""

from anypool.model.capability import Capability
from anypool.model.columns import Columns, HostColumns, HostFlag, VmColumns
from anypool.model.endpoint import Endpoint, EndpointHealth, EndpointState, KnownEndpoint
from anypool.model.frame import (
    Changes,
    Console,
    EndpointInfo,
    Frame,
    Job,
    JobState,
    Load,
)
from anypool.model.host import Host, HostState
from anypool.model.ids import (
    DatastoreId,
    EndpointId,
    HostId,
    ImageId,
    NetworkId,
    PlanId,
    PoolId,
    RunId,
    VmId,
)
from anypool.model.inventory import Claim, Inventory
from anypool.model.metric import METRIC_NAMES, METRICS, Metric
from anypool.model.network import Network
from anypool.model.pmap import PMap
from anypool.model.pool import DEFAULT_POOL, KnownPool, Pool
from anypool.model.storage import Datastore, Image, Locking, Volume
from anypool.model.summary import Percentiles
from anypool.model.trace import Trace, TraceKind
from anypool.model.vm import (
    HOLDS_MEMORY,
    Boot,
    Disk,
    DiskWish,
    Nic,
    Resources,
    Snapshot,
    StateReason,
    Vm,
    VmChange,
    VmCopy,
    VmState,
    VmWish,
)

__all__ = [
    "DEFAULT_POOL",
    "HOLDS_MEMORY",
    "METRICS",
    "METRIC_NAMES",
    "Boot",
    "Capability",
    "Changes",
    "Claim",
    "Columns",
    "Console",
    "Datastore",
    "DatastoreId",
    "Disk",
    "DiskWish",
    "Endpoint",
    "EndpointHealth",
    "EndpointId",
    "EndpointInfo",
    "EndpointState",
    "Frame",
    "Host",
    "HostColumns",
    "HostFlag",
    "HostId",
    "HostState",
    "Image",
    "ImageId",
    "Inventory",
    "Job",
    "JobState",
    "KnownEndpoint",
    "KnownPool",
    "Load",
    "Locking",
    "Metric",
    "Network",
    "NetworkId",
    "Nic",
    "PMap",
    "Percentiles",
    "PlanId",
    "Pool",
    "PoolId",
    "Resources",
    "RunId",
    "Snapshot",
    "StateReason",
    "Trace",
    "TraceKind",
    "Vm",
    "VmChange",
    "VmColumns",
    "VmCopy",
    "VmId",
    "VmState",
    "VmWish",
    "Volume",
]
