"""From a deed to the driver operation that does it."""

from collections.abc import Callable
from contextlib import suppress
from typing import assert_never

from msgspec.structs import replace

from anypool.drivers import Driver, Migration
from anypool.drivers.observing import check_operable
from anypool.engine.observing.knock import knock
from anypool.engine.runs.bearers import Bearers
from anypool.engine.runs.decision import Deed, Memory
from anypool.engine.runs.members import Members, Nobody
from anypool.errors import Busy, Conflict
from anypool.model import Capability, HostId, Inventory, Probe, ServerId
from anypool.plan import (
    Action,
    ApplyProfile,
    AttachDisk,
    AttachNic,
    AwaitReady,
    ChangeLabels,
    CreateSnapshot,
    CreateVm,
    DeleteSnapshot,
    DeleteVm,
    DetachDisk,
    DetachNic,
    EnterMaintenance,
    EraseTrace,
    FenceHost,
    ForgetCopy,
    HandOver,
    JoinHost,
    LeaveHost,
    LeaveMaintenance,
    MarkTemplate,
    MigrateVm,
    MoveDisks,
    PauseVm,
    PowerOffHost,
    PowerOffServer,
    PowerOnHost,
    PowerOnServer,
    ReconfigureVm,
    RemoveCopy,
    RenameVm,
    RestartHow,
    RestartVm,
    ResumeVm,
    RevertSnapshot,
    ServerAction,
    StartAfterFailure,
    StartVm,
    StopHow,
    StopVm,
    VerifyHost,
    VerifyServer,
    WithdrawProfile,
    hosts_of,
)
from anypool.settings import Settings

DriverOf = Callable[[HostId], Driver]


def order_for(
    action: MigrateVm, memory: Memory, inventory: Inventory, settings: Settings
) -> Migration:
    """Return the order of a migration; raise `NotFound` if its target is not known."""
    target = inventory.host(action.target)
    source = inventory.hosts.get(action.source)
    elsewhere = source is not None and source.endpoint != target.endpoint
    return Migration(
        vm=action.vm,
        source=action.source,
        target=action.target,
        peer_uri=target.peer_uri,
        peer_address=target.peer_address,
        start_paused=memory.held,
        pause_limit_ms=settings.migration_pause_ms,
        pause_limit_max_ms=settings.migration_pause_max_ms,
        bandwidth_mib_s=settings.migration_bandwidth_mib_s,
        invited=elsewhere and Capability.INVITATION in target.capabilities,
    )


class Hands:
    """Does deeds; `settings` are how, `switch_of` gives the driver that switches a host."""

    def __init__(
        self, driver_of: DriverOf, switch_of: DriverOf, settings: Settings, bearers: Bearers
    ) -> None:
        self._driver_of = driver_of
        self._switch_of = switch_of
        self._settings = settings
        self.knock: Callable[[Probe, str], str] = knock
        self.bearers = bearers
        self.members: Members = Nobody()

    def do(self, deed: Deed, action: Action, tag: str, order: Migration | None) -> None:
        """Do one deed and return when it is done; raise from `anypool.errors`."""
        if isinstance(action, AwaitReady):
            self._ask(action)
        elif isinstance(action, HandOver):
            pass  # it is in the journal that people may service the host; nobody else is told
        elif isinstance(action, PowerOffHost | PowerOnHost):
            switch(deed, action, self._switch_of(action.host))
        elif isinstance(action, FenceHost):
            self._switch_of(action.host).force_off_host(action.host)
        elif isinstance(action, RemoveCopy):  # unlike discard_copy it ends nothing that runs
            self._driver_of(action.host).delete_vm(action.vm, action.host, False)
        elif isinstance(action, ServerAction):
            serve(deed, action, self)
        elif isinstance(action, StartAfterFailure | ForgetCopy):
            _after_failure(action, self._driver_of(action.host), tag)
        elif order is not None:
            self._migrate(deed, order)
        else:
            driver = self._driver_of(hosts_of(action)[0])
            perform(action, driver, tag, self._settings)

    def switch_of(self, server: ServerId) -> Driver:
        """Return the driver that switches a server."""
        return self._switch_of(server)

    def _ask(self, action: AwaitReady) -> None:
        """Ask once whether a VM is ready; raise `Busy` if it is not yet."""
        if why := self.knock(action.probe, action.name):
            raise Busy(why)

    def delete(self, deed: Deed, action: DeleteVm, memory: Memory) -> None:
        """Delete a VM, or the volumes that a deletion which was cut off left over."""
        driver = self._driver_of(action.host)
        if deed is not Deed.DELETE_VOLUMES:
            driver.delete_vm(action.vm, action.host, action.volumes, memory.spared)
            return
        for datastore, volume in memory.volumes:
            with suppress(Conflict):  # a VM or a linked clone uses it: kept, as by `delete_vm`
                driver.delete_volume(datastore, volume)

    def _migrate(self, deed: Deed, order: Migration) -> None:
        match deed:
            case Deed.PERFORM:
                there = self._driver_of(order.target)
                check_operable(there, "receive a VM")
                if order.invited:
                    order = replace(order, invitation=there.invite(order))
                self._driver_of(order.source).begin_migration(order)
            case Deed.CANCEL_MIGRATION:
                self._driver_of(order.source).cancel_migration(order)
            case Deed.RESUME_TARGET:
                self._driver_of(order.target).resume_vm(order.vm, order.target)
            case Deed.RESUME_SOURCE:
                self._driver_of(order.source).resume_vm(order.vm, order.source)
            case Deed.DISCARD_TARGET:
                self._driver_of(order.target).discard_copy(order.vm, order.target)
            case Deed.DISCARD_SOURCE:
                self._driver_of(order.source).discard_copy(order.vm, order.source)
            case Deed.DELETE_VOLUMES | Deed.FORCE_OFF:
                raise AssertionError(f"a migration has no {deed}")
            case _:
                assert_never(deed)


