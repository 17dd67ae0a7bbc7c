"""What most handlers need: the caller, the services, the page asked for, and how to answer."""

from typing import Annotated, Any

from litestar import Request, Response
from litestar.di import NamedDependency, Provide
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import HeaderParameter, PathParameter, QueryParameter
from msgspec import Struct

from anypool.api.broadcast import Broadcast
from anypool.api.gate import Caller
from anypool.api.planviews import Accepted, PlanView, operation_view, plan_view
from anypool.errors import AnypoolError, OutcomeUnknown
from anypool.service import Ask, Principal, Proposal, Services
from anypool.service.pages import LARGEST
from anypool.service.version import version_of

IfMatch = Annotated[
    str | None,
    HeaderParameter(name="If-Match", description="the ETag of the record you have seen"),
]
DryRun = Annotated[bool, QueryParameter(description="only make the plan and return it")]
PREVIEW = {200: ResponseSpec(PlanView, description="the plan, with `dry_run`")}
Key = Annotated[str, PathParameter(max_length=255, description="id or unique name")]

Use = NamedDependency[Services]
By = NamedDependency[Principal]
From = NamedDependency[Caller]
Wanted = NamedDependency[Ask]
Searched = NamedDependency[Ask]
Live = NamedDependency[Broadcast]


def asked(
    q: Annotated[str, QueryParameter(max_length=2000, description="a search query")] = "",
    limit: Annotated[int, QueryParameter(ge=1, le=LARGEST, description="rows of a page")] = 100,
    cursor: Annotated[
        str, QueryParameter(max_length=4000, description="`next` of the page before")
    ] = "",
) -> Ask:
    """Return which page of a list is wanted."""
    return Ask(query=q, limit=limit, cursor=cursor)


def searched(
    q: Annotated[str, QueryParameter(max_length=2000, description="a search query")] = "",
    limit: Annotated[int, QueryParameter(ge=1, le=LARGEST, description="rows of a page")] = 100,
    cursor: Annotated[
        str, QueryParameter(max_length=4000, description="`next` of the page before")
    ] = "",
    facets: Annotated[
        str,
        QueryParameter(
            max_length=1000,
            description="fields whose values are counted, separated by commas: `state,host,tag`",
        ),
    ] = "",
    offset: Annotated[
        int, QueryParameter(ge=0, le=10**7, description="rows to leave out before the page")
    ] = 0,
) -> Ask:
    """Return which page of a list of the inventory is wanted."""
    names = tuple(filter(None, (name.strip() for name in facets.split(","))))
    return Ask(query=q, limit=limit, cursor=cursor, offset=offset, facets=names)


class Taking(Struct, frozen=True):
    """How something is done that takes room: only planned, or also against a failover policy."""

    dry_run: bool
    waive: bool


Room = NamedDependency[Taking]


def taking(
    dry_run: DryRun = False,
    ignore_failover: Annotated[
        bool, QueryParameter(description="do it though less would survive a failure than before")
    ] = False,
) -> Taking:
    """Return how something is done that takes room."""
    return Taking(dry_run=dry_run, waive=ignore_failover)


def dependencies(services: Services) -> dict[str, Provide]:
    """Return what handlers may ask for by name."""

    def caller(request: Request[Caller, Any, Any]) -> Caller:
        return request.user

    def by(request: Request[Caller, Any, Any]) -> Principal:
        return request.user.principal

    return {
        "services": Provide(lambda: services, sync_to_thread=False),
        "caller": Provide(caller, sync_to_thread=False),
        "by": Provide(by, sync_to_thread=False),
        "ask": Provide(asked, sync_to_thread=False),
        "search": Provide(searched, sync_to_thread=False),
        "room": Provide(taking, sync_to_thread=False),
    }


def proposed(services: Services, by: Principal, proposal: Proposal) -> Response[Any]:
    """Return 200 with the plan of a preview, or 202 with the operation that began."""
    if proposal.run is None:
        view: PlanView = plan_view(proposal.plan, services.pool.inventory(by))
        return Response(view, status_code=200)
    location = f"/api/v1/operations/{proposal.run.id}"
    try:
        operation = services.operations.get(by, proposal.run.id)
        shown = operation_view(operation, services.pool.inventory(by))
    except AnypoolError as error:  # else who asks would ask again for what has begun
        raise OutcomeUnknown(
            f"{proposal.run.id} has begun, and cannot be shown: {error.message}",
            hint=f"`anypool operation show {proposal.run.id}`",
        ) from error
    return Response(Accepted(operation=shown), status_code=202, headers={"Location": location})


def tagged(view: Any, record: Any) -> Response[Any]:
    """Return a view with the ETag of its record."""
    return Response(view, headers={"ETag": f'"{version_of(record)}"'})


def expected(if_match: str | None) -> str | None:
    """Return the version a caller insists on; None if on none."""
    if if_match is None or if_match.strip() == "*":
        return None
    return if_match.strip().strip('"')
