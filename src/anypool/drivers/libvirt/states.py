"""libvirt's (state, reason) pairs and what they mean to a migration.

Seen with libvirt 9.0 and QEMU 7.2; `migrate` has the table of what both sides show when.
"""

import libvirt

from anypool.model import StateReason, VmState

_STATES = {
    libvirt.VIR_DOMAIN_RUNNING: VmState.RUNNING,
    libvirt.VIR_DOMAIN_BLOCKED: VmState.RUNNING,
    libvirt.VIR_DOMAIN_SHUTDOWN: VmState.RUNNING,
    libvirt.VIR_DOMAIN_PAUSED: VmState.PAUSED,
    libvirt.VIR_DOMAIN_PMSUSPENDED: VmState.SUSPENDED,
    libvirt.VIR_DOMAIN_SHUTOFF: VmState.STOPPED,
    libvirt.VIR_DOMAIN_CRASHED: VmState.CRASHED,
}

_REASONS = {
    (libvirt.VIR_DOMAIN_RUNNING, libvirt.VIR_DOMAIN_RUNNING_MIGRATED): StateReason.MIGRATED,
    (
        libvirt.VIR_DOMAIN_RUNNING,
        libvirt.VIR_DOMAIN_RUNNING_MIGRATION_CANCELED,
    ): StateReason.MIGRATION_CANCELLED,
    (libvirt.VIR_DOMAIN_PAUSED, libvirt.VIR_DOMAIN_PAUSED_USER): StateReason.BY_USER,
    (libvirt.VIR_DOMAIN_PAUSED, libvirt.VIR_DOMAIN_PAUSED_MIGRATION): StateReason.MIGRATING,
    (libvirt.VIR_DOMAIN_PAUSED, libvirt.VIR_DOMAIN_PAUSED_IOERROR): StateReason.IO_ERROR,
    (
        libvirt.VIR_DOMAIN_PAUSED,
        libvirt.VIR_DOMAIN_PAUSED_POSTCOPY_FAILED,
    ): StateReason.MIGRATION_FAILED,
    (libvirt.VIR_DOMAIN_SHUTOFF, libvirt.VIR_DOMAIN_SHUTOFF_MIGRATED): StateReason.MIGRATED,
    (libvirt.VIR_DOMAIN_SHUTOFF, libvirt.VIR_DOMAIN_SHUTOFF_FAILED): StateReason.MIGRATION_FAILED,
}


def state_of(state: int, reason: int) -> VmState:
    """Our word for libvirt's state; a shutting-down guest still runs."""
    if (state, reason) == (libvirt.VIR_DOMAIN_SHUTOFF, libvirt.VIR_DOMAIN_SHUTOFF_CRASHED):
        return VmState.CRASHED
    return _STATES.get(state, VmState.UNKNOWN)


def reason_of(state: int, reason: int) -> StateReason:
    """Our word for the reason; `MIGRATING` may still turn out to be `INCOMING`."""
    return _REASONS.get((state, reason), StateReason.NONE)


def is_incoming(vm: libvirt.virDomain) -> bool:
    """Whether a VM paused for migration is the copy that receives.

    libvirt shows the same state on both sides. Only the receiving one refuses to tell the
    statistics of its job: "available only on the source host".
    """
    try:
        vm.jobStats()
    except libvirt.libvirtError as problem:
        return bool(problem.get_error_code() == libvirt.VIR_ERR_OPERATION_UNSUPPORTED)
    return False
