"""The routes of hosts."""

from typing import Annotated

from litestar import Response, get, patch, post
from litestar.params import JSONBody
from msgspec import Meta, Struct

from anypool.api.asking import (
    PREVIEW,
    By,
    DryRun,
    IfMatch,
    Key,
    Room,
    Searched,
    Use,
    expected,
    proposed,
    tagged,
)
from anypool.api.planviews import Accepted
from anypool.api.views import HostView, ListView, host_view, list_view
from anypool.model import Host
from anypool.service import Principal, Services


class HostPatch(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to change about a host; what is left out stays."""

    tags: tuple[str, ...] | None = None
    reserved_mib: Annotated[int, Meta(ge=0, le=1 << 40)] | None = None


def _shown(services: Services, by: Principal, host: Host) -> Response[HostView]:
    inventory, loads = services.pool.inventory(by), services.pool.loads(by)
    bmc = services.bmcs.known(by).get(host.id)
    return tagged(host_view(host, inventory, loads, bmc), host)


@get("/hosts", sync_to_thread=True)
def list_hosts(services: Use, by: By, search: Searched) -> ListView[HostView]:
    """List hosts."""
    inventory, loads = services.pool.inventory(by), services.pool.loads(by)
    found, bmcs = services.hosts.list(by, search), services.bmcs.known(by)
    return list_view(found, lambda host: host_view(host, inventory, loads, bmcs.get(host.id)))


@get("/hosts/{key:str}", sync_to_thread=True)
def get_host(services: Use, by: By, key: Key) -> Response[HostView]:
    """Show one host."""
    return _shown(services, by, services.hosts.get(by, key))


@patch("/hosts/{key:str}", sync_to_thread=True)
def change_host(
    services: Use, by: By, key: Key, data: JSONBody[HostPatch], if_match: IfMatch = None
) -> Response[HostView]:
    """Replace the tags of a host, or the memory that is kept from VMs."""
    host = services.hosts.change(
        by, key, tags=data.tags, reserved_mib=data.reserved_mib, expected=expected(if_match)
    )
    return _shown(services, by, host)


@post("/hosts/{key:str}/evacuate", status_code=202, responses=PREVIEW, sync_to_thread=True)
def evacuate_host(services: Use, by: By, key: Key, room: Room) -> Response[Accepted]:
    """Move all running VMs away and close the host."""
    proposal = services.hosts.evacuate(by, key, dry_run=room.dry_run, waive=room.waive)
    return proposed(services, by, proposal)


@post("/hosts/{key:str}/leave-maintenance", status_code=202, responses=PREVIEW, sync_to_thread=True)
def open_host(services: Use, by: By, key: Key, dry_run: DryRun = False) -> Response[Accepted]:
    """Open a host for VMs again."""
    return proposed(services, by, services.hosts.leave_maintenance(by, key, dry_run=dry_run))


ROUTES = (list_hosts, get_host, change_host, evacuate_host, open_host)
