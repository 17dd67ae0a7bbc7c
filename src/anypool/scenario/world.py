"""What a scenario is played in: the pool, its policies, its services."""

from collections.abc import Mapping

from msgspec import Struct

from anypool.model import Curve, Inventory, Policy, Service, Usage, Vm, VmId
from anypool.planner.rules import Rulebook


class World(Struct, frozen=True, kw_only=True):
    """A pool with what is set about it; `about` says in a line what the scenario shows.

    `usages` are what was measured of VMs, `curves` how busy they are over the week; those of
    others are unknown. `asleep` are the VMs of hosts that do not answer, as they were when
    last seen.
    """

    inventory: Inventory = Inventory()
    policies: tuple[Policy, ...] = ()
    services: tuple[Service, ...] = ()
    about: str = ""
    asleep: tuple[Vm, ...] = ()
    usages: dict[VmId, Usage] = {}
    curves: Mapping[VmId, Curve] = {}

    def rules(self) -> Rulebook:
        """Return the enabled policies as they bind the pool now."""
        return Rulebook.on(self.policies, self.inventory)

    def members(self, service: Service) -> dict[str, tuple[Vm, ...]]:
        """Return the VMs that each component of a service has now."""
        by_name = {vm.name: vm for vm in self.inventory.vms.values()}
        found: dict[str, tuple[Vm, ...]] = {}
        for component in service.components:
            names = service.members(component)
            known = (by_name.get(name) or self.inventory.vms.get(VmId(name)) for name in names)
            found[component.name] = tuple(vm for vm in known if vm is not None)
        return found
