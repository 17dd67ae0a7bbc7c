"""Endpoints: the addresses of the hypervisors that are managed."""

import secrets
from urllib.parse import urlsplit

from msgspec import Struct

from anypool.drivers import hostkeys
from anypool.drivers.knocking import Answer, knock
from anypool.drivers.registry import DRIVERS, check_options, detect
from anypool.engine import Engine
from anypool.errors import Conflict, Denied, Invalid, NotFound, Unreachable
from anypool.model import Endpoint, EndpointHealth, EndpointId, Host, KnownEndpoint, PoolId, Trace
from anypool.planner.wishes import LeaveEndpoint
from anypool.search import Noun
from anypool.service.access import Deed, Principal, require
from anypool.service.listing import searched_page
from anypool.service.names import checked_name, checked_text
from anypool.service.pages import Ask, Listed
from anypool.service.proposals import Proposal, Proposals
from anypool.service.reach import Reach


class NewEndpoint(Struct, frozen=True, kw_only=True):
    """An address to add; the password is kept encrypted and never shown again.

    With `observe_only` None it is as the driver begins: some look before they may touch.
    `host_key` is the SSH host key that somebody compared; it is kept before anybody logs in.
    """

    uri: str
    name: str = ""
    password: str = ""
    options: tuple[tuple[str, str], ...] = ()
    pool: str = "default"
    observe_only: bool | None = None
    host_key: str = ""


