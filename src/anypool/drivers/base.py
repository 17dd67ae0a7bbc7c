"""The driver that can do nothing: inherit, declare capabilities, override."""

from typing import NoReturn

from anypool.drivers.protocol import Migration, Spared
from anypool.errors import NotSupported
from anypool.model import (
    AgentReading,
    BootOrder,
    Capability,
    Changes,
    Console,
    DatastoreId,
    Digest,
    DigestOrder,
    DiskWish,
    Hardware,
    HostId,
    Invitation,
    Job,
    JobOrder,
    LabelChange,
    Load,
    LogEntry,
    MediumOrder,
    Nic,
    PortFunction,
    PowerReading,
    ProfileId,
    Proof,
    Reach,
    Sensor,
    ServerId,
    StorageLease,
    Trace,
    VmChange,
    VmId,
    VmWish,
)
from anypool.model.boothost import ImageOrder
from anypool.model.profile import Identity
from anypool.model.push import PushOrder, PushReading

OPERATIONS: dict[str, Capability] = {
    "changes": Capability.EVENTS,
    "measure": Capability.STATISTICS,
    "console": Capability.CONSOLE,
    "traces": Capability.TRACES,
    "digest": Capability.DIGEST,
    "create_vm": Capability.VM_CREATE,
    "delete_vm": Capability.VM_CREATE,
    "discard_copy": Capability.VM_CREATE,
    "adopt_vm": Capability.VM_ADOPT,
    "delete_volume": Capability.VM_CREATE,
    "mark_datastore": Capability.VM_CREATE,
    "erase_trace": Capability.VM_CREATE,
    "start_vm": Capability.VM_POWER,
    "shut_down_vm": Capability.VM_POWER,
    "power_off_vm": Capability.VM_POWER,
    "reboot_vm": Capability.VM_POWER,
    "reset_vm": Capability.VM_POWER,
    "pause_vm": Capability.VM_PAUSE,
    "resume_vm": Capability.VM_PAUSE,
    "rename_vm": Capability.VM_RENAME,
    "reconfigure_vm": Capability.VM_RECONFIGURE,
    "attach_disk": Capability.VM_DEVICES,
    "detach_disk": Capability.VM_DEVICES,
    "attach_nic": Capability.VM_DEVICES,
    "detach_nic": Capability.VM_DEVICES,
    "move_disks": Capability.DISK_MIGRATION,
    "mark_template": Capability.TEMPLATE,
    "change_labels": Capability.LABELS,
    "create_snapshot": Capability.SNAPSHOT,
    "revert_snapshot": Capability.SNAPSHOT,
    "delete_snapshot": Capability.SNAPSHOT,
    "invite": Capability.INVITATION,
    "begin_migration": Capability.LIVE_MIGRATION,
    "migration": Capability.LIVE_MIGRATION,
    "cancel_migration": Capability.LIVE_MIGRATION,
    "power": Capability.HOST_POWER,
    "power_off_host": Capability.HOST_POWER,
    "force_off_host": Capability.HOST_POWER,
    "power_on_host": Capability.HOST_POWER,
    "enter_maintenance": Capability.HOST_MAINTENANCE,
    "leave_maintenance": Capability.HOST_MAINTENANCE,
    "job": Capability.TASKS,
    "reaches": Capability.HOST_REACH,
    "leases": Capability.HOST_LEASES,
    "hardware": Capability.HARDWARE,
    "sensors": Capability.HARDWARE,
    "hardware_log": Capability.HARDWARE,
    "set_boot": Capability.BOOT_OVERRIDE,
    "set_medium": Capability.VIRTUAL_MEDIA,
    "prove_writes": Capability.PORT_ADDRESSES,
    "agents": Capability.GUEST_AGENT,
    "apply_identity": Capability.IDENTITY,
    "withdraw_identity": Capability.IDENTITY,
    "change_image": Capability.SERVER_IMAGES,
    "subscribe": Capability.PUSH,
}
"""Which capability declares which operation; `info`, `observe`, `observe_vms` and `close` are
for every driver."""


