"""VMs: list, make, run, move and change them."""

from collections.abc import Callable
from enum import StrEnum

from anypool.engine import Engine
from anypool.errors import Conflict, Invalid
from anypool.model import HostId, Inventory, Resources, Vm, VmChange
from anypool.plan import (
    Action,
    DeleteVm,
    MoveDisks,
    PauseVm,
    ReconfigureVm,
    RenameVm,
    RestartHow,
    RestartVm,
    ResumeVm,
    StopHow,
    StopVm,
)
from anypool.planner.rules import Rulebook
from anypool.planner.wishes import CreateVms, DoAction, MigrateOne, StartOne
from anypool.search import Noun
from anypool.service import find
from anypool.service.access import Deed, Principal, require
from anypool.service.cloning import NewClone, clone_of
from anypool.service.facts import Facts
from anypool.service.listing import Lists
from anypool.service.names import checked_name, checked_tags
from anypool.service.pages import Ask, Listed
from anypool.service.proposals import Proposal, Proposals
from anypool.service.redeeming import on_its_host, redeemed
from anypool.service.underway import Underway
from anypool.service.wishes import NewVm, checked_memory, checked_vcpus, taken, wishes


class Power(StrEnum):
    """What can be asked of a VM that is there."""

    SHUT_DOWN = "shut-down"
    POWER_OFF = "power-off"
    REBOOT = "reboot"
    RESET = "reset"
    PAUSE = "pause"
    RESUME = "resume"


