"""Hosts: list them, empty them, open them again, say what is kept from VMs."""

from anypool.engine import Engine
from anypool.errors import Conflict, Invalid
from anypool.model import Host, Inventory
from anypool.model.units import format_mib
from anypool.plan import LeaveMaintenance
from anypool.planner.rules import Rulebook
from anypool.planner.wishes import DoAction, EvacuateHost
from anypool.search import Noun
from anypool.service import find
from anypool.service.access import Deed, Principal, require
from anypool.service.facts import Facts
from anypool.service.listing import Lists
from anypool.service.names import checked_tags
from anypool.service.pages import Ask, Listed
from anypool.service.proposals import Proposal, Proposals


class Hosts:
    """The use cases of a host."""

    def __init__(self, engine: Engine, lists: Lists, proposals: Proposals, facts: Facts) -> None:
        self._lists = lists
        self._engine = engine
        self._proposals = proposals
        self._facts = facts

    def list(self, by: Principal, ask: Ask) -> Listed[Host]:
        """Return a page of the hosts that match; raise `Invalid` for a bad query."""
        require(by, Deed.READ)
        return self._lists.page(Noun.HOST, ask)

    def get(self, by: Principal, key: str) -> Host:
        """Return one host by id or name; raise `NotFound` or `Conflict`."""
        require(by, Deed.READ)
        return find.host(self._engine.inventory, key)

    def change(
        self,
        by: Principal,
        key: str,
        *,
        tags: tuple[str, ...] | None,
        reserved_mib: int | None,
        expected: str | None = None,
    ) -> Host:
        """Replace the tags or the memory kept from VMs; None leaves a thing as it is."""
        require(by, Deed.OPERATE_HOST)
        checked = None if tags is None else checked_tags(tags)
        if reserved_mib is not None and reserved_mib < 0:
            raise Invalid("reserved memory cannot be negative", hint="use 0 for none")
        host = find.host(self._engine.inventory, key)
        if reserved_mib is not None and reserved_mib > host.reserved_mib:
            _check_reserve(self._engine.inventory, host, reserved_mib)
        return self._facts.change_host(
            by, key, tags=checked, reserved_mib=reserved_mib, expected=expected
        )

    def evacuate(self, by: Principal, key: str, *, dry_run: bool, waive: bool = False) -> Proposal:
        """Move all running VMs away and close the host; raise `NoPlan` if they fit nowhere."""

        def plan(inventory: Inventory, _: Rulebook) -> EvacuateHost:
            return EvacuateHost(host=find.host(inventory, key).id)

        return self._proposals.propose(by, Deed.OPERATE_HOST, plan, dry_run=dry_run, waive=waive)

    def leave_maintenance(self, by: Principal, key: str, *, dry_run: bool) -> Proposal:
        """Open a host again; raise `Conflict` if it is not in maintenance."""

        def plan(inventory: Inventory, _: Rulebook) -> DoAction:
            host = find.host(inventory, key)
            if not host.maintenance:
                raise Conflict(f"{host.name} is not in maintenance")
            return DoAction(action=LeaveMaintenance(host=host.id), who=by.name)

        return self._proposals.propose(by, Deed.OPERATE_HOST, plan, dry_run=dry_run)


def _check_reserve(inventory: Inventory, host: Host, reserved_mib: int) -> None:
    """Raise `Invalid` for more than a host has, `Conflict` for more than its VMs leave."""
    if reserved_mib > host.memory_mib:
        hint = f"{host.name} has {format_mib(host.memory_mib)} in all"
        raise Invalid(f"{host.name} cannot keep {format_mib(reserved_mib)} from VMs", hint=hint)
    most_mib = inventory.memory_free_mib(host.id) + host.reserved_mib
    if reserved_mib > most_mib:
        raise Conflict(
            f"the VMs on {host.name} leave {format_mib(max(0, most_mib))} of its memory",
            hint="reserve at most that, or move or stop VMs first",
        )
