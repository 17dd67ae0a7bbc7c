"""Replacing a server: new hardware in the same slot, behind the same address of its BMC.

What was ours of the old one is the new one's: its name, that it is a spare, its tags, its place.
A profile that the old one bore comes to the new one, with the word of whoever asks that the old
one is out of its slot. So nothing changes in LAN or SAN.
"""

from msgspec import Struct
from msgspec.structs import replace

from anypool.engine import Engine
from anypool.errors import AnypoolError, Conflict, Invalid, NotFound
from anypool.model import Endpoint, EndpointId, HostState, Power, Profile, Server, Stated
from anypool.planner.profiles.wishes import AssignProfile
from anypool.planner.rules import Rulebook
from anypool.service import find
from anypool.service.access import Deed, Principal, require
from anypool.service.adoption import Adopting, NewServer
from anypool.service.proposals import Proposal, Proposals
from anypool.service.reach import Reach
from anypool.store import Store, facts, ha, secrets
from anypool.store.records import ServerFacts

LONGEST_WORDS = 500


class Replacement(Struct, frozen=True, kw_only=True):
    """The new hardware; what is "" is as it was with the old one.

    `fingerprint` is the SHA-256 of the certificate that the new BMC shows, once somebody
    compared it. `words` say what became of the old one.
    """

    fingerprint: str
    address: str = ""
    user: str = ""
    password: str = ""
    words: str = "it was taken out of its slot"
    prove: bool = True


class Replaced(Struct, frozen=True, kw_only=True):
    """The new server, and the proposal that brings the profile there, None if there is none."""

    server: Server
    proposal: Proposal | None


class Replacing:
    """The use case of replacing a server."""

    def __init__(
        self, engine: Engine, store: Store, reach: Reach, made: tuple[Adopting, Proposals]
    ) -> None:
        self._engine = engine
        self._store = store
        self._reach = reach
        self._adopting, self._proposals = made

    def replace(self, by: Principal, key: str, asked: Replacement) -> Replaced:
        """Put new hardware in the place of a server; nothing is changed where that is refused.

        Raises `Conflict` while the old one answers, or is there still, `Invalid` for a wrong
        password or certificate, `NoPlan` where the profile does not fit the new one: that is
        adopted by then, and the profile stays with nobody until it fits.
        """
        require(by, Deed.MANAGE_ENDPOINTS)
        require(by, Deed.CONFIRM_DEATH)
        self._engine.must_lead()
        old = self._old(key)
        endpoint = self._reach.endpoint(old.endpoint)
        new = self._new(old, endpoint, asked)
        self._check_gone(by, old, new, elsewhere=bool(asked.address))
        profile = self._borne(old)
        with self._store.reading() as tx:
            ours = facts.servers.get(tx, old.id) or ServerFacts(server=old.id)
        self._engine.remove_endpoint(endpoint.id, by.name)
        made = self._adopting.adopt(by, new)
        kept = replace(ours, server=made.id, adoption=made.adoption, name=new.name)
        self._engine.servers.set_facts(kept, by.name)
        self._engine.servers.note(
            made, "server.replaced", f"{new.name}: {old.serial or old.id} replaced", by.name
        )
        with self._store.writing() as tx:
            facts.servers.delete(tx, old.id)
        proposal = None
        if profile is not None:
            proposal = self._bring(by, profile, self._stated(old, asked.words), made)
        return Replaced(server=self._engine.inventory.servers.get(made.id, made), proposal=proposal)

    def _old(self, key: str) -> Server:
        """Return the server that is meant, also one in whose place its BMC names another already.

        That one is known by what is kept of it: its name, and the endpoint that adopting made.
        """
        try:
            return find.server(self._engine.inventory, key)
        except NotFound:
            with self._store.reading() as tx:
                kept = next((one for one in facts.servers.all(tx) if one.name == key), None)
                endpoint = facts.endpoints.get(tx, EndpointId(f"bmc-{key}"))
            if kept is None or endpoint is None:
                raise
            return Server(id=kept.server, name=kept.name, endpoint=endpoint.id)

    def _new(self, old: Server, endpoint: Endpoint, asked: Replacement) -> NewServer:
        """Return the new server as it is to be adopted; raise `Invalid`."""
        options = dict(endpoint.options)
        if not 0 < len(asked.words.strip()) <= LONGEST_WORDS:
            raise Invalid("say what became of the old server", hint="such as: sent back, broken")
        with self._store.reading() as tx:
            password = asked.password or secrets.get(tx, endpoint.id, "password")
        return NewServer(
            address=asked.address or endpoint.uri,
            user=asked.user or options.get("user", ""),
            password=password,
            fingerprint=asked.fingerprint,
            system="" if asked.address else options.get("system", ""),
            name=old.name,
            pool=str(endpoint.pool),
            prove=asked.prove,
        )

    def _check_gone(self, by: Principal, old: Server, new: NewServer, *, elsewhere: bool) -> None:
        """Raise `Conflict` while the old hardware answers, or what is there is the old one."""
        host = self._engine.inventory.hosts.get(old.host)
        if host is not None and host.state is HostState.UP:
            hint = f"`anypool host evacuate {host.name}`, then switch it off"
            raise Conflict(f"{old.name} answers as a host", hint=hint)
        for action in self._engine.servers.profiles.pending():
            if getattr(action, "server", None) == old.id:
                raise Conflict(f"a plan works with {old.name}", hint="wait for it or cancel it")
        there = self._adopting.identity(by, new)
        if old.id in there:
            hint = "it is the same hardware: `anypool tls confirm` takes a renewed certificate"
            raise Conflict(f"{old.name} is still in its place", hint=hint)
        if elsewhere and self._engine.vitals.read_power(old.id) is not Power.UNKNOWN:
            hint = "take its profile away first: `anypool server fail-over`"
            raise Conflict(f"the BMC of {old.name} still answers", hint=hint)

    def _borne(self, old: Server) -> Profile | None:
        profiles = self._engine.inventory.profiles.values()
        return next((one for one in profiles if one.server == old.id), None)

    def _stated(self, old: Server, words: str) -> Stated:
        at = self._engine.vitals.moments.now()
        with self._store.writing() as tx:
            said = ha.state(tx, old.id, at, " ".join(words.split()))
        self._engine.vitals.state(said)
        return said

    def _bring(self, by: Principal, profile: Profile, stated: Stated, made: Server) -> Proposal:
        def plan(_: object, __: Rulebook) -> AssignProfile:
            return AssignProfile(profile=profile.id, server=made.id, stated=stated)

        try:
            return self._proposals.propose(by, Deed.OPERATE_HOST, plan, dry_run=False)
        except AnypoolError as error:
            self._engine.servers.note(
                made, "server.replaced", f"{made.name} is adopted: {error.message}", by.name
            )
            raise
