"""Making stored plans again: the same bytes, or what another planner would have decided."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from msgspec import Struct

from anypool import __version__
from anypool.clock import Clock
from anypool.engine import Engine
from anypool.engine.loads.usage import Usages
from anypool.errors import Busy, Invalid, NotFound
from anypool.model import Inventory, PlanId
from anypool.plan import Reason, goal_of, plain
from anypool.planner.again import Again, Stored, Verdict, again, anew
from anypool.planner.rounds import Late
from anypool.planner.rules import Rulebook
from anypool.planner.variants import VARIANTS, Variant, variant
from anypool.planner.wish import Inputs, decode_inputs
from anypool.planner.wishes import BalanceHosts
from anypool.service.access import Deed, Principal, require
from anypool.store import Store, inventories, planinputs, plans
from anypool.store.inventories import StoredInventory
from anypool.store.planinputs import StoredInputs
from anypool.store.records import PlanRecord

BUDGET_S = 60.0
"""A search for moves ends after so long with what it has."""
WAIT_S = 30.0
"""So long one request waits for the one before: each takes a processor for itself."""


class Replayed(Struct, frozen=True, kw_only=True):
    """A plan, or an inventory without one, made again by a planner.

    `then` is the release that planned, empty where nobody kept that; `now` is this one.
    """

    subject: str
    at: float
    goal: Reason
    planner: str
    then: str
    now: str
    again: Again


class Replays:
    """The use cases of looking at decisions again; nothing is kept of them."""

    def __init__(self, engine: Engine, store: Store, clock: Clock) -> None:
        self._engine = engine
        self._store = store
        self._clock = clock
        self._usages = Usages(engine.keeping.history, engine.loads, clock)
        self._turn = threading.Lock()

    def planners(self, by: Principal) -> tuple[Variant, ...]:
        """Return all planners by name."""
        require(by, Deed.READ)
        return tuple(VARIANTS.values())

    def plan(self, by: Principal, key: str, planner: str) -> Replayed:
        """Make a stored plan again; raise `NotFound`, `Invalid` for the planner, `Busy`."""
        require(by, Deed.READ)
        chosen = variant(planner)
        with self._store.reading() as tx:
            record = plans.readable(tx, PlanId(key))
            body, kept = plans.body(tx, record.id), planinputs.get(tx, record.id)
            basis = inventories.of_digest(tx, record.plan.based_on)
        with self._one_at_a_time() as late:
            found = self._again((record, body), kept, basis, (chosen, late))
        return Replayed(
            subject=key,
            at=record.created_at,
            goal=goal_of(record.plan),
            planner=planner,
            then="" if kept is None else kept.release,
            now=__version__,
            again=found,
        )

    def inventory(self, by: Principal, key: str, planner: str, pool: str) -> Replayed:
        """Balance a pool of a stored inventory; raise `NotFound`, `Conflict`, `Invalid`, `Busy`.

        Loads are those of then, as far as they are kept; policies are those of now.
        """
        require(by, Deed.READ)
        chosen = variant(planner)
        with self._store.reading() as tx:
            record = inventories.find(tx, key)
        if chosen.change(BalanceHosts(hosts=frozenset())) is None:
            hint = "`anypool plan planners` says what each is for"
            raise Invalid(f"the planner {planner} does not balance pools", hint=hint)
        with self._one_at_a_time() as late:
            found = self._anew(record, pool, chosen, late)
        return Replayed(
            subject=str(record.number),
            at=record.at,
            goal=plain(f"balance {pool}"),
            planner=planner,
            then="",
            now=__version__,
            again=found,
        )

    def _again(
        self,
        stored: tuple[PlanRecord, bytes],
        kept: StoredInputs | None,
        basis: StoredInventory | None,
        how: tuple[Variant, Late],
    ) -> Again:
        record, body = stored
        if record.unknown:
            names = ", ".join(record.unknown)
            return Again(verdict=Verdict.UNREADABLE, why=f"unknown actions: {names}")
        if kept is None:
            why = "it was not kept what this plan was made from"
            return Again(verdict=Verdict.NO_INPUTS, why=why)
        if basis is None:
            why = "the inventory it was made from is not kept any more"
            return Again(verdict=Verdict.NO_INVENTORY, why=why)
        try:
            inputs = decode_inputs(kept.body)
            inventory = self._engine.keeping.archive.load(basis)
        except Invalid as error:
            return Again(verdict=Verdict.UNREADABLE, why=error.message)
        found = Stored(plan=record.plan, body=body, inventory=inventory, inputs=inputs)
        return again(found, *how)

    def _anew(self, record: StoredInventory, pool: str, chosen: Variant, late: Late) -> Again:
        try:
            inventory = self._engine.keeping.archive.load(record)
        except Invalid as error:
            return Again(verdict=Verdict.UNREADABLE, why=error.message)
        return anew(self._inputs(inventory, pool, record.at), inventory, chosen, late)

    def _inputs(self, inventory: Inventory, pool: str, at: float) -> Inputs:
        hosts = [host.id for host in inventory.hosts.values() if host.pool == pool]
        if not hosts:
            names = sorted({host.pool for host in inventory.hosts.values()})
            hint = f"it has {', '.join(names[:5])}" if names else "it has no hosts at all"
            raise NotFound(f"that inventory has no pool {pool[:80]!r}", hint=hint)
        vms = [vm.id for host in hosts for vm in inventory.holding(host)]
        policies = self._engine.policies.all()
        rules = Rulebook.on(policies, inventory)
        wish = BalanceHosts(
            hosts=frozenset(hosts),
            name=pool,
            usages=self._usages.then(vms, at),
            left_alone=rules.left_alone(vms),
        )
        return Inputs(wish=wish, policies=policies, terms=self._engine.keeping.prices.terms())

    @contextmanager
    def _one_at_a_time(self) -> Iterator[Late]:
        """Wait for the turn, and give what says when the time for it is up."""
        if not self._turn.acquire(timeout=WAIT_S):
            raise Busy("other plans are being made again", hint="try it once more in a minute")
        end = self._clock.monotonic() + BUDGET_S
        try:
            yield lambda: self._clock.monotonic() > end
        finally:
            self._turn.release()
