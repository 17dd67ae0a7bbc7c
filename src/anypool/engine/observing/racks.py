"""Physical servers as known now: each endpoint's last word, with what is ours laid over it."""

from collections.abc import Iterable

from msgspec.structs import replace

from anypool.model import Endpoint, EndpointId, PMap, Power, Server, ServerId
from anypool.store.records import ServerFacts

Servers = PMap[ServerId, Server]


class Racks:
    """What endpoints said of servers; a server that two of them name stays with the first.

    Each method returns the servers as they are to be shown from then on, the same map where
    nothing has changed.
    """

    def __init__(self, ours: dict[ServerId, ServerFacts]) -> None:
        self._ours = ours
        self._said: dict[EndpointId, dict[ServerId, Server]] = {}
        self._silent: set[EndpointId] = set()

    def remember(self, servers: Iterable[Server], shown: Servers) -> Servers:
        """Take what was known before a restart; nobody has answered yet."""
        for server in servers:
            self._said.setdefault(server.endpoint, {})[server.id] = server
            self._silent.add(server.endpoint)
        for endpoint in tuple(self._said):
            shown = self._show(endpoint, shown)
        return shown

    def take(self, endpoint: Endpoint, servers: Iterable[Server], shown: Servers) -> Servers:
        """Take all that an endpoint says of servers; those it names no more are gone."""
        before = self._said.get(endpoint.id, {})
        now = {
            one.id: replace(one, endpoint=endpoint.id, pool=endpoint.pool)
            for one in servers
            if shown.get(one.id) is None or shown[one.id].endpoint == endpoint.id
        }
        if not (before or now):
            return shown
        self._said[endpoint.id] = now
        self._silent.discard(endpoint.id)
        return self._show(endpoint.id, shown.patched(dict.fromkeys(before.keys() - now.keys())))

    def lose(self, endpoint: EndpointId, shown: Servers) -> Servers:
        """Take note that an endpoint does not answer: nobody knows the power of its servers."""
        if endpoint not in self._said:
            return shown
        self._silent.add(endpoint)
        return self._show(endpoint, shown)

    def forget(self, endpoint: EndpointId, shown: Servers) -> Servers:
        """Drop an endpoint with its servers."""
        gone = self._said.pop(endpoint, {})
        self._silent.discard(endpoint)
        return shown.patched(dict.fromkeys(gone)) if gone else shown

    def put(self, facts: ServerFacts, shown: Servers) -> Servers:
        """Lay what is ours over a server."""
        self._ours[facts.server] = facts
        known = shown.get(facts.server)
        return shown if known is None else self._show(known.endpoint, shown)

    def _show(self, endpoint: EndpointId, shown: Servers) -> Servers:
        silent = endpoint in self._silent
        changes: dict[ServerId, Server | None] = {}
        for key, said in self._said.get(endpoint, {}).items():
            over = _over(said, self._ours.get(key), silent=silent)
            if shown.get(key) != over:
                changes[key] = over
        return shown.patched(changes) if changes else shown


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
