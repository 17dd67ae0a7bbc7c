"""Which properties are read of what: everything that becomes part of a record, nothing else."""

from typing import Any

from pyVmomi import vim, vmodl

PC = vmodl.query.PropertyCollector

AT_ONCE = 500
"""Objects in one answer: what is large comes in pieces."""

VM = "VirtualMachine"
HOST = "HostSystem"
CLUSTER = "ClusterComputeResource"
COMPUTE = "ComputeResource"
POOL = "ResourcePool"
APP = "VirtualApp"
DATASTORE = "Datastore"
NETWORK = "Network"
PORTGROUP = "DistributedVirtualPortgroup"
OPAQUE = "OpaqueNetwork"
SWITCH = "DistributedVirtualSwitch"
VMWARE_SWITCH = "VmwareDistributedVirtualSwitch"
FOLDER = "Folder"
STORAGE_POD = "StoragePod"
DATACENTER = "Datacenter"

_ENTITY = ("name", "parent", "customValue")

PATHS: dict[str, tuple[str, ...]] = {
    VM: (
        *_ENTITY,
        *("runtime.host", "runtime.powerState", "runtime.connectionState", "resourcePool"),
        *("config.instanceUuid", "config.uuid", "config.template", "config.annotation"),
        "summary.config.instanceUuid",
        *("config.hardware.numCPU", "config.hardware.memoryMB", "config.hardware.device"),
        *("config.cpuAllocation", "config.memoryAllocation", "snapshot"),
        *("guestHeartbeatStatus", "guest.toolsRunningStatus"),
    ),
    HOST: (
        *_ENTITY,
        *("runtime.connectionState", "runtime.powerState", "runtime.inMaintenanceMode"),
        *("summary.hardware", "summary.config.product", "datastore", "network"),
    ),
    COMPUTE: _ENTITY,
    CLUSTER: (*_ENTITY, "configurationEx"),
    POOL: _ENTITY,
    DATASTORE: (*_ENTITY, "summary", "info"),
    NETWORK: _ENTITY,
    PORTGROUP: (
        *_ENTITY,
        *("key", "tag", "config.distributedVirtualSwitch", "config.uplink"),
        "config.defaultPortConfig",
    ),
    SWITCH: _ENTITY,
    FOLDER: _ENTITY,
    DATACENTER: _ENTITY,
}
"""By the kind of managed object; a kind's own paths hold for the kinds made from it too."""

KINDS: dict[str, Any] = {
    VM: vim.VirtualMachine,
    HOST: vim.HostSystem,
    CLUSTER: vim.ClusterComputeResource,
    COMPUTE: vim.ComputeResource,
    POOL: vim.ResourcePool,
    APP: vim.VirtualApp,
    DATASTORE: vim.Datastore,
    NETWORK: vim.Network,
    PORTGROUP: vim.dvs.DistributedVirtualPortgroup,
    OPAQUE: vim.OpaqueNetwork,
    SWITCH: vim.DistributedVirtualSwitch,
    VMWARE_SWITCH: vim.dvs.VmwareDistributedVirtualSwitch,
    FOLDER: vim.Folder,
    STORAGE_POD: vim.StoragePod,
    DATACENTER: vim.Datacenter,
}


def kind_of(reference: Any) -> str:
    """Return the kind of a managed object, as vCenter calls it."""
    return str(type(reference)._wsdlName)


def wanted() -> list[Any]:
    """Return what to read of each kind."""
    return [PC.PropertySpec(type=KINDS[kind], pathSet=list(paths)) for kind, paths in PATHS.items()]


def everything(view: Any) -> Any:
    """Return the filter of all that is in a view."""
    step = PC.TraversalSpec(name="view", path="view", skip=False, type=vim.view.ContainerView)
    start = PC.ObjectSpec(obj=view, skip=True, selectSet=[step])
    return PC.FilterSpec(objectSet=[start], propSet=wanted())


def only(references: list[Any]) -> Any:
    """Return the filter of single objects; those that are gone are left out of the answer."""
    kinds = {kind_of(reference) for reference in references}
    return PC.FilterSpec(
        objectSet=[PC.ObjectSpec(obj=reference, skip=False) for reference in references],
        propSet=[spec for spec in wanted() if spec.type._wsdlName in kinds],
        reportMissingObjectsInResults=True,
    )


def retrieved(collector: Any, spec: Any) -> list[Any]:
    """Ask for what a filter is about, once, piece after piece."""
    options = PC.RetrieveOptions(maxObjects=AT_ONCE)
    result = collector.RetrievePropertiesEx([spec], options)
    found: list[Any] = []
    while result is not None:
        found += result.objects
        if not result.token:
            break
        result = collector.ContinueRetrievePropertiesEx(result.token)
    return found
