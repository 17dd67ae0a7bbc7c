"""Bringing profiles to servers, and taking them away: proposals like all others."""

from functools import partial

from msgspec import Struct

from anypool.engine import Engine
from anypool.errors import Conflict, Invalid
from anypool.model import HostId, HostState, Inventory, Power, Profile, Server, ServerId, Stated
from anypool.planner.profiles.cover import Cover, coverage
from anypool.planner.profiles.moving import Virtual
from anypool.planner.profiles.wishes import AssignProfile, FailOver, UnassignProfile
from anypool.planner.rules import Rulebook
from anypool.service import borne, find
from anypool.service.access import Deed, Principal, may, require
from anypool.service.ha import LONGEST_WORDS
from anypool.service.proposals import Proposal, Proposals
from anypool.service.underway import Underway
from anypool.service.wishes import Taken, taken
from anypool.store import Store, ha


class Asked(Struct, frozen=True, kw_only=True):
    """Where a profile is to be, and how it leaves the server that has it now.

    `to` is a server or a slot, "" for the profile's own slot or the best spare. `dead` is why
    that server is dead, in the words of whoever asks, where nobody can see that it is off; ""
    where its BMC tells. With `force` its operating system is not asked to shut down.
    """

    to: str = ""
    dead: str = ""
    force: bool = False


class Bearing:
    """The use cases of profiles on servers."""

    def __init__(self, engine: Engine, store: Store, proposals: Proposals) -> None:
        self._engine = engine
        self._store = store
        self._proposals = proposals
        self._underway = Underway(store)

    def assign(self, by: Principal, key: str, asked: Asked, *, dry_run: bool) -> Proposal:
        """Bring a profile to a server.

        Raise `NotFound`, `NoPlan` with what servers are short of, `Conflict` where one is taken.
        """
        require(by, Deed.OPERATE_HOST)
        profile = find.profile(self._engine.inventory, key)
        stated = self._stated(by, profile, asked.dead, dry_run=dry_run)

        def plan(inventory: Inventory, _: Rulebook) -> AssignProfile:
            server = _target(inventory, profile, asked.to)
            return AssignProfile(
                profile=profile.id, server=server, stated=stated, force=asked.force
            )

        return self._proposals.propose(by, Deed.OPERATE_HOST, plan, dry_run=dry_run)

    def unassign(self, by: Principal, key: str, asked: Asked, *, dry_run: bool) -> Proposal:
        """Take a profile from its server, which is off then; raise `Conflict` if none has it."""
        require(by, Deed.OPERATE_HOST)
        profile = find.profile(self._engine.inventory, key)
        stated = self._stated(by, profile, asked.dead, dry_run=dry_run)

        def plan(inventory: Inventory, _: Rulebook) -> UnassignProfile:
            return UnassignProfile(profile=profile.id, stated=stated, force=asked.force)

        return self._proposals.propose(by, Deed.OPERATE_HOST, plan, dry_run=dry_run)

    def fail_over(self, by: Principal, key: str, asked: Asked, *, dry_run: bool) -> Proposal:
        """Bring the profile of a failed server to a spare, that in `asked.to` or the best.

        Where none fits it becomes a VM, if its service lets it be one. Raise `NotFound`,
        `Conflict` where it bears none, `NoPlan` with what is against each.
        """
        require(by, Deed.OPERATE_HOST)
        server = self._failed(key)
        profile = next(
            (one for one in self._engine.inventory.profiles.values() if one.machine == server), None
        )
        stated = None
        if profile is not None:
            stated = self._stated(by, profile, asked.dead, dry_run=dry_run)

        def plan(inventory: Inventory, _: Rulebook) -> FailOver:
            to = named(inventory, asked.to) if asked.to else None
            virtual = None
            if profile is not None and may(by, Deed.OPERATE_VM):
                virtual = self.virtual(profile, inventory)
            return FailOver(server=server, to=to, stated=stated, virtual=virtual)

        return self._proposals.propose(by, Deed.OPERATE_HOST, plan, dry_run=dry_run)

    def virtual(self, profile: Profile, inventory: Inventory) -> Virtual | None:
        """Return the VM that a profile may be where no spare fits, None if it may be none."""
        used = partial(self._used, inventory)
        return borne.instead(self._engine, profile, inventory, used)

    def _used(self, inventory: Inventory) -> Taken:
        return taken(inventory, self._underway.plans())

    def coverage(self, by: Principal, pool: str = "") -> tuple[Cover, ...]:
        """Return how far each server with a profile is covered by spares, of one pool or all."""
        require(by, Deed.READ)
        inventory = self._engine.inventory
        found = coverage(inventory, self._engine.policies.rulebook(inventory))
        return tuple(one for one in found if pool in ("", one.profile.pool))

    def _failed(self, key: str) -> ServerId:
        """Return the server that is meant, also one that is not known any more."""
        borne = {one.machine for one in self._engine.inventory.profiles.values() if one.machine}
        if key in borne:
            return ServerId(HostId(key))
        return find.server(self._engine.inventory, key).id

    def _stated(
        self, by: Principal, profile: Profile, words: str, *, dry_run: bool
    ) -> Stated | None:
        """Keep what somebody says of a dead server; raise `Conflict` while anything shows life."""
        words = " ".join(words.split())
        if not words:
            return None
        require(by, Deed.CONFIRM_DEATH)
        if len(words) > LONGEST_WORDS:
            raise Invalid("that is too long", hint=f"at most {LONGEST_WORDS} characters")
        if profile.server is None:
            raise Conflict(f"no server bears {profile.name}", hint="leave out that one is dead")
        if profile.vm is not None and profile.vm in self._engine.inventory.vms:
            hint = "leave out that it is dead: it is stopped and deleted"
            raise Conflict(f"a VM bears {profile.name}, and is known", hint=hint)
        self._check_silent(profile.server)
        at = self._engine.vitals.moments.now()
        if dry_run:
            return Stated(host=profile.server, at=at, by=by.name, words=words, audit=0)
        with self._store.writing() as tx:
            said = ha.state(tx, profile.server, at, words)
        self._engine.vitals.state(said)
        return said

    def _check_silent(self, key: ServerId) -> None:
        inventory = self._engine.inventory
        host, server = inventory.hosts.get(key), inventory.servers.get(key)
        name = key if server is None else server.name
        if host is not None and host.state is HostState.UP:
            raise Conflict(f"{name} answers", hint="evacuate it and switch it off")
        power = self._engine.vitals.read_power(key)
        if power is Power.ON:
            hint = "its BMC answers and says on: leave out that it is dead, it is switched off then"
            raise Conflict(f"{name} is on", hint=hint)