class BaseDriver:
    """Refuse every operation until a subclass overrides it."""

    name = "base"
    capabilities: frozenset[Capability] = frozenset()

    def close(self) -> None:
        """Nothing to give back."""

    def changes(self, since: str, wait_s: float) -> Changes:
        """Refuse."""
        self._refuse("changes")

    def measure(self) -> tuple[Load, ...]:
        """Refuse."""
        self._refuse("measure")

    def console(self, vm: VmId, kind: str) -> Console:
        """Refuse."""
        self._refuse("console")

    def digest(self, order: DigestOrder, wait_s: float) -> Digest:
        """Refuse."""
        self._refuse("digest")

    def create_vm(self, wish: VmWish, host: HostId, tag: str) -> None:
        """Refuse."""
        self._refuse("create_vm")

    def delete_vm(self, vm: VmId, host: HostId, volumes: bool, spared: Spared = ()) -> None:
        """Refuse."""
        self._refuse("delete_vm")

    def discard_copy(self, vm: VmId, host: HostId) -> None:
        """Refuse."""
        self._refuse("discard_copy")

    def start_vm(self, vm: VmId, host: HostId) -> None:
        """Refuse."""
        self._refuse("start_vm")

    def shut_down_vm(self, vm: VmId, host: HostId, wait_s: float) -> None:
        """Refuse."""
        self._refuse("shut_down_vm")

    def power_off_vm(self, vm: VmId, host: HostId) -> None:
        """Refuse."""
        self._refuse("power_off_vm")

    def reboot_vm(self, vm: VmId, host: HostId) -> None:
        """Refuse."""
        self._refuse("reboot_vm")

    def reset_vm(self, vm: VmId, host: HostId) -> None:
        """Refuse."""
        self._refuse("reset_vm")

    def pause_vm(self, vm: VmId, host: HostId) -> None:
        """Refuse."""
        self._refuse("pause_vm")

    def resume_vm(self, vm: VmId, host: HostId) -> None:
        """Refuse."""
        self._refuse("resume_vm")

    def rename_vm(self, vm: VmId, host: HostId, name: str) -> None:
        """Refuse."""
        self._refuse("rename_vm")

    def reconfigure_vm(self, vm: VmId, host: HostId, change: VmChange) -> None:
        """Refuse."""
        self._refuse("reconfigure_vm")

    def attach_disk(self, vm: VmId, host: HostId, disk: DiskWish, tag: str) -> None:
        """Refuse."""
        self._refuse("attach_disk")

    def detach_disk(self, vm: VmId, host: HostId, target: str) -> None:
        """Refuse."""
        self._refuse("detach_disk")

    def attach_nic(self, vm: VmId, host: HostId, nic: Nic) -> None:
        """Refuse."""
        self._refuse("attach_nic")

    def detach_nic(self, vm: VmId, host: HostId, mac: str) -> None:
        """Refuse."""
        self._refuse("detach_nic")

    def move_disks(self, vm: VmId, host: HostId, datastore: DatastoreId) -> None:
        """Refuse."""
        self._refuse("move_disks")

    def mark_template(self, vm: VmId, host: HostId, template: bool) -> None:
        """Refuse."""
        self._refuse("mark_template")

    def change_labels(self, host: HostId, vm: VmId | None, change: LabelChange) -> None:
        """Refuse."""
        self._refuse("change_labels")

    def create_snapshot(self, vm: VmId, host: HostId, name: str, tag: str) -> None:
        """Refuse."""
        self._refuse("create_snapshot")

    def revert_snapshot(self, vm: VmId, host: HostId, name: str) -> None:
        """Refuse."""
        self._refuse("revert_snapshot")

    def delete_snapshot(self, vm: VmId, host: HostId, name: str) -> None:
        """Refuse."""
        self._refuse("delete_snapshot")

    def invite(self, order: Migration) -> Invitation:
        """Refuse."""
        self._refuse("invite")

    def begin_migration(self, order: Migration) -> None:
        """Refuse."""
        self._refuse("begin_migration")

    def migration(self, order: Migration) -> Job:
        """Refuse."""
        self._refuse("migration")

    def cancel_migration(self, order: Migration) -> None:
        """Refuse."""
        self._refuse("cancel_migration")

    def job(self, order: JobOrder) -> Job:
        """Refuse."""
        self._refuse("job")

    def adopt_vm(self, wish: VmWish, host: HostId, tag: str, proof: Proof) -> None:
        """Refuse."""
        self._refuse("adopt_vm")

    def delete_volume(self, datastore: DatastoreId, name: str) -> None:
        """Refuse."""
        self._refuse("delete_volume")

    def mark_datastore(self, datastore: DatastoreId) -> None:
        """Refuse."""
        self._refuse("mark_datastore")

    def traces(self) -> tuple[Trace, ...]:
        """Refuse."""
        self._refuse("traces")

    def erase_trace(self, trace: Trace) -> None:
        """Refuse."""
        self._refuse("erase_trace")

    def power(self, host: HostId) -> PowerReading:
        """Refuse."""
        self._refuse("power")

    def power_off_host(self, host: HostId) -> None:
        """Refuse."""
        self._refuse("power_off_host")

    def force_off_host(self, host: HostId) -> None:
        """Refuse."""
        self._refuse("force_off_host")

    def power_on_host(self, host: HostId) -> None:
        """Refuse."""
        self._refuse("power_on_host")

    def reaches(self, host: HostId, address: str, port: int) -> Reach:
        """Refuse."""
        self._refuse("reaches")

    def leases(self, host: HostId, of: tuple[HostId, ...]) -> tuple[StorageLease, ...]:
        """Refuse."""
        self._refuse("leases")

    def hardware(self, host: HostId) -> Hardware:
        """Refuse."""
        self._refuse("hardware")

    def sensors(self, host: HostId) -> tuple[Sensor, ...]:
        """Refuse."""
        self._refuse("sensors")

    def hardware_log(self, host: HostId) -> tuple[LogEntry, ...]:
        """Refuse."""
        self._refuse("hardware_log")

    def set_boot(self, host: HostId, order: BootOrder) -> None:
        """Refuse."""
        self._refuse("set_boot")

    def set_medium(self, host: HostId, order: MediumOrder) -> None:
        """Refuse."""
        self._refuse("set_medium")

    def prove_writes(self, host: HostId) -> tuple[PortFunction, ...]:
        """Refuse."""
        self._refuse("prove_writes")

    def agents(self, vms: tuple[VmId, ...], wait_s: float) -> tuple[AgentReading, ...]:
        """Refuse."""
        self._refuse("agents")

    def apply_identity(self, server: ServerId, identity: Identity) -> None:
        """Refuse."""
        self._refuse("apply_identity")

    def withdraw_identity(self, server: ServerId, profile: ProfileId) -> None:
        """Refuse."""
        self._refuse("withdraw_identity")

    def change_image(self, order: ImageOrder) -> int:
        """Refuse."""
        self._refuse("change_image")

    def subscribe(self, order: PushOrder) -> PushReading:
        """Refuse."""
        self._refuse("subscribe")

    def enter_maintenance(self, host: HostId) -> None:
        """Refuse."""
        self._refuse("enter_maintenance")

    def leave_maintenance(self, host: HostId) -> None:
        """Refuse."""
        self._refuse("leave_maintenance")

    def _refuse(self, operation: str) -> NoReturn:
        raise NotSupported(f"{self.name} cannot {operation.replace('_', ' ')}")