def _after_failure(action: StartAfterFailure | ForgetCopy, driver: Driver, tag: str) -> None:
    if isinstance(action, ForgetCopy):
        driver.discard_copy(action.vm, action.host)
    else:
        driver.adopt_vm(action.wish, action.host, tag, action.proof)


def perform(action: Action, driver: Driver, tag: str, settings: Settings) -> None:
    """Carry an action out; a migration is begun elsewhere."""
    match action:
        case CreateVm(wish=wish, host=host):
            driver.create_vm(wish, host, tag)
        case StartVm(vm=vm, host=host):
            driver.start_vm(vm, host)
        case StopVm(vm=vm, host=host, how=StopHow.SHUT_DOWN):
            driver.shut_down_vm(vm, host, settings.shut_down_wait_s)
        case StopVm(vm=vm, host=host):
            driver.power_off_vm(vm, host)
        case RestartVm(vm=vm, host=host, how=RestartHow.REBOOT):
            driver.reboot_vm(vm, host)
        case RestartVm(vm=vm, host=host):
            driver.reset_vm(vm, host)
        case EraseTrace() | EnterMaintenance() | LeaveMaintenance() | ChangeLabels():
            _of_host(action, driver)
        case (
            MigrateVm() | AwaitReady() | HandOver() | VerifyHost() | PowerOffHost() | PowerOnHost()
            | FenceHost() | StartAfterFailure() | ForgetCopy() | RemoveCopy() | ApplyProfile()
            | WithdrawProfile() | PowerOffServer() | PowerOnServer() | VerifyServer()
            | JoinHost() | LeaveHost() | DeleteVm()
        ):  # fmt: skip
            raise AssertionError(f"{type(action).__name__} is not done by one operation")
        case _:
            _change(action, driver, tag)


_OfHost = EraseTrace | EnterMaintenance | LeaveMaintenance | ChangeLabels


def _of_host(action: _OfHost, driver: Driver) -> None:
    match action:
        case ChangeLabels(host=host, vm=vm, change=change):
            driver.change_labels(host, vm, change)
        case EraseTrace(trace=trace):
            driver.erase_trace(trace)
        case EnterMaintenance(host=host):
            driver.enter_maintenance(host)
        case LeaveMaintenance(host=host):
            driver.leave_maintenance(host)
        case _:
            assert_never(action)


def serve(deed: Deed, action: ServerAction, hands: Hands) -> None:
    """Do a deed on a physical server, by the driver of who answers for it."""
    server = action.server
    match action:
        case ApplyProfile():
            hands.bearers.apply(action)
        case WithdrawProfile():
            hands.bearers.withdraw(action)
        case PowerOffServer(force=force):
            driver = hands.switch_of(server)
            force = force or deed is Deed.FORCE_OFF
            (driver.force_off_host if force else driver.power_off_host)(server)
        case PowerOnServer(boot=boot):
            if boot:
                hands.bearers.boot(server, boot)
            hands.switch_of(server).power_on_host(server)
        case VerifyServer():
            pass  # it is only looked at
        case JoinHost():
            hands.members.join(action)
        case LeaveHost():
            hands.members.leave(action)


def switch(deed: Deed, action: PowerOffHost | PowerOnHost, driver: Driver) -> None:
    """Switch a host, by the driver of its BMC where it has one."""
    if isinstance(action, PowerOnHost):
        driver.power_on_host(action.host)
    elif deed is Deed.FORCE_OFF:
        driver.force_off_host(action.host)
    else:
        driver.power_off_host(action.host)


_Change = (
    PauseVm | ResumeVm | RenameVm | ReconfigureVm | AttachDisk | DetachDisk | AttachNic
    | DetachNic | MoveDisks | MarkTemplate | CreateSnapshot | RevertSnapshot | DeleteSnapshot
)  # fmt: skip


def _change(action: _Change, driver: Driver, tag: str) -> None:
    vm, host = action.vm, action.host
    match action:
        case PauseVm():
            driver.pause_vm(vm, host)
        case ResumeVm():
            driver.resume_vm(vm, host)
        case RenameVm(name=name):
            driver.rename_vm(vm, host, name)
        case ReconfigureVm(change=change):
            driver.reconfigure_vm(vm, host, change)
        case CreateSnapshot(name=name):
            driver.create_snapshot(vm, host, name, tag)
        case MoveDisks(datastore=datastore):
            driver.move_disks(vm, host, datastore)
        case MarkTemplate(template=template):
            driver.mark_template(vm, host, template)
        case RevertSnapshot(name=name):
            driver.revert_snapshot(vm, host, name)
        case DeleteSnapshot(name=name):
            driver.delete_snapshot(vm, host, name)
        case _:
            _device(action, driver, tag)


def _device(
    action: AttachDisk | DetachDisk | AttachNic | DetachNic, driver: Driver, tag: str
) -> None:
    vm, host = action.vm, action.host
    match action:
        case AttachDisk(disk=disk):
            driver.attach_disk(vm, host, disk, tag)
        case DetachDisk(target=target):
            driver.detach_disk(vm, host, target)
        case AttachNic(nic=nic):
            driver.attach_nic(vm, host, nic)
        case DetachNic(mac=mac):
            driver.detach_nic(vm, host, mac)
        case _:
            assert_never(action)
