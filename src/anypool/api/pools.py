"""The routes of pools."""

from litestar import Response, delete, get, patch, post
from litestar.params import JSONBody
from msgspec import Struct

from anypool.api.asking import (
    PREVIEW,
    By,
    DryRun,
    IfMatch,
    Key,
    Searched,
    Use,
    expected,
    proposed,
    tagged,
)
from anypool.api.language import ReasonView, reason_view, told
from anypool.api.planviews import Accepted
from anypool.api.views import ListView, list_view
from anypool.api.vms import Text
from anypool.model import Inventory, KnownPool
from anypool.planner.failover import Spare
from anypool.planner.failover import told as said


class NewPoolBody(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A pool to add; with `observe_only` its endpoints can be looked at and nothing else."""

    name: Text
    description: Text = ""
    observe_only: bool = False


class PoolPatch(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to change about a pool; what is left out stays."""

    description: Text | None = None
    observe_only: bool | None = None


class SpareView(Struct, frozen=True, kw_only=True):
    """Whether a pool survives `failures` failures of hosts, as a policy wants.

    `exact` is false where too many sequences of failures had to be judged by a bound.
    """

    policy: str
    failures: int
    survives: bool
    exact: bool
    lost: int
    missing_mib: int
    why: str
    reason: ReasonView | None


class PoolView(Struct, frozen=True, kw_only=True):
    """A pool; `hosts` and `vms` are counted, `unread` is read-only since a restore.

    `failover` is told of a single pool only.
    """

    id: str
    description: str
    observe_only: bool
    endpoints: tuple[str, ...]
    unread: tuple[str, ...]
    hosts: int
    vms: int
    failover: tuple[SpareView, ...] = ()


def spare_view(found: Spare, inventory: Inventory) -> SpareView:
    """Return how far a policy about failures is kept as it is shown."""
    why = said(found, inventory)
    return SpareView(
        policy=found.policy,
        failures=found.failures,
        survives=found.holds,
        exact=found.exact,
        lost=found.lost,
        missing_mib=found.missing_mib,
        why=told(why),
        reason=reason_view(why),
    )


def pool_view(known: KnownPool, inventory: Inventory, spares: tuple[Spare, ...] = ()) -> PoolView:
    """Return a pool as it is shown."""
    hosts = [host.id for host in inventory.hosts.values() if host.pool == known.id]
    claims = inventory.claims
    return PoolView(
        id=known.id,
        description=known.pool.description,
        observe_only=known.pool.observe_only,
        endpoints=known.endpoints,
        unread=known.unread,
        hosts=len(hosts),
        vms=sum(len(claims[host].vms) for host in hosts if host in claims),
        failover=tuple(spare_view(one, inventory) for one in spares),
    )


@get("/pools", sync_to_thread=True)
def list_pools(services: Use, by: By, search: Searched) -> ListView[PoolView]:
    """List pools."""
    inventory = services.pool.inventory(by)
    return list_view(services.pools.list(by, search), lambda one: pool_view(one, inventory))


@post("/pools", status_code=201, sync_to_thread=True)
def add_pool(services: Use, by: By, data: JSONBody[NewPoolBody]) -> Response[PoolView]:
    """Add an empty pool."""
    known = services.pools.add(
        by, data.name, description=data.description, observe_only=data.observe_only
    )
    view = pool_view(known, services.pool.inventory(by))
    return Response(view, headers={"Location": f"/api/v1/pools/{known.id}"})


@get("/pools/{key:str}", sync_to_thread=True)
def get_pool(services: Use, by: By, key: Key) -> Response[PoolView]:
    """Show one pool."""
    known = services.pools.get(by, key)
    spares = services.failures.spares(by, known.id)
    return tagged(pool_view(known, services.pool.inventory(by), spares), known.pool)


@patch("/pools/{key:str}", sync_to_thread=True)
def change_pool(
    services: Use, by: By, key: Key, data: JSONBody[PoolPatch], if_match: IfMatch = None
) -> Response[PoolView]:
    """Describe a pool, let it be looked at only, or let it be operated again."""
    known = services.pools.change(
        by,
        key,
        description=data.description,
        observe_only=data.observe_only,
        expected=expected(if_match),
    )
    return tagged(pool_view(known, services.pool.inventory(by)), known.pool)


@delete("/pools/{key:str}", sync_to_thread=True)
def remove_pool(services: Use, by: By, key: Key) -> None:
    """Forget a pool in which there is no endpoint."""
    services.pools.remove(by, key)


@post("/pools/{key:str}/balance", status_code=202, responses=PREVIEW, sync_to_thread=True)
def balance_pool(services: Use, by: By, key: Key, dry_run: DryRun = False) -> Response[Accepted]:
    """Move VMs so that the hosts of a pool are alike, if any move is worth its price."""
    return proposed(services, by, services.balances.pool(by, key, dry_run=dry_run))


ROUTES = (list_pools, add_pool, get_pool, change_pool, remove_pool, balance_pool)
