"""Moving a component of a service between servers and VMs: a proposal like all others."""

from msgspec import Struct
from msgspec.structs import replace

from anypool.engine import Engine
from anypool.errors import Conflict, NotFound
from anypool.model import Bearer, Component, Inventory, Service
from anypool.planner.profiles.leaving import Leaving
from anypool.planner.profiles.wishes import MoveProfile
from anypool.planner.rules import Rulebook
from anypool.service import borne
from anypool.service.access import Deed, Principal, require
from anypool.service.bearing import named
from anypool.service.proposals import Proposal, Proposals
from anypool.service.underway import Underway
from anypool.service.wishes import taken

SERVER, VM = "server", "vm"


class MoveAsked(Struct, frozen=True, kw_only=True):
    """Where a component is to be, and how it leaves where it is.

    `to` is `server` (the best spare), `vm` (the best host), the name of a server, a slot, or the
    name of a host: there it is a VM. With `force` no operating system is asked to shut down.
    """

    to: str
    force: bool = False


class Moving:
    """The use case of a component that a server or a VM may be."""

    def __init__(self, engine: Engine, proposals: Proposals, underway: Underway) -> None:
        self._engine = engine
        self._proposals = proposals
        self._underway = underway

    def move(
        self, by: Principal, key: tuple[str, str], asked: MoveAsked, *, dry_run: bool
    ) -> Proposal:
        """Move a component, by the names of its service and its own, with its addresses.

        Raise `NotFound`, `NoPlan` with what is against each place, `Conflict` where it is there
        already, may not be there, or has no profile.
        """
        require(by, Deed.OPERATE_HOST)
        require(by, Deed.OPERATE_VM)
        component = _component(self._engine.services.get(key[0]), key[1])

        def plan(inventory: Inventory, _: Rulebook) -> MoveProfile:
            return self._wish(component, asked, inventory)

        return self._proposals.propose(by, Deed.OPERATE_HOST, plan, dry_run=dry_run)

    def _wish(self, component: Component, asked: MoveAsked, inventory: Inventory) -> MoveProfile:
        mine = borne.profile(component, inventory)
        wish = MoveProfile(
            profile=mine.id,
            leaving=Leaving(force=asked.force),
            seen=borne.seen(component, mine),
            home=borne.home(mine, inventory),
        )
        host = next((one for one in inventory.hosts.values() if one.name == asked.to), None)
        if asked.to != VM and host is None:
            _check(component, Bearer.SERVER)
            if asked.to == SERVER and mine.machine is not None:
                raise Conflict(f"a server bears {mine.name} already", hint="name another one")
            return replace(wish, server=None if asked.to == SERVER else named(inventory, asked.to))
        _check(component, Bearer.VM)
        if mine.vm is not None:
            hint = "`anypool vm migrate` brings it to another host while it runs"
            raise Conflict(f"a VM bears {mine.name} already", hint=hint)
        used = taken(inventory, self._underway.plans())
        virtual = borne.virtual_of(component, self._engine, inventory, used)
        return replace(wish, virtual=replace(virtual, host=None if host is None else host.id))


def _component(service: Service, name: str) -> Component:
    for component in service.components:
        if component.name == name:
            if component.profile:
                return component
            hint = "declare `profile:` for it: what moves is an identity with a central disk"
            raise Conflict(f"{service.id}/{name} is VMs with disks of their own", hint=hint)
    there = ", ".join(one.name for one in service.components)
    raise NotFound(f"{service.id} has no component {name[:80]!r}", hint=f"there are: {there}")


def _check(component: Component, bearer: Bearer) -> None:
    if component.bearer not in (bearer, Bearer.EITHER):
        hint = f"declare `bearer: {Bearer.EITHER}` for it"
        raise Conflict(f"{component.name} is to be a {component.bearer} only", hint=hint)
