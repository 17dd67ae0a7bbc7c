"""Keeping inventories: one now and then, and one for each plan."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import NamedTuple
from uuid import uuid4

from msgspec import Struct

from anypool.errors import Conflict
from anypool.model import Inventory, PlanId, PolicyId
from anypool.plan import Difference, Plan, PlanState
from anypool.plan.difference import Load, differences
from anypool.plan.parts import Parted, chunks_by_name, fresh, in_parts, joined
from anypool.planner import cancel
from anypool.store import Store, Tx, inventories, plans
from anypool.store.inventories import StoredInventory, packed
from anypool.store.records import PlanRecord


class Prepared(Struct, frozen=True):
    """An inventory ready to be stored: only what the one of `base` does not have is packed."""

    parted: Parted
    base: int
    bodies: tuple[tuple[bytes, bytes], ...]


class Origin(NamedTuple):
    """The policy that a plan comes from, as what it is stored, and what is written with it."""

    policy: PolicyId | None = None
    state: PlanState = PlanState.RECOMMENDED
    also: Callable[[Tx, PlanId], None] = lambda _tx, _plan: None


BY_SOMEBODY = Origin()


class Archive:
    """Stores inventories at the cost of what changed; any thread."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._last: tuple[int, Parted] | None = None

    def prepare(self, inventory: Inventory) -> Prepared:
        """Encode and pack what is new since the last stored inventory; no transaction is open."""
        new = in_parts(inventory)
        number, before = self._last or (0, None)
        return Prepared(new, number, _packed(new, before))

    def keep_plan(
        self, plan: Plan, by: str, inventory: Inventory, origin: Origin = BY_SOMEBODY
    ) -> PlanRecord:
        """Store a plan and what it was made from, both or nothing; `Conflict` as `basis`.

        Raise `Cancelled` if who asked for it has left; later it is too late for that.
        """
        basis = self.basis(plan, inventory)
        cancel.decide()
        with self._store.writing() as tx:
            key = PlanId(f"plan-{uuid4().hex[:12]}")
            record = plans.add(tx, key, plan, by=by, made_by=(origin.policy, origin.state))
            origin.also(tx, key)
            stored = None if basis is None else self.put(tx, basis, record.id)
        if basis is not None and stored is not None:
            self.stored(basis, stored)
        return record

    def basis(self, plan: Plan, inventory: Inventory) -> Prepared | None:
        """Prepare what a plan was made from, None for a plan that was made from nothing.

        Raise `Conflict` if that is not this inventory: it could not be made again.
        """
        if not plan.based_on:
            return None
        prepared = self.prepare(inventory)
        if prepared.parted.digest != plan.based_on:
            raise Conflict("the pool changed while this was planned", hint="plan it again")
        return prepared

    def put(self, tx: Tx, prepared: Prepared, plan: str = "") -> StoredInventory:
        """Store what was prepared; if its base was thinned out meanwhile, all of it."""
        bodies = prepared.bodies
        if prepared.base and not inventories.is_there(tx, prepared.base):
            bodies = _packed(prepared.parted, None)
        inventories.put_chunks(tx, bodies)
        inventory = prepared.parted.inventory
        counts = (len(inventory.hosts), len(inventory.vms))
        return inventories.add(tx, prepared.parted.manifest, counts, plan)

    def stored(self, prepared: Prepared, record: StoredInventory) -> None:
        """Take note that a transaction with `put` was committed."""
        self._last = (record.number, prepared.parted)

    def keep(self, inventory: Inventory) -> StoredInventory | None:
        """Store an inventory unless it is the newest one already."""
        prepared = self.prepare(inventory)
        with self._store.writing() as tx:
            newest = inventories.latest(tx)
            if newest is not None and newest.digest == prepared.parted.digest:
                return None
            record = self.put(tx, prepared)
        self.stored(prepared, record)
        return record

    def load(self, record: StoredInventory) -> Inventory:
        """Return a stored inventory; `Invalid` for one of another release, `StoreFailed`."""
        with self._store.reading() as tx:
            manifest = inventories.manifest_of(tx, record.digest)
            return joined(manifest, lambda names: inventories.chunks(tx, names))

    def differences(
        self, old: StoredInventory | None, new: StoredInventory | None, now: Inventory
    ) -> Iterator[Difference]:
        """Yield what differs between two stored inventories; None is that of now."""
        with self._store.reading() as tx:
            yield from differences(_side(tx, old, now), _side(tx, new, now))

    def forget(self) -> None:
        """Another manager leads and may sweep what we stored last."""
        self._last = None


def _side(tx: Tx, stored: StoredInventory | None, now: Inventory) -> tuple[bytes, Load]:
    if stored is not None:
        manifest = inventories.manifest_of(tx, stored.digest)
        return manifest, partial(inventories.chunks, tx)
    whole = in_parts(now)
    return whole.manifest, partial(chunks_by_name, whole)


def _packed(new: Parted, before: Parted | None) -> tuple[tuple[bytes, bytes], ...]:
    return tuple((name, packed(body)) for name, body in fresh(new, before).items())
