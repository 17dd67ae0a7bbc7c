"""Adopting servers: their BMCs are logged in to, tried, and kept; until then they are looked at.

Whether addresses of ports can be written is proved once, here, by writing those that are there
already. It is kept with the endpoint as its option `proved`.
"""

import secrets

from msgspec import Struct
from msgspec.structs import replace

from anypool.drivers import Driver
from anypool.drivers.registry import DRIVERS
from anypool.engine import Engine
from anypool.errors import Conflict, Denied, Invalid, NotSupported
from anypool.model import (
    Adoption,
    Endpoint,
    EndpointId,
    EndpointInfo,
    PoolId,
    Server,
    ServerId,
    Writable,
    checked_fingerprint,
    taken_apart,
)
from anypool.service.access import Deed, Principal, require
from anypool.service.names import checked_name, checked_text
from anypool.service.reach import Reach
from anypool.store import Store, facts
from anypool.store.records import ServerFacts

BY_SCHEME = {"redfish": "redfish", "https": "redfish", "ipmi": "ipmi"}
HINT = "write the address of its BMC, such as 10.0.0.9 or redfish://10.0.0.9:8443"


class NewServer(Struct, frozen=True, kw_only=True):
    """A server to adopt; the password is kept encrypted and never shown again.

    `fingerprint` is the SHA-256 of the BMC's certificate that somebody compared. `system` is
    the id or path of the server where its service has several. With `prove` it is tried
    whether addresses of its ports can be written, by writing those that are there already.
    """

    address: str
    user: str
    password: str
    fingerprint: str = ""
    system: str = ""
    name: str = ""
    pool: str = "default"
    prove: bool = True


class Adopting:
    """The use cases of adopting servers."""

    def __init__(self, engine: Engine, store: Store, reach: Reach) -> None:
        self._engine = engine
        self._store = store
        self._reach = reach

    def certificate(self, by: Principal, address: str) -> str:
        """Return the SHA-256 of the certificate that a BMC shows; nothing is sent to it."""
        require(by, Deed.MANAGE_ENDPOINTS)
        self._engine.must_lead()
        return self._certificate(endpoint_of(address))

    def adopt(self, by: Principal, asked: NewServer) -> Server:
        """Log in to a BMC, see what it answers for, and keep it; nothing is kept on failure.

        Raises `Invalid` for a wrong address or password, `Conflict` for a certificate that
        nobody confirmed and for a server that is known already, `Unreachable`.
        """
        require(by, Deed.MANAGE_ENDPOINTS)
        self._engine.must_lead()
        wanted = self._wanted(asked)
        try:
            kept = self._tried(wanted, asked)
            self._engine.add_endpoint(kept, asked.password, by.name)
        except Denied as error:
            raise Invalid(error.message, hint=error.hint) from error
        mine = [one for one in self._engine.inventory.servers.values() if one.endpoint == kept.id]
        if not mine:
            self._engine.remove_endpoint(kept.id, by.name)
            hint = "`anypool server list -o wide` shows through which endpoint"
            raise Conflict("that server is known already, through another endpoint", hint=hint)
        for one in mine:
            self._mark(one, asked.name, by)
        return self._engine.inventory.server(mine[0].id)

    def identity(self, by: Principal, asked: NewServer) -> tuple[str, ...]:
        """Return the ids of the servers that a BMC answers for, after a login; nothing is kept.

        Raises as `adopt` does.
        """
        require(by, Deed.MANAGE_ENDPOINTS)
        endpoint = endpoint_of(asked.address, checked_text(asked.system, "the system", 200))
        options = dict(endpoint.options) | {"user": asked.user}
        if endpoint.driver == "redfish":
            options["fingerprint"] = self._pinned(endpoint, asked.fingerprint)
        key = EndpointId(f"trial-{secrets.token_hex(4)}")
        trial = replace(endpoint, id=key, options=tuple(sorted(options.items())))
        try:
            with self._reach.trial(trial, asked.password) as driver:
                return tuple(driver.info().hosts)
        except Denied as error:
            raise Invalid(error.message, hint=error.hint) from error

    def _wanted(self, asked: NewServer) -> Endpoint:
        endpoint = endpoint_of(asked.address, checked_text(asked.system, "the system", 200))
        user = checked_text(asked.user, "the user", 64)
        if not user or not asked.password:
            raise Invalid("a BMC is given with user and password", hint="such as --user operator")
        if asked.name:
            checked_name(asked.name, "a server")
        if asked.pool not in [one.id for one in self._engine.pools.all()]:
            raise Invalid(f"there is no pool {asked.pool[:80]!r}", hint="`anypool pool list`")
        options = dict(endpoint.options) | {"user": user}
        if endpoint.driver == "redfish":
            options["fingerprint"] = self._pinned(endpoint, asked.fingerprint)
        name = asked.name or f"server-{secrets.token_hex(4)}"
        known = self._engine.endpoints()
        if any(one.uri == endpoint.uri for one in known):
            hint = "`anypool server list -o wide` shows it"
            raise Conflict(f"{endpoint.uri} is managed already", hint=hint)
        if any(one.id == f"bmc-{name}" for one in known):
            raise Conflict(f"there is an endpoint bmc-{name} already", hint="choose another --name")
        return replace(
            endpoint,
            id=EndpointId(f"bmc-{name}"),
            pool=PoolId(asked.pool),
            options=tuple(sorted(options.items())),
        )

    def _pinned(self, endpoint: Endpoint, given: str) -> str:
        if pinned := checked_fingerprint(given):
            return pinned
        shown = self._certificate(endpoint)
        raise Conflict(
            f"{endpoint.uri} shows a certificate that nobody confirmed: {shown}",
            hint="compare it with the BMC's own page and give it as --fingerprint",
        )

    def _certificate(self, endpoint: Endpoint) -> str:
        if endpoint.driver != "redfish":
            hint = "IPMI has no certificates; keep it in a network of its own"
            raise NotSupported(f"{endpoint.uri} shows no certificate", hint=hint)
        nameless = replace(endpoint, id=EndpointId(f"trial-{secrets.token_hex(4)}"))
        with self._reach.trial(nameless, "") as driver:
            return driver.info().certificate

    def _tried(self, wanted: Endpoint, asked: NewServer) -> Endpoint:
        """Return the endpoint as it is to be kept, after a login."""
        trial = replace(wanted, id=EndpointId(f"trial-{secrets.token_hex(4)}"))
        with self._reach.trial(trial, asked.password) as driver:
            info = driver.info()
            known = self._engine.inventory.servers
            for host in info.hosts:
                if (there := known.get(ServerId(host))) is not None:
                    hint = f"it is known through the endpoint {there.endpoint}"
                    raise Conflict(f"that is the server {there.name}", hint=hint)
            options = dict(wanted.options)
            if asked.prove:
                options |= _proved(driver, info)
        return replace(wanted, options=tuple(sorted(options.items())))

    def _mark(self, server: Server, name: str, by: Principal) -> None:
        with self._store.reading() as tx:
            kept = facts.servers.get(tx, server.id) or ServerFacts(server=server.id)
        named = name or kept.name
        self._engine.servers.set_facts(
            replace(kept, adoption=Adoption.ADOPTED, name=named), by.name
        )
        self._engine.servers.note(
            server, "server.adopted", f"{named or server.name} adopted", by.name
        )


