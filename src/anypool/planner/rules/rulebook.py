"""All bound rules of one inventory, found by VM and by host."""

from collections.abc import Iterable

from anypool.model import (
    OF_HOSTS,
    Automation,
    Bound,
    Inventory,
    Level,
    Pinned,
    Policy,
    Priority,
    Protected,
    Restart,
    Strength,
    Vm,
    VmId,
)
from anypool.plan import Reason, reason
from anypool.planner.rules.bind import bind, joined_by, naming
from anypool.planner.rules.needs import Needs, Scene
from anypool.planner.rules.rebind import rebound

_NOBODY: frozenset[VmId] = frozenset()


class Rulebook:
    """Rules that planners ask; immutable, and as old as the inventory it was bound to."""

    def __init__(self, bounds: Iterable[Bound] = (), policies: tuple[Policy, ...] = ()) -> None:
        self.bounds = tuple(bounds)
        self.policies = policies
        self._of_vm: dict[VmId, list[Bound]] = {}
        self._of_hosts = [bound for bound in self.bounds if isinstance(bound.rule, OF_HOSTS)]
        for bound in self.bounds:
            for vm in bound.vms:
                self._of_vm.setdefault(vm, []).append(bound)

    @staticmethod
    def on(policies: tuple[Policy, ...], inventory: Inventory) -> "Rulebook":
        """Return the enabled policies as they bind an inventory."""
        return Rulebook(bind(policies, inventory), policies)

    def bound_to(self, inventory: Inventory) -> "Rulebook":
        """Return the same policies as they bind another inventory."""
        return Rulebook.on(self.policies, inventory) if self.policies else self

    def joined_by(self, vms: tuple[Vm, ...], world: Inventory) -> "Rulebook":
        """Return the same policies as they bind `world`: this inventory, and new VMs on no host."""
        if not self.policies:
            return self
        return Rulebook(joined_by(self.bounds, self.policies, world, vms), self.policies)

    def moved_to(self, inventory: Inventory, old: Inventory) -> "Rulebook":
        """Return the same policies as they bind another inventory; these bind `old`.

        It costs what differs between the two.
        """
        if not self.policies or inventory is old:
            return self
        bounds = rebound(self.bounds, self.policies, inventory, old)
        same = all(new is bound for new, bound in zip(bounds, self.bounds, strict=True))
        return self if same else Rulebook(bounds, self.policies)

    def of(self, vm: VmId) -> tuple[Bound, ...]:
        """Return the rules that name a VM."""
        return tuple(self._of_vm.get(vm, ()))

    def needs(self, inventory: Inventory, vm: Vm, leaving: frozenset[VmId] = _NOBODY) -> Needs:
        """Return what the rules ask of a host for a VM, with everything that runs counted once.

        `leaving` are VMs that will follow it, whose present place binds nobody.
        """
        return Needs(Scene(inventory, vm, leaving), self.binding(vm.id))

    def needs_of_new(self, inventory: Inventory, vm: Vm) -> Needs:
        """Return what `needs` does for a VM that is only wished for, which these do not name yet.

        `inventory` is the one that these bind.
        """
        named = naming(self.bounds, self.policies, inventory, vm)
        return Needs(Scene(inventory, vm, _NOBODY), (*named, *self._of_hosts))

    def binding(self, vm: VmId) -> tuple[Bound, ...]:
        """Return the rules that name a VM, and those of the hosts it may come to."""
        return (*self._of_vm.get(vm, ()), *self._of_hosts)

    def pinned(self, vm: VmId) -> Reason | None:
        """Return the rule that keeps a VM where it is, None if there is none."""
        return self._named(vm, Pinned, "rule.pinned")

    def protected(self, vm: VmId) -> Reason | None:
        """Return the rule that keeps a VM from being stopped or deleted, None if there is none."""
        return self._named(vm, Protected, "rule.protected")

    def automation(self, vm: VmId) -> Level | None:
        """Return the level that is set for a VM itself; the lowest if several are."""
        levels = [b.rule.level for b in self.of(vm) if isinstance(b.rule, Automation)]
        return min(levels, key=list(Level).index, default=None)

    def left_alone(self, vms: Iterable[VmId]) -> frozenset[VmId]:
        """Return which of these VMs automation must not touch at all."""
        return frozenset(vm for vm in vms if self.automation(vm) is Level.DISABLED)

    def priority(self, vm: VmId) -> Priority:
        """Return when a VM restarts after a failure."""
        found = [b.rule.priority for b in self.of(vm) if isinstance(b.rule, Restart)]
        if Priority.DISABLED in found:
            return Priority.DISABLED
        return min(found, key=list(Priority).index, default=Priority.MEDIUM)

    def prioritised(self) -> frozenset[VmId]:
        """Return the VMs for which a rule names a priority."""
        some = (bound.vms for bound in self.bounds if isinstance(bound.rule, Restart))
        return _NOBODY.union(*some)

    def preferences(self, vm: VmId) -> bool:
        """Return whether some rule of a VM is a preference."""
        return any(bound.strength is Strength.SHOULD for bound in self.of(vm))

    def _named(self, vm: VmId, kind: type, code: str) -> Reason | None:
        for bound in self.of(vm):
            if isinstance(bound.rule, kind):
                return reason(code, policy=bound.policy)
        return None


NO_RULES = Rulebook()
