"""Who makes way for a VM that can start on one host only, where a rule keeps the two apart."""

from msgspec import Struct

from anypool.model import Host, HostId, Inventory, Level, Vm, VmState
from anypool.plan import HostOpen, MemoryFree, MigrateVm, Reason, VmIs, reason
from anypool.planner.place import Wanted, choose, pinned, refusal
from anypool.planner.rules import Rulebook


class Way(Struct, frozen=True):
    """A VM that runs and moves, from where to where, so that another one can start there."""

    vm: Vm
    action: MigrateVm
    why: Reason

    @property
    def valid_while(self) -> tuple[VmIs | HostOpen | MemoryFree, ...]:
        """Return what must still hold when it moves."""
        return (
            VmIs(vm=self.vm.id, host=self.action.source, states=frozenset({VmState.RUNNING})),
            HostOpen(host=self.action.target),
            MemoryFree(host=self.action.target, memory_mib=self.vm.memory_mib),
        )


def way(inventory: Inventory, vm: Vm, home: Host, rules: Rulebook) -> Way | None:
    """Return which one VM moves so that another can start on its host; None if that is not enough.

    Only one that may be moved without a person, runs there and nowhere else, and has a place.
    """
    if refusal(inventory, vm, home) is not None:
        return None
    for other in inventory.vms_on(home.id):
        if other.id == vm.id or not _moves(inventory, other, rules):
            continue
        if rules.needs(inventory, vm, frozenset({other.id})).refusal(home) is not None:
            continue
        place = choose(inventory, other, Wanted(rules=rules, avoid=frozenset({home.id})))
        if place.host is not None and place.why is not None:
            why = reason("ha.makes-way", vm=vm.name, how=place.why)
            return Way(other, _move(other, home.id, place.host), why)
    return None


def _move(vm: Vm, source: HostId, target: HostId) -> MigrateVm:
    return MigrateVm(vm=vm.id, source=source, target=target)


def _moves(inventory: Inventory, vm: Vm, rules: Rulebook) -> bool:
    """Return whether a VM may be moved without a person."""
    if vm.state is not VmState.RUNNING or vm.copies or vm.twins:
        return False
    if pinned(inventory, vm) is not None or rules.pinned(vm.id) is not None:
        return False
    return rules.automation(vm.id) in (None, Level.AUTOMATIC)