def _proved(driver: Driver, info: EndpointInfo) -> dict[str, str]:
    """Return the option that says what can be written; nothing where it cannot be tried.

    It counts only where it was proved of every port that has such an address.
    """
    try:
        functions = driver.prove_writes(info.hosts[0])
    except (NotSupported, IndexError):
        return {}
    said: dict[str, set[Writable]] = {}
    for function in functions:
        for what, how in function.writes:
            said.setdefault(what, set()).add(how)
    whole = sorted(what for what, how in said.items() if how == {Writable.PROVED})
    return {"proved": ",".join(whole)} if whole else {}


def endpoint_of(address: str, system: str = "") -> Endpoint:
    """Return the endpoint that an address of a BMC stands for; raise `Invalid`."""
    text = checked_text(address.strip(), "the address", 400)
    place = taken_apart(text if "://" in text else f"redfish://{text}", HINT)
    driver = BY_SCHEME.get(place.scheme, "")
    good = bool(place.hostname) and "@" not in place.netloc and place.port != 0
    if not driver or driver not in DRIVERS or not good:
        raise Invalid("that is no address of a BMC", hint=HINT)
    path = place.path.split("/redfish", 1)[0] if place.scheme == "https" else place.path
    if path.strip("/") and not path.startswith("/redfish/"):
        raise Invalid("that is no address of a BMC", hint=HINT)
    path = system if system.startswith("/redfish/") else path.rstrip("/")
    if system and not path:
        path = f"/redfish/v1/Systems/{system}"
    scheme = "redfish" if driver == "redfish" else place.scheme
    return Endpoint(id=EndpointId("new"), driver=driver, uri=f"{scheme}://{place.netloc}{path}")
