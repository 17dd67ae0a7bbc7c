"""Servers become hosts by profiles that boot hypervisors, and leave: proposals like all others."""

from msgspec.structs import replace

from anypool.engine import Engine
from anypool.errors import Conflict
from anypool.model import Inventory, Profile
from anypool.planner.profiles.hosting import joined, uri_of
from anypool.planner.profiles.wishes import MakeHost, RetireHost
from anypool.planner.rules import Rulebook
from anypool.service import find
from anypool.service.access import Deed, Principal, require
from anypool.service.proposals import Proposal, Proposals
from anypool.service.underway import Underway
from anypool.service.wishes import NewVm, taken, wishes


class Hosting:
    """The use cases of hosts that are booted by profiles."""

    def __init__(self, engine: Engine, proposals: Proposals, underway: Underway) -> None:
        self._engine = engine
        self._proposals = proposals
        self._underway = underway

    def make(
        self, by: Principal, key: str, profile: str, vm: NewVm | None = None, *, dry_run: bool
    ) -> Proposal:
        """Make a server a host by a profile, "" for the best spare, and a VM there.

        Raise `NotFound`, `NoPlan` with what is against each server, `Conflict` where one is
        taken. A VM is placed by what the other hosts of the pool have.
        """
        require(by, Deed.MANAGE_ENDPOINTS)
        if vm is not None:
            require(by, Deed.OPERATE_VM)
        known = find.profile(self._engine.inventory, profile)
        self._check_free(known)
        server = find.server(self._engine.inventory, key).id if key else None

        def plan(inventory: Inventory, _: Rulebook) -> MakeHost:
            asked = MakeHost(profile=known.id, server=server)
            if vm is None:
                return asked
            world = joined(inventory, known.id, server)
            host = next(one for one in world.hosts if one not in inventory.hosts)
            used = taken(inventory, self._underway.plans())
            made = wishes(replace(vm, host=str(host)), world, used)
            return replace(asked, wishes=made)

        return self._proposals.propose(by, Deed.OPERATE_HOST, plan, dry_run=dry_run)

    def retire(self, by: Principal, key: str, *, dry_run: bool, waive: bool = False) -> Proposal:
        """Empty a host that is one by a profile, take it out of the pool, switch it off.

        Raise `NotFound`, `NoPlan` with what cannot leave, `Conflict`.
        """
        require(by, Deed.MANAGE_ENDPOINTS)
        server = find.server(self._engine.inventory, key).id
        return self._proposals.propose(
            by,
            Deed.OPERATE_HOST,
            lambda _inventory, _rules: RetireHost(server=server),
            dry_run=dry_run,
            waive=waive,
        )

    def _check_free(self, profile: Profile) -> None:
        """Raise `Conflict` where another endpoint has the name or the address already."""
        for one in self._engine.endpoints():
            if one.id == profile.name or one.uri == uri_of(profile):
                hint = f"`anypool endpoint list` shows it; give {profile.name} another name or --ip"
                raise Conflict(f"the endpoint {one.id} is at {one.uri} already", hint=hint)
