"""The routes of stored inventories and of what is kept how long."""

from typing import Annotated, Any

from litestar import Response, get, post
from litestar.params import JSONBody, QueryParameter
from msgspec import Struct

from anypool.api.asking import By, Key, Use, Wanted
from anypool.api.views import PageView, page_view, time_or_none
from anypool.engine import Standing
from anypool.plan import encode_inventory
from anypool.store.inventories import StoredInventory

To = Annotated[
    str, QueryParameter(max_length=100, description="number or digest; `now` is the pool as it is")
]


class InventoryView(Struct, frozen=True, kw_only=True):
    """The pool at one moment; `plan` is the plan it was kept for."""

    id: str
    at: float
    digest: str
    hosts: int
    vms: int
    plan: str | None


class FieldView(Struct, frozen=True, kw_only=True):
    """One field of an object, as JSON, before and after."""

    name: str
    before: Any
    after: Any


class DifferenceView(Struct, frozen=True, kw_only=True):
    """An object that was added, removed or changed."""

    kind: str
    id: str
    name: str
    change: str
    fields: tuple[FieldView, ...]


class DifferencesView(Struct, frozen=True, kw_only=True):
    """What differs between two inventories; `more` says that the list was cut."""

    items: tuple[DifferenceView, ...]
    more: bool


class KeptView(Struct, frozen=True, kw_only=True):
    """One kind of record: how long it is kept, and how much there is.

    `bytes` is null where nobody counts them. `removed` is of the last round.
    """

    kind: str
    meaning: str
    setting: str
    keep_s: float
    rows: int
    bytes: int | None
    oldest: float | None
    ran_at: float | None
    removed: int
    removed_ever: int


class KeptList(Struct, frozen=True, kw_only=True):
    """All kinds of records."""

    items: tuple[KeptView, ...]


class Thinning(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which kinds to thin out; all if none are named."""

    kinds: tuple[str, ...] = ()


class Thinned(Struct, frozen=True, kw_only=True):
    """How many rows of each kind went."""

    removed: dict[str, int]


@get("/inventories", sync_to_thread=True)
def list_inventories(services: Use, by: By, ask: Wanted) -> PageView[InventoryView]:
    """List stored inventories, newest first."""
    return page_view(services.inventories.list(by, ask), _inventory)


@get("/inventories/{key:str}", sync_to_thread=True)
def get_inventory(services: Use, by: By, key: Key) -> InventoryView:
    """Show one stored inventory, by its number or the beginning of its digest."""
    return _inventory(services.inventories.get(by, key))


@get("/inventories/{key:str}/content", sync_to_thread=True)
def get_inventory_content(services: Use, by: By, key: Key) -> Response[dict[str, Any]]:
    """Return all records of a stored inventory, as they were; usual values are left out."""
    body = encode_inventory(services.inventories.load(by, key))
    return Response(body, media_type="application/json")  # type: ignore[arg-type]


@get("/inventories/{key:str}/differences", sync_to_thread=True)
def compare_inventories(services: Use, by: By, key: Key, to: To = "now") -> DifferencesView:
    """List what was added, removed or changed from a stored inventory to another, or to now."""
    found = services.inventories.compare(by, key, to)
    items = tuple(
        DifferenceView(
            kind=one.kind,
            id=one.id,
            name=one.name,
            change=one.change,
            fields=tuple(
                FieldView(name=field.name, before=field.before, after=field.after)
                for field in one.fields
            ),
        )
        for one in found.differences
    )
    return DifferencesView(items=items, more=found.more)


@get("/retention", sync_to_thread=True)
def get_retention(services: Use, by: By) -> KeptList:
    """Show how long each kind of record is kept, and how much there is."""
    return KeptList(items=tuple(map(_kept, services.retention.show(by))))


@post("/retention/run", status_code=200, sync_to_thread=True)
def run_retention(services: Use, by: By, data: JSONBody[Thinning]) -> Thinned:
    """Forget what is older than it is to be kept, now."""
    return Thinned(removed=services.retention.run(by, data.kinds))


def _inventory(stored: StoredInventory) -> InventoryView:
    return InventoryView(
        id=str(stored.number),
        at=stored.at,
        digest=stored.digest,
        hosts=stored.hosts,
        vms=stored.vms,
        plan=stored.plan or None,
    )


def _kept(standing: Standing) -> KeptView:
    rule, amount, last = standing.rule, standing.amount, standing.last
    return KeptView(
        kind=rule.kind,
        meaning=rule.meaning,
        setting=rule.setting,
        keep_s=rule.keep_s,
        rows=amount.rows,
        bytes=amount.bytes,
        oldest=time_or_none(amount.oldest),
        ran_at=time_or_none(last.ran_at),
        removed=last.removed,
        removed_ever=last.removed_ever,
    )


ROUTES = (
    list_inventories,
    get_inventory,
    get_inventory_content,
    compare_inventories,
    get_retention,
    run_retention,
)
