"""What VMs ask of their hosts: measured where somebody measured, estimated where not."""

from collections.abc import Mapping, Sequence

import numpy as np

from anypool.model import UNMEASURED, Usage, Vm, VmId
from anypool.planner.balance import Floats

GUESSED_PERCENT = 25.0
"""How busy each vCPU counts as where no VM at all was measured."""


def demands(vms: Sequence[Vm], usages: Mapping[VmId, Usage]) -> Floats:
    """Return the rows memory in MiB, CPU in percent, network and disk in bytes a second.

    A VM that was not measured counts as busy as the average vCPU that was; without network
    and disk.
    """
    found = [usages.get(vm.id, UNMEASURED) for vm in vms]
    known = [(one.cpu_percent, vm.vcpus) for one, vm in zip(found, vms, strict=True)
             if one.cpu_percent >= 0]  # fmt: skip
    vcpus = sum(count for _, count in known)
    usual = sum(percent for percent, _ in known) / vcpus if vcpus else GUESSED_PERCENT
    cpu = [
        one.cpu_percent if one.cpu_percent >= 0 else usual * vm.vcpus
        for one, vm in zip(found, vms, strict=True)
    ]
    rows = (
        [vm.memory_mib for vm in vms],
        cpu,
        [max(0.0, one.network_bytes_s) for one in found],
        [max(0.0, one.disk_bytes_s) for one in found],
    )
    return np.array(rows, dtype=np.float64).reshape(4, len(vms))
