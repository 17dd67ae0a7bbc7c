"""The routes of copies of VMs that several hosts know."""

from typing import Annotated

from litestar import Response, get, post
from litestar.params import JSONBody, QueryParameter
from msgspec import Meta, Struct

from anypool.api.asking import PREVIEW, By, DryRun, Key, Use, proposed
from anypool.api.language import told
from anypool.api.planviews import Accepted
from anypool.model import Inventory
from anypool.service.copies import CopiesOf

Text = Annotated[str, Meta(max_length=4000)]


class CopyView(Struct, frozen=True, kw_only=True):
    """One copy of a VM; one that `counts` is the VM, and `why` says so or why not.

    `kept` says why it may not be removed, "" if it may.
    """

    vm: str
    vm_name: str
    host: str
    host_name: str
    state: str
    reason: str
    counts: bool
    why: str
    kept: str


class CopiesView(Struct, frozen=True, kw_only=True):
    """Copies by the name of their VM, the one that counts first."""

    items: tuple[CopyView, ...]
    total: int


class AtHost(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The host whose copy is meant, by name or id."""

    host: Text


Named = Annotated[str | None, QueryParameter(description="one VM, by name or id")]


@get("/copies", sync_to_thread=True)
def list_copies(services: Use, by: By, vm: Named = None) -> CopiesView:
    """List the copies of VMs that more than one host knows, or all copies of one VM."""
    inventory = services.pool.inventory(by)
    items = tuple(view for one in services.copies.list(by, vm) for view in _views(one, inventory))
    return CopiesView(items=items, total=len(items))


@post("/vms/{key:str}/remove-copy", status_code=202, responses=PREVIEW, sync_to_thread=True)
def remove_copy(
    services: Use, by: By, key: Key, data: JSONBody[AtHost], dry_run: DryRun = False
) -> Response[Accepted]:
    """Forget the stopped copy of a VM on one host, while another host has it; no disks."""
    return proposed(services, by, services.copies.remove(by, key, data.host, dry_run=dry_run))


def _views(found: CopiesOf, inventory: Inventory) -> tuple[CopyView, ...]:
    hosts = inventory.hosts
    return tuple(
        CopyView(
            vm=found.vm.id,
            vm_name=found.vm.name,
            host=one.host,
            host_name=hosts[one.host].name if one.host in hosts else one.host,
            state=one.state,
            reason=one.reason,
            counts=one.counts,
            why=told(one.why),
            kept=told(one.kept),
        )
        for one in found.copies
    )


ROUTES = (list_copies, remove_copy)
