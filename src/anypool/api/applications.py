"""The routes of services."""

from typing import Any

from litestar import Response, delete, get, post
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import JSONBody
from msgspec import Struct

from anypool.api.asking import PREVIEW, By, DryRun, Key, Room, Use, Wanted, proposed
from anypool.api.planviews import (
    Accepted,
    OperationView,
    PlanView,
    operation_view,
    plan_view,
)
from anypool.api.views import PageView, page_view
from anypool.api.vms import Text
from anypool.model import Component, Health, KnownService, Service, ServiceId, ServiceState


class ServiceBody(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A service as it is to be: its components, what they need, their order and probes."""

    name: Text
    components: tuple[Component, ...]
    description: Text = ""


class MemberView(Struct, frozen=True, kw_only=True):
    """A VM of a component as it is now; `vm` is null and `state` missing while there is none."""

    component: str
    name: str
    vm: str | None
    state: str
    health: Health


class ServiceView(Struct, frozen=True, kw_only=True):
    """A service as it was declared, and all of it in one word, `state`."""

    id: str
    description: str
    state: ServiceState
    components: tuple[Component, ...]
    members: tuple[MemberView, ...]


class AppliedView(Struct, frozen=True, kw_only=True):
    """A service, and the plan and operation that make what it lacks; null if it lacks nothing."""

    service: ServiceView
    plan: PlanView | None
    operation: OperationView | None


def service_view(known: KnownService) -> ServiceView:
    """Return a service as it is shown."""
    return ServiceView(
        id=known.id,
        description=known.service.description,
        state=known.state,
        components=known.service.components,
        members=tuple(
            MemberView(
                component=one.component,
                name=one.name,
                vm=one.vm,
                state=one.state,
                health=one.health,
            )
            for one in known.members
        ),
    )


_NOTHING_BEGUN = {200: ResponseSpec(AppliedView, description="nothing was begun")}


@get("/services", sync_to_thread=True)
def list_services(services: Use, by: By, ask: Wanted) -> PageView[ServiceView]:
    """List services."""
    return page_view(services.applications.list(by, ask), service_view)


@post("/services", status_code=202, responses=_NOTHING_BEGUN, sync_to_thread=True)
def apply_service(
    services: Use, by: By, data: JSONBody[ServiceBody], dry_run: DryRun = False
) -> Response[AppliedView]:
    """Declare a service anew or as it is to be now, and make the VMs it lacks."""
    service = Service(
        id=ServiceId(data.name), components=data.components, description=data.description
    )
    applied = services.applications.apply(by, service, dry_run=dry_run)
    inventory = services.pool.inventory(by)
    operation = None
    headers: dict[str, Any] = {}
    if applied.run is not None:
        operation = operation_view(services.operations.get(by, applied.run.id), inventory)
        headers = {"Location": f"/api/v1/operations/{applied.run.id}"}
    view = AppliedView(
        service=service_view(applied.service),
        plan=None if applied.plan is None else plan_view(applied.plan, inventory),
        operation=operation,
    )
    return Response(view, status_code=202 if operation else 200, headers=headers)


@get("/services/{key:str}", sync_to_thread=True)
def get_service(services: Use, by: By, key: Key) -> ServiceView:
    """Show one service with its VMs and their health."""
    return service_view(services.applications.get(by, key))


@post("/services/{key:str}/start", status_code=202, responses=PREVIEW, sync_to_thread=True)
def start_service(services: Use, by: By, key: Key, room: Room) -> Response[Accepted]:
    """Start what does not run, in order."""
    proposal = services.applications.start(by, key, dry_run=room.dry_run, waive=room.waive)
    return proposed(services, by, proposal)


@post("/services/{key:str}/stop", status_code=202, responses=PREVIEW, sync_to_thread=True)
def stop_service(services: Use, by: By, key: Key, dry_run: DryRun = False) -> Response[Accepted]:
    """Shut down what runs, in reverse order."""
    return proposed(services, by, services.applications.stop(by, key, dry_run=dry_run))


@delete("/services/{key:str}", sync_to_thread=True)
def remove_service(services: Use, by: By, key: Key) -> None:
    """Forget a service; its VMs stay as they are."""
    services.applications.remove(by, key)


ROUTES = (
    list_services,
    apply_service,
    get_service,
    start_service,
    stop_service,
    remove_service,
)
