"""Disks and network adapters of a VM, given and taken."""

from collections.abc import Callable
from uuid import uuid4

from anypool.engine import Engine
from anypool.errors import Conflict, Invalid, NotFound
from anypool.model import DatastoreId, DiskWish, HostId, Inventory, Nic, Vm
from anypool.plan import Action, AttachDisk, AttachNic, DetachDisk, DetachNic
from anypool.planner.rules import Rulebook
from anypool.planner.wishes import DoAction
from anypool.service import find
from anypool.service.access import Deed, Principal, require
from anypool.service.names import checked_mac
from anypool.service.proposals import Proposal, Proposals
from anypool.service.underway import Underway
from anypool.service.vms import placed
from anypool.service.wishes import checked_disk, new_mac, taken

_TARGETS = tuple(f"vd{letter}" for letter in "abcdefghijklmnopqrstuvwxyz")


class Devices:
    """Attach and detach; what is made gets its name and address here, once."""

    def __init__(self, engine: Engine, proposals: Proposals, underway: Underway) -> None:
        self._engine = engine
        self._proposals = proposals
        self._underway = underway

    def add_disk(
        self, by: Principal, key: str, size_bytes: int, datastore: str | None, *, dry_run: bool
    ) -> Proposal:
        """Make an empty disk and attach it; raise `Invalid`, `NotFound` or `Conflict`."""
        require(by, Deed.OPERATE_VM)
        checked_disk(size_bytes)

        def action(inventory: Inventory, vm: Vm, host: HostId) -> Action:
            target = _free_target(vm)
            disk = DiskWish(
                target=target,
                datastore=_place(inventory, vm, datastore),
                size_bytes=size_bytes,
                volume=f"{vm.name}-{uuid4().hex[:8]}-{target}.qcow2",
            )
            return AttachDisk(vm=vm.id, host=host, disk=disk)

        return self._one_step(by, key, action, dry_run=dry_run)

    def remove_disk(self, by: Principal, key: str, target: str, *, dry_run: bool) -> Proposal:
        """Detach a disk; its volume stays. Raises `NotFound` for a disk that is not there."""

        def action(inventory: Inventory, vm: Vm, host: HostId) -> Action:
            if target not in {disk.target for disk in vm.disks}:
                raise _missing(vm, f"disk {target[:40]!r}", [disk.target for disk in vm.disks])
            return DetachDisk(vm=vm.id, host=host, target=target)

        return self._one_step(by, key, action, dry_run=dry_run)

    def add_nic(
        self, by: Principal, key: str, network: str, mac: str | None, *, dry_run: bool
    ) -> Proposal:
        """Attach an adapter; raise `Invalid` for a bad MAC, `Conflict` for one in use."""
        require(by, Deed.OPERATE_VM)
        wanted = None if mac is None else checked_mac(mac)
        if wanted is not None:
            self._engine.servers.profiles.check_address(wanted)

        def action(inventory: Inventory, vm: Vm, host: HostId) -> Action:
            used = set(taken(inventory, self._underway.plans()).macs)
            if wanted in used:
                raise Conflict(f"the MAC {wanted} is in use", hint="leave it out to get a new one")
            nic = Nic(mac=wanted or new_mac(used), network=find.network(inventory, network).id)
            return AttachNic(vm=vm.id, host=host, nic=nic)

        return self._one_step(by, key, action, dry_run=dry_run)

    def remove_nic(self, by: Principal, key: str, mac: str, *, dry_run: bool) -> Proposal:
        """Detach an adapter; raise `NotFound` for one that is not there."""
        lower = mac.lower()

        def action(inventory: Inventory, vm: Vm, host: HostId) -> Action:
            if lower not in {nic.mac for nic in vm.nics}:
                raise _missing(vm, f"adapter {lower[:40]!r}", [nic.mac for nic in vm.nics])
            return DetachNic(vm=vm.id, host=host, mac=lower)

        return self._one_step(by, key, action, dry_run=dry_run)

    def _one_step(
        self,
        by: Principal,
        key: str,
        action: Callable[[Inventory, Vm, HostId], Action],
        *,
        dry_run: bool,
    ) -> Proposal:
        def plan(inventory: Inventory, _: Rulebook) -> DoAction:
            vm, host = placed(inventory, key)
            return DoAction(action=action(inventory, vm, host), who=by.name)

        return self._proposals.propose(by, Deed.OPERATE_VM, plan, dry_run=dry_run)


def _missing(vm: Vm, what: str, there: list[str]) -> NotFound:
    hint = f"it has {', '.join(there[:5])}" if there else "it has none"
    return NotFound(f"{vm.name} has no {what}", hint=hint)


def _free_target(vm: Vm) -> str:
    used = {disk.target for disk in vm.disks}
    for target in _TARGETS:
        if target not in used:
            return target
    raise Conflict(f"{vm.name} has {len(used)} disks", hint="no more than 26 are possible")


def _place(inventory: Inventory, vm: Vm, key: str | None) -> DatastoreId:
    if key is not None:
        return find.datastore(inventory, key).id
    for disk in vm.disks:
        if disk.datastore is not None:
            return disk.datastore
    raise Invalid(f"{vm.name} has no disk to put another one beside", hint="name a `datastore`")
