"""A driver that can only look: what everybody is given for an endpoint that is observe-only.

Every operation of the protocol is either a look or a deed, and the two lists are written
out: a new operation fails `tests/contract` until somebody says which it is. A deed ends
here with `NotSupported`, in the manager before anything is sent, and in the worker once
more before anything is asked of the vendor's library.
"""

from typing import NoReturn

from msgspec.structs import replace

from anypool.drivers.base import OPERATIONS, BaseDriver
from anypool.drivers.protocol import Driver
from anypool.errors import NotSupported
from anypool.model import (
    Capability,
    Changes,
    Endpoint,
    EndpointInfo,
    Frame,
    Hardware,
    Host,
    HostId,
    Job,
    JobOrder,
    Load,
    LogEntry,
    PowerReading,
    Reach,
    Sensor,
    StorageLease,
    Trace,
    VmId,
)

LOOKS = frozenset(
    {
        *("info", "observe", "observe_vms", "changes", "measure", "traces", "job", "power"),
        *("reaches", "leases", "close", "hardware", "sensors", "hardware_log"),
    }
)
"""Operations that leave no trace at the vendor."""

DEEDS = frozenset(
    {
        "console",  # a person types into it
        "migration",  # whoever follows a migration raises its longest pause
        *("create_vm", "delete_vm", "discard_copy", "delete_volume", "mark_datastore"),
        "adopt_vm",
        "erase_trace",
        "agents",  # libvirt passes nothing on to a guest over a connection that is read-only
        "digest",  # libvirt lends no bytes to a connection that is read-only
        *("start_vm", "shut_down_vm", "power_off_vm", "reboot_vm", "reset_vm"),
        *("pause_vm", "resume_vm", "rename_vm", "reconfigure_vm"),
        *("attach_disk", "detach_disk", "attach_nic", "detach_nic"),
        *("move_disks", "mark_template", "change_labels"),
        *("create_snapshot", "revert_snapshot", "delete_snapshot"),
        "invite",  # it gives an account away
        *("begin_migration", "cancel_migration"),
        *("enter_maintenance", "leave_maintenance"),
        *("power_off_host", "force_off_host", "power_on_host"),
        *("set_boot", "set_medium", "prove_writes", "apply_identity", "withdraw_identity"),
        *("change_image", "subscribe"),
    }
)
"""Operations that change something, or open a way to."""

SEEING = frozenset(Capability) - {OPERATIONS[name] for name in DEEDS}
"""The capabilities that consist of looks alone."""


def refused(endpoint: Endpoint, operation: str) -> NotSupported:
    """Return the error for a deed on an endpoint that is observe-only, or only for now."""
    if endpoint.unread:
        return NotSupported(
            f"{endpoint.id} was not read whole since a restore and refuses to "
            f"{operation.replace('_', ' ')}",
            hint="it opens by itself; `anypool resync show` lists what is left",
        )
    return NotSupported(
        f"{endpoint.id} is observe-only and refuses to {operation.replace('_', ' ')}",
        hint=lifting(endpoint),
    )


def lifting(endpoint: Endpoint) -> str:
    """Return how an administrator lets an endpoint be operated."""
    return (
        f"an administrator lifts it: `anypool pool set {endpoint.pool} --observe-only false`, "
        f"or `anypool endpoint set {endpoint.id} --observe-only false` where only the endpoint is"
    )


def guarded(endpoint: Endpoint, driver: Driver) -> Driver:
    """Return the driver itself, or one that can only look where its endpoint is observe-only."""
    return ObservingDriver(endpoint, driver) if endpoint.observe_only else driver


def check_operable(driver: Driver, what: str) -> None:
    """Raise `NotSupported` if a driver can only look: for what another endpoint would do there."""
    if isinstance(driver, ObservingDriver):
        driver.refuse(what)


class ObservingDriver(BaseDriver):
    """Passes looks on; its deeds are those of the base class, which have nothing behind them."""

    name = "observing"
    capabilities = SEEING

    def __init__(self, endpoint: Endpoint, driver: Driver) -> None:
        self._endpoint = endpoint
        self._eyes = driver

    def info(self) -> EndpointInfo:
        """Return what answers here."""
        return self._eyes.info()

    def observe(self) -> Frame:
        """Return a full reading; its hosts offer nothing but looks."""
        return _masked(self._eyes.observe())

    def observe_vms(self, vms: tuple[VmId, ...]) -> Frame:
        """Return a partial reading of some VMs."""
        return _masked(self._eyes.observe_vms(vms))

    def changes(self, since: str, wait_s: float) -> Changes:
        """Wait for changes."""
        return self._eyes.changes(since, wait_s)

    def measure(self) -> tuple[Load, ...]:
        """Return the counters."""
        return self._eyes.measure()

    def traces(self) -> tuple[Trace, ...]:
        """Return what was written before, if anything ever was."""
        return self._eyes.traces()

    def job(self, order: JobOrder) -> Job:
        """Return how a task of the platform stands."""
        return self._eyes.job(order)

    def power(self, host: HostId) -> PowerReading:
        """Return whether a host is on."""
        return self._eyes.power(host)

    def reaches(self, host: HostId, address: str, port: int) -> Reach:
        """Return whether a host can connect to an address."""
        return self._eyes.reaches(host, address, port)

    def leases(self, host: HostId, of: tuple[HostId, ...]) -> tuple[StorageLease, ...]:
        """Return the storage leases of some hosts."""
        return self._eyes.leases(host, of)

    def hardware(self, host: HostId) -> Hardware:
        """Return what a server is made of."""
        return self._eyes.hardware(host)

    def sensors(self, host: HostId) -> tuple[Sensor, ...]:
        """Return what the sensors of a server read now."""
        return self._eyes.sensors(host)

    def hardware_log(self, host: HostId) -> tuple[LogEntry, ...]:
        """Return the newest entries of a server's own log."""
        return self._eyes.hardware_log(host)

    def close(self) -> None:
        """Give the connection back."""
        self._eyes.close()

    def refuse(self, operation: str) -> NoReturn:
        """Raise what every deed raises here."""
        self._refuse(operation)

    def _refuse(self, operation: str) -> NoReturn:
        raise refused(self._endpoint, operation)


def _masked(frame: Frame) -> Frame:
    return replace(frame, hosts=tuple(map(masked, frame.hosts)))


def masked(host: Host) -> Host:
    """Return a host that is observe-only: what it could do is told, but not offered."""
    return replace(
        host,
        observe_only=True,
        capabilities=host.capabilities & SEEING,
        withheld=host.withheld | (host.capabilities - SEEING),
    )


def unmasked(host: Host) -> Host:
    """Return a host that may be operated again."""
    offered = host.capabilities | host.withheld
    return replace(host, observe_only=False, capabilities=offered, withheld=frozenset())