class Vms:
    """Every use case of a VM but its devices, snapshots and consoles."""

    def __init__(
        self, engine: Engine, lists: Lists, proposals: Proposals, facts: Facts, underway: Underway
    ) -> None:
        self._lists = lists
        self._engine = engine
        self._proposals = proposals
        self._facts = facts
        self._underway = underway

    def list(self, by: Principal, ask: Ask) -> Listed[Vm]:
        """Return a page of the VMs that match; raise `Invalid` for a bad query."""
        require(by, Deed.READ)
        return self._lists.page(Noun.VM, ask)

    def get(self, by: Principal, key: str) -> Vm:
        """Return one VM by id or name; raise `NotFound` or `Conflict`."""
        require(by, Deed.READ)
        return find.vm(self._engine.inventory, key)

    def tag(
        self, by: Principal, key: str, tags: tuple[str, ...], *, expected: str | None = None
    ) -> Vm:
        """Replace the tags of a VM; raise `Stale` if it is not at the version `expected`."""
        require(by, Deed.OPERATE_VM)
        return self._facts.tag_vm(by, key, checked_tags(tags), expected)

    def create(
        self, by: Principal, asked: NewVm, *, dry_run: bool, waive: bool = False
    ) -> Proposal:
        """Make VMs from an image; raise `Invalid`, `NotFound`, `Conflict` or `NoPlan`.

        Room that was kept for them becomes theirs when the plan begins to run.
        """

        def plan(inventory: Inventory, _: Rulebook) -> CreateVms:
            used = taken(inventory, self._underway.plans())
            if asked.booking is None:
                host = _host_id(inventory, asked.host)
                made = wishes(asked, inventory, used)
                return CreateVms(wishes=made, host=host, start=asked.start)
            booking = self._engine.bookings.find(asked.booking)
            made = wishes(on_its_host(asked, booking, inventory), inventory, used)
            return CreateVms(wishes=made, host=booking.host, redeems=(redeemed(booking, made),))

        return self._proposals.propose(by, Deed.OPERATE_VM, plan, dry_run=dry_run, waive=waive)

    def clone(
        self, by: Principal, key: str, asked: NewClone, *, dry_run: bool, waive: bool = False
    ) -> Proposal:
        """Make a VM like another or like a template; raise as `create`, and `NotSupported`."""

        def plan(inventory: Inventory, _: Rulebook) -> CreateVms:
            used = taken(inventory, self._underway.plans())
            wish = clone_of(find.vm(inventory, key), asked, inventory, used)
            host = _host_id(inventory, asked.host)
            return CreateVms(wishes=(wish,), host=host, start=asked.start)

        return self._proposals.propose(by, Deed.OPERATE_VM, plan, dry_run=dry_run, waive=waive)

    def start(self, by: Principal, key: str, *, dry_run: bool, waive: bool = False) -> Proposal:
        """Start a stopped VM; raise `Conflict`, or `NoPlan` without memory for it."""

        def plan(inventory: Inventory, _: Rulebook) -> StartOne:
            return StartOne(vm=find.vm(inventory, key).id)

        return self._proposals.propose(by, Deed.OPERATE_VM, plan, dry_run=dry_run, waive=waive)

    def migrate(
        self, by: Principal, key: str, target: str | None, *, dry_run: bool, waive: bool = False
    ) -> Proposal:
        """Migrate a running VM to the named host, or the best; raise `Conflict` or `NoPlan`."""

        def plan(inventory: Inventory, _: Rulebook) -> MigrateOne:
            vm = find.vm(inventory, key)
            return MigrateOne(vm=vm.id, target=_host_id(inventory, target))

        return self._proposals.propose(by, Deed.OPERATE_VM, plan, dry_run=dry_run, waive=waive)

    def move_disks(
        self, by: Principal, key: str, datastore: str, *, dry_run: bool, waive: bool = False
    ) -> Proposal:
        """Move the disks of a VM to another datastore of its host; raise `Conflict`."""

        def action(vm: Vm, host: HostId) -> Action:
            to = find.datastore(self._engine.inventory, datastore).id
            return MoveDisks(vm=vm.id, host=host, datastore=to)

        return self._one_step(by, key, action, dry_run=dry_run, waive=waive)

    def power(self, by: Principal, key: str, power: Power, *, dry_run: bool) -> Proposal:
        """Stop, restart, pause or resume a VM; raise `Conflict` if its state forbids it."""

        def action(vm: Vm, host: HostId) -> Action:
            match power:
                case Power.SHUT_DOWN | Power.POWER_OFF:
                    return StopVm(vm=vm.id, host=host, how=StopHow(power))
                case Power.REBOOT | Power.RESET:
                    return RestartVm(vm=vm.id, host=host, how=RestartHow(power))
                case Power.PAUSE:
                    return PauseVm(vm=vm.id, host=host)
                case Power.RESUME:
                    return ResumeVm(vm=vm.id, host=host)

        return self._one_step(by, key, action, dry_run=dry_run)

    def delete(self, by: Principal, key: str, *, volumes: bool, dry_run: bool) -> Proposal:
        """Forget a stopped VM, and with `volumes` its volumes; raise `Conflict`."""

        def action(vm: Vm, host: HostId) -> Action:
            return DeleteVm(vm=vm.id, host=host, volumes=volumes)

        return self._one_step(by, key, action, dry_run=dry_run)

    def rename(self, by: Principal, key: str, name: str, *, dry_run: bool) -> Proposal:
        """Rename a stopped VM; raise `Invalid`, or `Conflict` for a name in use."""
        require(by, Deed.OPERATE_VM)
        checked_name(name, "a VM")

        def action(vm: Vm, host: HostId) -> Action:
            used = taken(self._engine.inventory, self._underway.plans())
            if name in used.names:
                raise Conflict(f"there is a VM called {name} already", hint="choose another name")
            return RenameVm(vm=vm.id, host=host, name=name)

        return self._one_step(by, key, action, dry_run=dry_run)

    def reconfigure(
        self, by: Principal, key: str, change: VmChange, *, dry_run: bool, waive: bool = False
    ) -> Proposal:
        """Change CPUs, memory, shares or limits; raise `Invalid` or `Conflict`."""
        require(by, Deed.OPERATE_VM)
        _check_change(change)

        def action(vm: Vm, host: HostId) -> Action:
            return ReconfigureVm(vm=vm.id, host=host, change=change)

        return self._one_step(by, key, action, dry_run=dry_run, waive=waive)

    def _one_step(
        self,
        by: Principal,
        key: str,
        action: Callable[[Vm, HostId], Action],
        *,
        dry_run: bool,
        waive: bool = False,
    ) -> Proposal:
        def plan(inventory: Inventory, _: Rulebook) -> DoAction:
            vm, host = placed(inventory, key)
            return DoAction(action=action(vm, host), who=by.name)

        return self._proposals.propose(by, Deed.OPERATE_VM, plan, dry_run=dry_run, waive=waive)


def placed(inventory: Inventory, key: str) -> tuple[Vm, HostId]:
    """Return a VM and the host it is on; raise `Conflict` if it is nowhere."""
    vm = find.vm(inventory, key)
    if vm.host is None:
        raise Conflict(f"{vm.name} is on no host", hint="look at its host and endpoint first")
    return vm, vm.host


def _host_id(inventory: Inventory, key: str | None) -> HostId | None:
    return None if key is None else find.host(inventory, key).id


def _check_change(change: VmChange) -> None:
    if change.vcpus is None and change.memory_mib is None and change.resources is None:
        raise Invalid("nothing to change", hint="name vcpus, memory or resources")
    if change.vcpus is not None:
        checked_vcpus(change.vcpus)
    if change.memory_mib is not None:
        checked_memory(change.memory_mib)
    if change.resources is not None:
        _check_resources(change.resources)


_RANGES = {
    "cpu_shares": (2, 262_144),
    "cpu_limit_percent": (1, 102_400),
    "io_weight": (1, 1000),
    "memory_limit_mib": (16, 16 << 20),
    "memory_reserved_mib": (1, 16 << 20),
}


def _check_resources(resources: Resources) -> None:
    for name, (least, most) in _RANGES.items():
        value: int = getattr(resources, name)
        if value and not least <= value <= most:
            raise Invalid(f"{name} is {value}", hint=f"use 0 for the default, or {least} to {most}")
