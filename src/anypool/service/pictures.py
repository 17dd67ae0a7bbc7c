"""Plans as pictures: hosts before and after, and steps in time."""

from contextlib import suppress

from msgspec import Struct

from anypool.engine import Engine
from anypool.errors import Invalid
from anypool.model import Inventory, PlanId
from anypool.plan.picture import PlanPicture, picture
from anypool.plan.schedule import Limits
from anypool.service.access import Deed, Principal, require
from anypool.store import Store, inventories, plans
from anypool.store.inventories import StoredInventory


class Pictured(Struct, frozen=True, kw_only=True):
    """A plan as a picture; `kept` if it shows the inventory that the plan was made from.

    Otherwise it shows the plan on the inventory of now, where steps that ran change nothing.
    """

    picture: PlanPicture
    kept: bool


class Pictures:
    """The use case of looking at a plan."""

    def __init__(self, engine: Engine, store: Store) -> None:
        self._engine = engine
        self._store = store

    def plan(self, by: Principal, key: str) -> Pictured:
        """Return a plan as a picture; raise `NotFound`."""
        require(by, Deed.READ)
        with self._store.reading() as tx:
            record = plans.readable(tx, PlanId(key))
            basis = inventories.of_digest(tx, record.plan.based_on)
        before = self._then(basis)
        terms = self._engine.keeping.prices.terms()
        limits = Limits(
            moves=terms.slots,
            moves_per_host=terms.model.moves_per_host,
            steps=terms.model.steps_at_once,
        )
        found = picture(record.plan, before or self._engine.inventory, limits)
        return Pictured(picture=found, kept=before is not None)

    def _then(self, basis: StoredInventory | None) -> Inventory | None:
        if basis is not None:
            with suppress(Invalid):
                return self._engine.keeping.archive.load(basis)
        return None
