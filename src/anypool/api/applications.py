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
from anypool.model import (
    Component,
    Health,
    Inventory,
    KnownService,
    Member,
    Service,
    ServiceId,
    ServiceState,
)
from anypool.service.moving import MoveAsked


class ServiceBody(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A service as it is to be: its components, what they need, their order and probes."""

    name: Text
    components: tuple[Component, ...]
    description: Text = ""


class MoveBody(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where a component is to be: `server`, `vm`, or the name of a server, slot or host.

    With `force` the operating system that runs now is not asked to shut down.
    """

    component: Text
    to: Text
    force: bool = False


class MemberView(Struct, frozen=True, kw_only=True):
    """A machine of a component as it is now: a VM, or the server that bears its profile.

    `vm` is null and `state` missing while there is none. `place` is the name of the host or
    server where it is, "" for nowhere.
    """

    component: str
    name: str
    vm: str | None
    state: str
    health: Health
    server: str | None = None
    place: str = ""


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


def service_view(known: KnownService, inventory: Inventory) -> ServiceView:
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
                server=one.server,
                place=_place(one, inventory),
            )
            for one in known.members
        ),
    )


def _place(member: Member, inventory: Inventory) -> str:
    if member.server is not None:
        server = inventory.servers.get(member.server)
        return member.server if server is None else server.name
    vm = None if member.vm is None else inventory.vms.get(member.vm)
    host = None if vm is None or vm.host is None else inventory.hosts.get(vm.host)
    return "" if host is None else host.name


_NOTHING_BEGUN = {200: ResponseSpec(AppliedView, description="nothing was begun")}


@get("/services", sync_to_thread=True)
def list_services(services: Use, by: By, ask: Wanted) -> PageView[ServiceView]:
    """List services."""
    inventory = services.pool.inventory(by)
    found = services.applications.list(by, ask)
    return page_view(found, lambda known: service_view(known, inventory))


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
        service=service_view(applied.service, inventory),
        plan=None if applied.plan is None else plan_view(applied.plan, inventory),
        operation=operation,
    )
    return Response(view, status_code=202 if operation else 200, headers=headers)


@get("/services/{key:str}", sync_to_thread=True)
def get_service(services: Use, by: By, key: Key) -> ServiceView:
    """Show one service with its VMs and their health."""
    return service_view(services.applications.get(by, key), services.pool.inventory(by))


@post("/services/{key:str}/start", status_code=202, responses=PREVIEW, sync_to_thread=True)
def start_service(services: Use, by: By, key: Key, room: Room) -> Response[Accepted]:
    """Start what does not run, in order."""
    proposal = services.applications.start(by, key, dry_run=room.dry_run, waive=room.waive)
    return proposed(services, by, proposal)


@post("/services/{key:str}/stop", status_code=202, responses=PREVIEW, sync_to_thread=True)
def stop_service(services: Use, by: By, key: Key, dry_run: DryRun = False) -> Response[Accepted]:
    """Shut down what runs, in reverse order."""
    return proposed(services, by, services.applications.stop(by, key, dry_run=dry_run))


@post("/services/{key:str}/move", status_code=202, responses=PREVIEW, sync_to_thread=True)
def move_component(
    services: Use, by: By, key: Key, data: JSONBody[MoveBody], dry_run: DryRun = False
) -> Response[Accepted]:
    """Move a component with a profile to a server or to a VM, with its addresses and its disk."""
    asked = MoveAsked(to=data.to, force=data.force)
    proposal = services.moving.move(by, (key, data.component), asked, dry_run=dry_run)
    return proposed(services, by, proposal)


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
    move_component,
    remove_service,
)
