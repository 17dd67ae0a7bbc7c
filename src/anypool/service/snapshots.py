"""Snapshots of a VM: take, return to, forget."""

from collections.abc import Callable

from anypool.errors import Conflict, NotFound
from anypool.model import HostId, Inventory, Vm
from anypool.plan import Action, CreateSnapshot, DeleteSnapshot, RevertSnapshot
from anypool.planner.rules import Rulebook
from anypool.planner.wishes import DoAction
from anypool.service.access import Deed, Principal
from anypool.service.names import checked_name
from anypool.service.proposals import Proposal, Proposals
from anypool.service.vms import placed


class Snapshots:
    """The use cases of snapshots, each a plan of one step."""

    def __init__(self, proposals: Proposals) -> None:
        self._proposals = proposals

    def create(self, by: Principal, key: str, name: str, *, dry_run: bool) -> Proposal:
        """Take a snapshot; raise `Invalid`, or `Conflict` for a name in use."""
        checked_name(name, "a snapshot")

        def action(vm: Vm, host: HostId) -> Action:
            if name in {snapshot.name for snapshot in vm.snapshots}:
                hint = "choose another name"
                raise Conflict(f"{vm.name} has a snapshot {name} already", hint=hint)
            return CreateSnapshot(vm=vm.id, host=host, name=name)

        return self._one_step(by, key, action, dry_run=dry_run)

    def revert(self, by: Principal, key: str, name: str, *, dry_run: bool) -> Proposal:
        """Return the VM to a snapshot; raise `NotFound`."""

        def action(vm: Vm, host: HostId) -> Action:
            return RevertSnapshot(vm=vm.id, host=host, name=_known(vm, name))

        return self._one_step(by, key, action, dry_run=dry_run)

    def delete(self, by: Principal, key: str, name: str, *, dry_run: bool) -> Proposal:
        """Forget a snapshot; raise `NotFound`."""

        def action(vm: Vm, host: HostId) -> Action:
            return DeleteSnapshot(vm=vm.id, host=host, name=_known(vm, name))

        return self._one_step(by, key, action, dry_run=dry_run)

    def _one_step(
        self,
        by: Principal,
        key: str,
        action: Callable[[Vm, HostId], Action],
        *,
        dry_run: bool,
    ) -> Proposal:
        def plan(inventory: Inventory, _: Rulebook) -> DoAction:
            vm, host = placed(inventory, key)
            return DoAction(action=action(vm, host), who=by.name)

        return self._proposals.propose(by, Deed.OPERATE_VM, plan, dry_run=dry_run)


def _known(vm: Vm, name: str) -> str:
    if name not in {snapshot.name for snapshot in vm.snapshots}:
        there = ", ".join(snapshot.name for snapshot in vm.snapshots[:5])
        hint = f"it has {there}" if there else "it has none"
        raise NotFound(f"{vm.name} has no snapshot {name[:80]!r}", hint=hint)
    return name