class Endpoints:
    """The use cases of an endpoint; `only` names the one driver that is taken, "" is any."""

    def __init__(
        self, engine: Engine, proposals: Proposals, reach: Reach, *, only: str = ""
    ) -> None:
        self._engine = engine
        self._only = only
        self._proposals = proposals
        self._reach = reach

    def list(self, by: Principal, ask: Ask) -> Listed[KnownEndpoint]:
        """Return a page of the endpoints that match; raise `Invalid` for a bad query."""
        require(by, Deed.READ)
        rows = self._known().values()
        return searched_page(self._engine.inventory, Noun.ENDPOINT, rows, ask)

    def get(self, by: Principal, key: str) -> KnownEndpoint:
        """Return one endpoint; raise `NotFound`."""
        require(by, Deed.READ)
        if (found := self._known().get(key)) is None:
            hint = "`anypool endpoint list` shows them"
            raise NotFound(f"there is no endpoint {key[:80]!r}", hint=hint)
        return found

    def look(self, by: Principal, address: str) -> tuple[Answer, ...]:
        """Return who answers at an address; nobody logs in, nothing is kept.

        Raises `Invalid` for no address, `Unreachable` if nobody answers.
        """
        require(by, Deed.MANAGE_ENDPOINTS)
        found = knock(checked_text(address, "the address", 400))
        if not found:
            hint = "is it switched on, and may the manager reach it? Asked were SSH, libvirt, "
            hint += "vCenter, Redfish and IPMI at their usual ports; write another as HOST:PORT "
            raise Unreachable(
                f"nobody we know answers at {address.strip()[:80]}",
                hint=hint + "in a whole address such as qemu+ssh://root@HOST:2222/system",
            )
        return found

    def add(self, by: Principal, asked: NewEndpoint) -> tuple[KnownEndpoint, tuple[Host, ...]]:
        """Connect, look, and keep the endpoint with its hosts; nothing is kept on failure.

        Raises `Invalid` for an address no driver knows, `Conflict` for one that is managed
        already, `Unreachable`, and `Invalid` for a wrong password too.
        """
        require(by, Deed.MANAGE_ENDPOINTS)
        endpoint = self._wanted(asked)
        if asked.host_key:
            _trust(endpoint, asked.host_key)
        try:
            hosts = self._engine.add_endpoint(endpoint, asked.password, by.name)
        except Denied as error:
            hint = error.hint or "check user and password"
            why = error.message.removeprefix(f"{endpoint.uri}: ")
            raise Invalid(f"{endpoint.uri} refused us: {why}", hint=hint) from error
        return self._known()[endpoint.id], hosts

    def change(
        self, by: Principal, key: str, *, pool: str | None, observe_only: bool | None
    ) -> KnownEndpoint:
        """Bring an endpoint to another pool, or set its own switch; None leaves a thing.

        Raises `NotFound`, or `Busy` while runs work on an endpoint that is to be looked at only.
        """
        require(by, Deed.MANAGE_ENDPOINTS)
        endpoint = self.get(by, key).id
        if pool is not None:
            self._check_pool(pool)
        self._engine.pools.change_endpoint(
            endpoint,
            by.name,
            pool=None if pool is None else PoolId(pool),
            observe_only=observe_only,
        )
        return self.get(by, endpoint)

    def remove(self, by: Principal, key: str) -> None:
        """Forget an endpoint and its hosts; nothing is changed there."""
        require(by, Deed.MANAGE_ENDPOINTS)
        self._engine.remove_endpoint(self.get(by, key).endpoint.id, by.name)

    def traces(self, by: Principal, key: str) -> tuple[Trace, ...]:
        """Return what we wrote behind an endpoint; raise `Unreachable`, `NotSupported`."""
        require(by, Deed.READ)
        return self._reach.driver(self.get(by, key).id).traces()

    def erase_traces(self, by: Principal, key: str, *, dry_run: bool) -> Proposal:
        """Plan to take away what we wrote behind an endpoint; what stays is in `rejected`."""
        require(by, Deed.MANAGE_ENDPOINTS)
        endpoint, found = self.get(by, key).id, self.traces(by, key)
        return self._proposals.propose(
            by,
            Deed.MANAGE_ENDPOINTS,
            lambda _pool, _rules: LeaveEndpoint(endpoint=endpoint, traces=found),
            dry_run=dry_run,
        )

    def _wanted(self, asked: NewEndpoint) -> Endpoint:
        self._check_pool(asked.pool)
        uri = checked_text(asked.uri, "uri", 2000)
        name = asked.name or f"endpoint-{secrets.token_hex(4)}"
        driver, only = detect(uri), asked.observe_only
        wanted = Endpoint(
            id=EndpointId(checked_name(name, "an endpoint")),
            driver=driver,
            uri=uri,
            pool=checked_name(asked.pool, "a pool"),
            options=asked.options,
            observe_only=DRIVERS[driver].looks_first if only is None else only,
        )
        check_options(wanted.driver, wanted.options)
        if self._only not in ("", wanted.driver):
            hint = "`anypool serve` starts a manager for them"
            raise Invalid("a demo takes no real hosts: it is marked as simulated", hint=hint)
        for entry in self._known().values():
            if entry.endpoint.id == wanted.id:
                raise Conflict(
                    f"there is an endpoint called {wanted.id} already", hint="choose another name"
                )
            if entry.endpoint.uri == uri:
                raise Conflict(
                    f"{uri} is managed already, as {entry.endpoint.id}",
                    hint="to add it anew, remove that endpoint first",
                )
        return wanted

    def _check_pool(self, name: str) -> None:
        checked_name(name, "a pool")
        known = [one.id for one in self._engine.pools.all()]
        if name not in known:
            hint = f"add it with `anypool pool add {name}`; there are {', '.join(known[:5])}"
            raise NotFound(f"there is no pool {name!r}", hint=hint)

    def _known(self) -> dict[str, KnownEndpoint]:
        health = {entry.id: entry for entry in self._engine.health()}
        return {
            str(endpoint.id): KnownEndpoint(
                endpoint=endpoint,
                health=health.get(endpoint.id, EndpointHealth(id=endpoint.id)),
            )
            for endpoint in self._engine.endpoints()
        }


def _trust(endpoint: Endpoint, host_key: str) -> None:
    """Keep a host key that was confirmed; raise `Invalid` where the way there shows none."""
    place = urlsplit(endpoint.uri)
    if not place.scheme.endswith("+ssh") or not place.hostname:
        raise Invalid(f"{endpoint.uri} shows no host key", hint="only ways by SSH do")
    hostkeys.trust(place.hostname, place.port or hostkeys.PORT, host_key)
