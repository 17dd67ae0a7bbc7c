"""The routes that make servers hosts of their pool by a profile, and take them out again."""

from litestar import Response, post
from litestar.params import JSONBody
from msgspec import Struct

from anypool.api.asking import PREVIEW, By, DryRun, Key, Room, Use, proposed
from anypool.api.planviews import Accepted
from anypool.api.vms import NewVmBody, Text, new_vm


class MakeHostBody(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which server a profile makes a host, "" for the best spare; `vm` is made there and runs."""

    server: Text = ""
    vm: NewVmBody | None = None


@post("/profiles/{key:str}/make-host", status_code=202, responses=PREVIEW, sync_to_thread=True)
def make_host(
    services: Use, by: By, key: Key, data: JSONBody[MakeHostBody], dry_run: DryRun = False
) -> Response[Accepted]:
    """Boot a server as a hypervisor that joins its pool: from power-on to a running VM."""
    vm = None if data.vm is None else new_vm(data.vm)
    proposal = services.hosting.make(by, data.server, key, vm, dry_run=dry_run)
    return proposed(services, by, proposal)


@post("/servers/{key:str}/retire-host", status_code=202, responses=PREVIEW, sync_to_thread=True)
def retire_host(services: Use, by: By, key: Key, room: Room) -> Response[Accepted]:
    """Empty a host that a profile made, take it out of its pool, and switch its server off."""
    proposal = services.hosting.retire(by, key, dry_run=room.dry_run, waive=room.waive)
    return proposed(services, by, proposal)


ROUTES = (make_host, retire_host)