def _target(inventory: Inventory, profile: Profile, to: str) -> ServerId | None:
    """Return the server that is meant, None for the best spare."""
    if not to:
        there = in_slot(inventory, profile.slot)
        return None if there is None or there.id == profile.server else there.id
    chassis, slash, slot = to.partition("/")
    if not (chassis and slash and slot):
        return find.server(inventory, to).id
    found = in_slot(inventory, to)
    if found is None:
        hint = f"plan it for that slot: `anypool profile edit {profile.name} --slot {to}`"
        raise Conflict(f"no server stands in {to[:80]}", hint=hint)
    return found.id


def named(inventory: Inventory, to: str) -> ServerId:
    """Return the server of a name, or that in a slot."""
    chassis, slash, slot = to.partition("/")
    if not (chassis and slash and slot):
        return find.server(inventory, to).id
    found = in_slot(inventory, to)
    if found is None:
        hint = "`anypool server list` shows where servers stand"
        raise Conflict(f"no server stands in {to[:80]}", hint=hint)
    return found.id


def in_slot(inventory: Inventory, place: str) -> Server | None:
    """Return the server in a slot, `CHASSIS/SLOT`; None if none stands there."""
    if not place:
        return None
    some = (one for one in inventory.servers.values() if one.place == place)
    return min(some, key=lambda one: one.id, default=None)
