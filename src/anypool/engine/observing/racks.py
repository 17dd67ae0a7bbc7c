"""Physical servers as known now: each endpoint's last word, with what is ours laid over it."""

from collections.abc import Iterable

from msgspec.structs import replace

from anypool.model import (
    Endpoint,
    EndpointId,
    Frame,
    PMap,
    Power,
    Server,
    ServerAbility,
    ServerId,
)
from anypool.model.boothost import BootHost
from anypool.store.records import ServerFacts

Servers = PMap[ServerId, Server]


class Racks:
    """What endpoints said of servers; a server that two of them name stays with the first.

    `boot_hosts` are those of their pools, as each was read last: who boots as whom there is
    laid over the servers too. Each method returns all servers as they are to be shown from then
    on, the same map where nothing has changed.
    """

    def __init__(self, ours: dict[ServerId, ServerFacts]) -> None:
        self._ours = ours
        self._said: dict[EndpointId, dict[ServerId, Server]] = {}
        self._silent: set[EndpointId] = set()
        self._shown: Servers = PMap()
        self.boot_hosts: dict[EndpointId, tuple[str, BootHost]] = {}
        self._entered: dict[ServerId, str] = {}

    def remember(self, servers: Iterable[Server]) -> Servers:
        """Take what was known before a restart; nobody has answered yet."""
        for server in servers:
            self._said.setdefault(server.endpoint, {})[server.id] = server
            self._silent.add(server.endpoint)
        for endpoint in tuple(self._said):
            self._show(endpoint)
        return self._shown

    def take(self, endpoint: Endpoint, frame: Frame) -> Servers:
        """Take all that an endpoint says of servers; those it names no more are gone."""
        self._boot(endpoint.id, next(((endpoint.pool, one) for one in frame.boot_hosts), None))
        before = self._said.get(endpoint.id, {})
        now = {
            one.id: replace(one, endpoint=endpoint.id, pool=endpoint.pool)
            for one in frame.servers
            if one.id not in self._shown or self._shown[one.id].endpoint == endpoint.id
        }
        if not (before or now):
            return self._shown
        self._said[endpoint.id] = now
        self._silent.discard(endpoint.id)
        self._drop(before.keys() - now.keys())
        return self._show(endpoint.id)

    def lose(self, endpoint: EndpointId) -> Servers:
        """Take note that an endpoint does not answer: nobody knows the power of its servers."""
        if endpoint not in self._said:
            return self._shown
        self._silent.add(endpoint)
        return self._show(endpoint)

    def forget(self, endpoint: EndpointId) -> Servers:
        """Drop an endpoint with its servers."""
        self._boot(endpoint, None)
        gone = self._said.pop(endpoint, {})
        self._silent.discard(endpoint)
        self._drop(gone)
        return self._shown

    def put(self, facts: ServerFacts) -> Servers:
        """Lay what is ours over a server."""
        self._ours[facts.server] = facts
        known = self._shown.get(facts.server)
        return self._shown if known is None else self._show(known.endpoint)

    def _boot(self, endpoint: EndpointId, said: tuple[str, BootHost] | None) -> None:
        """Take what a boot host says, None of an endpoint that is none, and show its servers so."""
        before = self.boot_hosts.pop(endpoint, None)
        if said is not None:
            self.boot_hosts[endpoint] = said
        if said == before:
            return
        self._entered = {
            entry.server: entry.mark for _, one in self.boot_hosts.values() for entry in one.entries
        }
        for known in tuple(self._said):
            self._show(known)

    def _drop(self, gone: Iterable[ServerId]) -> None:
        if changes := dict.fromkeys(gone):
            self._shown = self._shown.patched(changes)

    def _show(self, endpoint: EndpointId) -> Servers:
        silent = endpoint in self._silent
        pools = {pool for pool, _ in self.boot_hosts.values()}
        changes: dict[ServerId, Server | None] = {}
        for key, said in self._said.get(endpoint, {}).items():
            if said.pool in pools:
                said = replace(said, abilities=said.abilities | {ServerAbility.BOOT_HOST})
            if mark := self._entered.get(key):
                said = replace(said, entered=mark)
            over = _over(said, self._ours.get(key), silent=silent)
            if self._shown.get(key) != over:
                changes[key] = over
        if changes:
            self._shown = self._shown.patched(changes)
        return self._shown


def _over(server: Server, ours: ServerFacts | None, *, silent: bool) -> Server:
    """Return a server with what is ours; its power is unknown while nobody answers for it."""
    if silent:
        server = replace(server, power=Power.UNKNOWN)
    if ours is None:
        return server
    return replace(
        server,
        name=ours.name or server.name,
        chassis=ours.chassis or server.chassis,
        slot=ours.slot or server.slot,
        adoption=ours.adoption,
        spare=ours.spare,
        tags=ours.tags,
    )
