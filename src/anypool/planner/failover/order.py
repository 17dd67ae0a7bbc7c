"""In which order VMs restart: by priority, then those that others of their service wait for."""

from collections.abc import Iterable
from typing import NamedTuple

from anypool.model import Inventory, Priority, Probe, Ready, ReadyKind, Service, Vm, VmId
from anypool.model.service import found, vms_in
from anypool.planner.rules import NO_RULES, Rulebook

LEVELS = tuple(Priority)
NEVER = LEVELS.index(Priority.DISABLED)
_DEFAULT = LEVELS.index(Priority.MEDIUM)
_PROBE_MS = 1000
"""What an answer of a probe is reckoned with where nothing else is known."""


class Needed(NamedTuple):
    """A component that a VM waits for, as `service/component`, and the VMs of it."""

    component: str
    vms: frozenset[VmId]


class Order:
    """Priorities and dependencies of all VMs; a VM that another waits for inherits its priority."""

    def __init__(
        self,
        inventory: Inventory,
        rules: Rulebook = NO_RULES,
        services: Iterable[Service] = (),
    ) -> None:
        self._needs: dict[VmId, tuple[Needed, ...]] = {}
        self._ready: dict[VmId, tuple[Ready, Probe]] = {}
        self._depth: dict[VmId, int] = {}
        for service in services:
            self._take(service, inventory)
        named = rules.prioritised()
        members = {vm for needs in self._needs.values() for one in needs for vm in one.vms}
        concerned = sorted(named | members | self._needs.keys())
        self._level = {vm: LEVELS.index(rules.priority(vm)) for vm in concerned}
        self._settle()

    def level(self, vm: VmId) -> int:
        """Return the place of a VM's priority in `LEVELS`, with what it inherits."""
        return self._level.get(vm, _DEFAULT)

    def key(self, vm: Vm) -> tuple[int, int, int, str]:
        """Return by what VMs are sorted: priority, dependencies, then the largest first.

        Those that never restart go before all, so that the others know what they lack.
        """
        level = self.level(vm.id)
        return -1 if level == NEVER else level, self._depth.get(vm.id, 0), -vm.memory_mib, vm.id

    def needs(self, vm: VmId) -> tuple[Needed, ...]:
        """Return the components that must be ready before a VM starts."""
        return self._needs.get(vm, ())

    def ready(self, vm: VmId) -> tuple[Ready, Probe] | None:
        """Return when a VM counts as ready, None for one that does as soon as it runs."""
        return self._ready.get(vm)

    def wait_ms(self, vm: VmId) -> int:
        """Return how long a VM is reckoned to take from running to being ready."""
        ready = self._ready.get(vm)
        if ready is None or ready[0].when is ReadyKind.RUNNING:
            return 0
        return max(_PROBE_MS, round(1000 * ready[0].delay_s))

    def partners(self, vm: VmId) -> frozenset[VmId]:
        """Return the VMs that wait for one."""
        return frozenset(
            other for other, needs in self._needs.items() if any(vm in one.vms for one in needs)
        )

    def _take(self, service: Service, inventory: Inventory) -> None:
        named = {one.name: vms_in(service, one, inventory) for one in service.components}
        vms = found(frozenset(name for names in named.values() for name in names), inventory)
        members = {
            one.name: frozenset(vms[name].id for name in named[one.name] if name in vms)
            for one in service.components
            if not one.profile or named[one.name]  # what a server bears is not ours to start
        }
        for one in service.components:
            needed = tuple(
                Needed(f"{service.id}/{name}", members[name])
                for name in one.after
                if name in members
            )
            for vm in members.get(one.name, ()):
                self._ready[vm] = (one.ready, one.probe)
                if needed:
                    self._needs[vm] = (*self._needs.get(vm, ()), *needed)

    def _settle(self) -> None:
        """Work priorities and depths out; services that wait for each other end after a while."""
        for _ in range(len(self._needs) + 1):
            changed = False
            for vm, needs in self._needs.items():
                before = [other for one in needs for other in one.vms]
                deepest = 1 + max((self._depth.get(other, 0) for other in before), default=-1)
                if deepest > self._depth.get(vm, 0) and deepest <= len(self._needs):
                    self._depth[vm], changed = deepest, True
                changed |= self._pass_on(vm, before)
            if not changed:
                return

    def _pass_on(self, vm: VmId, before: list[VmId]) -> bool:
        level, changed = self.level(vm), False
        for other in before if level != NEVER else ():
            if level < self.level(other) != NEVER:
                self._level[other], changed = level, True
        return changed
