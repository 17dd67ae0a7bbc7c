"""What plans were made from beside their inventory: what was asked, the policies, the prices."""

from collections.abc import Collection

from msgspec import Struct
from sqlalchemy import select

from anypool.errors import StoreFailed
from anypool.model import PlanId
from anypool.store.inventories import packed, unpacked
from anypool.store.kept_tables import plan_inputs
from anypool.store.tx import Tx


class StoredInputs(Struct, frozen=True, gc=False):
    """Inputs as they were encoded, and the release that planned with them."""

    release: str
    body: bytes

    def packed(self) -> "PackedInputs":
        """Return them as they are stored; that takes a while, so no transaction is open."""
        return PackedInputs(self.release, packed(self.body))


class PackedInputs(Struct, frozen=True, gc=False):
    """Inputs ready to be stored."""

    release: str
    body: bytes


def put(tx: Tx, plan: PlanId, stored: PackedInputs) -> None:
    """Keep the inputs of a plan that is there."""
    row = {"plan": plan, "release": stored.release, "body": stored.body}
    tx.put(plan_inputs, [row])


def get(tx: Tx, plan: PlanId) -> StoredInputs | None:
    """Return the inputs of a plan, None where none were kept; raise `StoreFailed` if damaged."""
    row = tx.row(select(plan_inputs).where(plan_inputs.c.plan == plan))
    if row is None:
        return None
    body = unpacked(bytes(row.body))
    if not body:
        hint = "restore the database from its backup"
        raise StoreFailed(f"the inputs of {plan} are damaged", hint=hint)
    return StoredInputs(row.release, body)


def kept(tx: Tx, plans: Collection[PlanId]) -> frozenset[PlanId]:
    """Return those of some plans whose inputs are kept."""
    query = select(plan_inputs.c.plan).where(plan_inputs.c.plan.in_(sorted(plans)))
    return frozenset(PlanId(row.plan) for row in tx.rows(query))
