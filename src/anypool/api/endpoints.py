"""The routes of endpoints."""

from litestar import Response, delete, get, patch, post
from litestar.params import JSONBody
from msgspec import Struct

from anypool.api.asking import PREVIEW, By, DryRun, Key, Searched, Use, proposed
from anypool.api.planviews import Accepted
from anypool.api.views import (
    EndpointView,
    HostView,
    ListView,
    endpoint_view,
    host_view,
    list_view,
)
from anypool.api.vms import Text
from anypool.drivers.hostkeys import public_key
from anypool.drivers.knocking import Answer, Login
from anypool.model import Trace
from anypool.service.endpoints import NewEndpoint


class NewEndpointBody(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An address, such as `qemu+ssh://root@h1/system`; the kind is detected.

    Without `observe_only` an endpoint can be operated, but for kinds that begin by looking.
    `host_key` is the SHA256 of the SSH host key that somebody compared.
    """

    uri: Text
    name: Text = ""
    password: Text = ""
    options: dict[Text, Text] = {}
    pool: Text = "default"
    observe_only: bool | None = None
    host_key: Text = ""


class LookBody(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An address as people know it: a name, a number, or a whole `qemu+ssh://...`."""

    address: Text


class LookView(Struct, frozen=True, kw_only=True):
    """Who answers at an address, the likeliest first; nobody logged in.

    `uri` is how it is added, `login` what lets us in: nothing, key or password. What it `shows`
    (host-key, certificate or nothing) is compared by its `fingerprint` before a password is
    given. `public_key` is that by which this manager logs in with a key, "" if it has none.
    """

    items: tuple[Answer, ...]
    public_key: str


class EndpointPatch(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to change about an endpoint; what is left out stays."""

    pool: Text | None = None
    observe_only: bool | None = None


class AddedEndpoint(Struct, frozen=True, kw_only=True):
    """An endpoint and the hosts behind it."""

    endpoint: EndpointView
    hosts: tuple[HostView, ...]


class TracesView(Struct, frozen=True, kw_only=True):
    """What was written behind an endpoint, apart from what was asked for."""

    items: tuple[Trace, ...]


@get("/endpoints", sync_to_thread=True)
def list_endpoints(services: Use, by: By, search: Searched) -> ListView[EndpointView]:
    """List endpoints."""
    return list_view(services.endpoints.list(by, search), endpoint_view)


@post("/endpoints", status_code=201, sync_to_thread=True)
def add_endpoint(services: Use, by: By, data: JSONBody[NewEndpointBody]) -> Response[AddedEndpoint]:
    """Connect to an endpoint, look at it, and keep it; nothing is kept on failure."""
    asked = NewEndpoint(
        uri=data.uri,
        name=data.name,
        password=data.password,
        options=tuple(sorted(data.options.items())),
        pool=data.pool,
        observe_only=data.observe_only,
        host_key=data.host_key,
    )
    known, hosts = services.endpoints.add(by, asked)
    inventory, loads = services.pool.inventory(by), services.pool.loads(by)
    shown = AddedEndpoint(
        endpoint=endpoint_view(known),
        hosts=tuple(host_view(host, inventory, loads) for host in hosts),
    )
    return Response(shown, headers={"Location": f"/api/v1/endpoints/{known.id}"})


@post("/endpoints/look", status_code=200, sync_to_thread=True)
def look_at_address(services: Use, by: By, data: JSONBody[LookBody]) -> LookView:
    """Say who answers at an address, and what is to be confirmed; nothing is kept."""
    found = services.endpoints.look(by, data.address)
    by_key = any(one.login == Login.KEY for one in found)
    return LookView(items=found, public_key=public_key() if by_key else "")


@get("/endpoints/{key:str}", sync_to_thread=True)
def get_endpoint(services: Use, by: By, key: Key) -> EndpointView:
    """Show one endpoint."""
    return endpoint_view(services.endpoints.get(by, key))


@patch("/endpoints/{key:str}", sync_to_thread=True)
def change_endpoint(services: Use, by: By, key: Key, data: JSONBody[EndpointPatch]) -> EndpointView:
    """Bring an endpoint to another pool, or set its own switch for being looked at only."""
    known = services.endpoints.change(by, key, pool=data.pool, observe_only=data.observe_only)
    return endpoint_view(known)


@delete("/endpoints/{key:str}", sync_to_thread=True)
def remove_endpoint(services: Use, by: By, key: Key) -> None:
    """Forget an endpoint and its hosts; nothing is changed there."""
    services.endpoints.remove(by, key)


@get("/endpoints/{key:str}/traces", sync_to_thread=True)
def list_traces(services: Use, by: By, key: Key) -> TracesView:
    """List what was written behind an endpoint, apart from what was asked for; it is read now."""
    return TracesView(items=services.endpoints.traces(by, key))


@post("/endpoints/{key:str}/erase-traces", status_code=202, responses=PREVIEW, sync_to_thread=True)
def erase_traces(services: Use, by: By, key: Key, dry_run: DryRun = False) -> Response[Accepted]:
    """Take away what was written behind an endpoint; what others need stays."""
    return proposed(services, by, services.endpoints.erase_traces(by, key, dry_run=dry_run))


ROUTES = (
    list_endpoints,
    add_endpoint,
    look_at_address,
    get_endpoint,
    list_traces,
    erase_traces,
    change_endpoint,
    remove_endpoint,
)
