"""VMs that several hosts know: which copies there are, and forgetting one."""

from msgspec import Struct

from anypool.engine import Engine
from anypool.model import Inventory, Vm
from anypool.plan.copies import Known, copies_of
from anypool.planner.rules import Rulebook
from anypool.planner.wishes import RemoveOneCopy
from anypool.service import find
from anypool.service.access import Deed, Principal, require
from anypool.service.proposals import Proposal, Proposals


class CopiesOf(Struct, frozen=True, kw_only=True):
    """One VM with all its copies, the one that counts first."""

    vm: Vm
    copies: tuple[Known, ...]


class Copies:
    """The use cases of copies of VMs."""

    def __init__(self, engine: Engine, proposals: Proposals) -> None:
        self._engine = engine
        self._proposals = proposals

    def list(self, by: Principal, key: str | None = None) -> tuple[CopiesOf, ...]:
        """Return VMs that more than one host knows, by name; or the named one, however many do.

        Raise `NotFound`, or `Conflict` for a name that several VMs have.
        """
        require(by, Deed.READ)
        inventory = self._engine.inventory
        if key is not None:
            vms = [find.vm(inventory, key)]
        else:
            vms = [vm for vm in inventory.vms.values() if vm.copies]
        vms.sort(key=lambda vm: (vm.name, vm.id))
        return tuple(CopiesOf(vm=vm, copies=copies_of(vm, inventory)) for vm in vms)

    def remove(self, by: Principal, key: str, host: str, *, dry_run: bool) -> Proposal:
        """Forget the stopped copy of a VM on a host; its volumes stay.

        Raise `NotFound`, or `Conflict` for one that lives, is the only one, or is not heard.
        """

        def plan(inventory: Inventory, _: Rulebook) -> RemoveOneCopy:
            vm, there = find.vm(inventory, key), find.host(inventory, host)
            return RemoveOneCopy(vm=vm.id, host=there.id, who=by.name)

        return self._proposals.propose(by, Deed.OPERATE_VM, plan, dry_run=dry_run)
