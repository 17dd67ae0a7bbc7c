"""The routes about spares: which would take a server over, and taking it over."""

from typing import Annotated

from litestar import Response, get, post
from litestar.params import JSONBody, QueryParameter
from msgspec import Struct

from anypool.api.asking import PREVIEW, By, DryRun, Key, Use, proposed
from anypool.api.bearing import Words
from anypool.api.language import told
from anypool.api.planviews import Accepted, OperationView, operation_view
from anypool.api.servers import ServerView, server_view
from anypool.api.vms import Text
from anypool.engine.failover import Standing
from anypool.model import Inventory
from anypool.planner.profiles.cover import Cover
from anypool.service.bearing import Asked
from anypool.service.replacing import Replacement

Pool = Annotated[str, QueryParameter(description="of one pool", max_length=100)]


class FailOverBody(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """To which server or slot a profile goes, "" for the best spare; `dead` as in `AssignBody`."""

    to: Text = ""
    dead: Words = ""


class CoverView(Struct, frozen=True, kw_only=True):
    """A server with a profile, and which spare would take that over if it failed now.

    `spare` is "" where it is not covered; `refused` says why each other server would not. With
    `empties` so many VMs would leave the spare before. `together` is the spare it would have if
    all servers failed at once, "" if others would have them all. `state` and `told` are what is
    thought of the server, "" where nobody watches it.
    """

    profile: str
    pool: str
    server: str
    failover: str
    spare: str
    empties: int
    together: str
    state: str
    told: str
    refused: tuple[tuple[str, str], ...]


class CoverageView(Struct, frozen=True, kw_only=True):
    """How far each server that bears a profile is covered, by the profiles' names."""

    items: tuple[CoverView, ...]
    total: int


@post("/servers/{key:str}/fail-over", status_code=202, responses=PREVIEW, sync_to_thread=True)
def fail_over_server(
    services: Use, by: By, key: Key, data: JSONBody[FailOverBody], dry_run: DryRun = False
) -> Response[Accepted]:
    """Bring the profile of a failed server to a spare, once that server was seen off."""
    asked = Asked(to=data.to, dead=data.dead, force=True)
    proposal = services.bearing.fail_over(by, key, asked, dry_run=dry_run)
    return proposed(services, by, proposal)


@get("/coverage", sync_to_thread=True)
def get_coverage(services: Use, by: By, pool: Pool = "") -> CoverageView:
    """List the servers that bear a profile, and the spare that would take each over."""
    inventory = services.pool.inventory(by)
    found = tuple(
        _cover(one, inventory, services.vigil.standing.get(one.profile.id))
        for one in services.bearing.coverage(by, pool)
    )
    return CoverageView(items=found, total=len(found))


def _cover(one: Cover, inventory: Inventory, standing: Standing | None) -> CoverView:
    server = inventory.servers.get(one.server)
    best = one.found.spares[0] if one.covered else None
    together = None if one.together is None else inventory.servers.get(one.together)
    return CoverView(
        profile=one.profile.name,
        pool=one.profile.pool,
        server=one.server if server is None else server.name,
        failover=one.profile.failover,
        spare="" if best is None else best.server.name,
        empties=0 if best is None else len(best.moves),
        together="" if together is None else together.name,
        state="" if standing is None else standing.what,
        told="" if standing is None else told(standing.said or standing.why),
        refused=tuple((name, told(why)) for name, why in one.refused),
    )


@post("/servers/{key:str}/restore-addresses", status_code=200, sync_to_thread=True)
def restore_server_addresses(services: Use, by: By, key: Key) -> ServerView:
    """Give a server that is off, and bears no profile, the addresses it was built with."""
    server = services.controllers.restore_addresses(by, key)
    return server_view(server, services.pool.inventory(by))


class ReplaceBody(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """New hardware in the place of a server; what is "" is as it was with the old one.

    `fingerprint` is the SHA-256 of the certificate that the new BMC shows. `words` say what
    became of the old one.
    """

    fingerprint: Text = ""
    address: Text = ""
    user: Text = ""
    password: Text = ""
    words: Words = "it was taken out of its slot"
    prove: bool = True


class ReplacedView(Struct, frozen=True, kw_only=True):
    """The new server, and the operation that brings the profile there, null if there is none."""

    server: ServerView
    operation: OperationView | None


@post("/servers/{key:str}/replace", status_code=200, sync_to_thread=True)
def replace_server(services: Use, by: By, key: Key, data: JSONBody[ReplaceBody]) -> ReplacedView:
    """Put new hardware in the place of a server: same slot, name and profile."""
    asked = Replacement(**{name: getattr(data, name) for name in data.__struct_fields__})
    done = services.replacing.replace(by, key, asked)
    inventory = services.pool.inventory(by)
    operation = None
    if done.proposal is not None and done.proposal.run is not None:
        found = services.operations.get(by, done.proposal.run.id)
        operation = operation_view(found, inventory)
    return ReplacedView(server=server_view(done.server, inventory), operation=operation)


ROUTES = (fail_over_server, get_coverage, restore_server_addresses, replace_server)
