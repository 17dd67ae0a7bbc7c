"""CPUs, memory, shares, limits and reservations."""

from typing import Any

from pyVmomi import vim

from anypool.drivers.vsphere import vms
from anypool.drivers.vsphere.acting import Acting
from anypool.errors import Invalid, NotSupported, Rejected
from anypool.model import HostId, Resources, VmChange, VmId

NO_LIMIT = -1


class Reconfigure(Acting):
    """The operation that changes a VM's size and shares."""

    def reconfigure_vm(self, vm: VmId, host: HostId, change: VmChange) -> None:
        """Change what is named, while the VM runs where it was made to grow."""
        here = self.live(vm, host)
        check_size(change)
        if here.runs:
            self._check_growing(host, change)
        wish = vim.vm.ConfigSpec()
        if change.vcpus is not None and change.vcpus != here.entry.get("config.hardware.numCPU"):
            wish.numCPUs = change.vcpus
        memory = here.entry.get("config.hardware.memoryMB")
        if change.memory_mib is not None and change.memory_mib != memory:
            wish.memoryMB = change.memory_mib
        if change.resources is not None:
            self.tune(wish, change.resources, host)
        if change == VmChange():
            return
        self.begin(f"change VM {here.name}", lambda _: here.thing.ReconfigVM_Task(wish))

    def tune(self, wish: Any, resources: Resources, host: HostId) -> None:
        """Write shares, limits and reservations into a wish."""
        if resources.io_weight:
            raise NotSupported(
                "weights for disks are not set in vSphere", hint="use its storage policies"
            )
        mhz = resources.cpu_limit_percent * vms.mhz(self.host_entry(host)) // 100
        wish.cpuAllocation = vim.ResourceAllocationInfo(
            shares=_shares(resources.cpu_shares), limit=mhz or NO_LIMIT
        )
        wish.memoryAllocation = vim.ResourceAllocationInfo(
            shares=_shares(0),
            limit=resources.memory_limit_mib or NO_LIMIT,
            reservation=resources.memory_reserved_mib,
        )

    def _check_growing(self, host: HostId, change: VmChange) -> None:
        hardware = self.host_entry(host).get("summary.hardware")
        most = int(getattr(hardware, "numCpuThreads", 0) or 0)
        if change.vcpus is not None and most and change.vcpus > most:
            raise Rejected(
                f"host {self.host_name(host)} has {most} CPUs, fewer than {change.vcpus}",
                hint="choose another host first",
            )


def check_size(change: VmChange) -> None:
    """Raise `Invalid` for a size that no VM can have."""
    if change.vcpus is not None and change.vcpus < 1:
        raise Invalid("a VM needs at least one CPU")
    if change.memory_mib is not None and (change.memory_mib < 4 or change.memory_mib % 4):
        raise Invalid("the memory of a VM is a multiple of 4 MiB in vSphere")


def _shares(number: int) -> Any:
    if not number:
        return vim.SharesInfo(level="normal", shares=0)
    return vim.SharesInfo(level="custom", shares=number)
