"""Pools, and the switch that leaves nothing but looking: who may be operated, and who not.

The switch is enforced where drivers are handed out (`drivers.observing`); what is here
keeps the records, sees to it that every endpoint has the driver its switches ask for, and
refuses plans beforehand, with words that help more than a driver's refusal.
"""

import threading
from collections.abc import Callable, Iterator

from msgspec.structs import replace

from anypool.engine.observing.board import Board, Notice
from anypool.engine.observing.endpoints import Endpoints
from anypool.engine.runs.runner import Runner
from anypool.errors import Busy, Conflict, Denied, NotFound
from anypool.model import (
    DEFAULT_POOL,
    Endpoint,
    EndpointId,
    Inventory,
    KnownPool,
    Pool,
    PoolId,
)
from anypool.plan import Plan, hosts_of, reason, refuse
from anypool.store import Store, Tx, events, facts, restoration
from anypool.store.records import EventRecord, Severity


class Pools:
    """All pools; `admitting` is held while a plan is let in, so that none slips through."""

    def __init__(
        self,
        store: Store,
        endpoints: Endpoints,
        runner: Runner,
        board: Board,
        must_lead: Callable[[], None],
    ) -> None:
        self._store = store
        self._endpoints = endpoints
        self._runner = runner
        self._board = board
        self._must_lead = must_lead
        self.admitting = threading.Lock()
        self.first: Callable[[Plan, Inventory], None] = lambda *_: None

    def all(self) -> tuple[KnownPool, ...]:
        """Return all pools by name, each with its endpoints."""
        with self._store.reading() as tx:
            pools, endpoints = facts.pools.all(tx), facts.endpoints.all(tx)
            closed = {one.endpoint for one in restoration.pending(tx)}
        inside = {
            pool.id: tuple(one.id for one in endpoints if one.pool == pool.id) for pool in pools
        }
        return tuple(
            KnownPool(
                pool=pool,
                endpoints=inside[pool.id],
                unread=tuple(one for one in inside[pool.id] if one in closed),
            )
            for pool in pools
        )

    def add(self, pool: Pool, by: str) -> None:
        """Keep a new pool; `Conflict` if its name is taken."""
        self._must_lead()
        with self._store.writing() as tx:
            if facts.pools.get(tx, pool.id) is not None:
                raise Conflict(f"there is a pool {pool.id} already", hint="choose another name")
            facts.pools.put(tx, pool)
            only = ", observe-only" if pool.observe_only else ""
            events.append(tx, _event("pool.added", pool.id, f"pool {pool.id} added{only}", by))
        self._told(pool.id)

    def remove(self, pool: PoolId, by: str) -> None:
        """Forget an empty pool; `NotFound`, or `Conflict` while endpoints are in it."""
        self._must_lead()
        if pool == DEFAULT_POOL:
            raise Conflict(f"the pool {pool} is always there", hint="empty it if it disturbs")
        with self._store.writing() as tx:
            kept(tx, pool)
            inside = [one.id for one in facts.endpoints.all(tx) if one.pool == pool]
            if inside:
                raise Conflict(
                    f"endpoints are in the pool {pool}: {', '.join(inside[:5])}",
                    hint="move them with `anypool endpoint set NAME --pool`, or remove them",
                )
            facts.pools.delete(tx, pool)
            events.append(tx, _event("pool.removed", pool, f"pool {pool} removed", by))
        self._told(pool)

    def change(self, pool: Pool, by: str) -> None:
        """Replace a pool's record and give its endpoints the drivers that go with it.

        `Busy` with their names while runs work in a pool that is to be observe-only, and
        nothing is changed then.
        """
        self._must_lead()
        with self.admitting:
            inside = [one.id for one in self._endpoints.all() if one.pool == pool.id]
            with self._store.reading() as tx:
                before = kept(tx, pool.id)
            if pool.observe_only and not before.observe_only:
                self._check_idle(frozenset(inside), f"pool {pool.id}")
            with self._store.writing() as tx:
                facts.pools.put(tx, pool)
                events.append(tx, _changed("pool", pool.id, before, pool, by))
            self._endpoints.renew(inside)
        self._told(pool.id)

    def change_endpoint(
        self, key: EndpointId, by: str, *, pool: PoolId | None, observe_only: bool | None
    ) -> None:
        """Replace an endpoint's pool or its own switch, None leaves it; errors as `change`."""
        self._must_lead()
        with self.admitting:
            with self._store.reading() as tx:
                before = facts.endpoints.get(tx, key)
                if before is None:
                    raise NotFound(f"there is no endpoint {key}")
                after = replace(
                    before,
                    pool=before.pool if pool is None else kept(tx, pool).id,
                    observe_only=before.observe_only if observe_only is None else observe_only,
                )
                now, then = facts.effective(tx, before), facts.effective(tx, after)
            if then.observe_only and not now.observe_only:
                self._check_idle(frozenset({key}), f"endpoint {key}")
            with self._store.writing() as tx:
                facts.endpoints.put(tx, after)
                events.append(tx, _changed("endpoint", key, now, then, by))
            self._endpoints.renew([key])
        self._board.tell((Notice("endpoint", key), Notice("event")))

    def pin(self, key: EndpointId, fingerprint: str, by: str) -> None:
        """Trust another certificate of an endpoint; raise `NotFound`."""
        with self.admitting:
            with self._store.writing() as tx:
                before = facts.endpoints.get(tx, key)
                if before is None:
                    raise NotFound(f"there is no endpoint {key}")
                others = ((name, text) for name, text in before.options if name != "fingerprint")
                options = tuple(sorted((*others, ("fingerprint", fingerprint))))
                facts.endpoints.put(tx, replace(before, options=options))
                said = f"the certificate {fingerprint} of {key} was confirmed"
                events.append(tx, _event("endpoint.confirmed", key, said, by))
            self._endpoints.renew([key])
        self._board.tell((Notice("endpoint", key), Notice("event")))

    def allow(self, plan: Plan, inventory: Inventory) -> None:
        """Return quietly if none of a plan's hosts is observe-only; raise `Denied`.

        `first` is asked before, for those that are closed for a while only.
        """
        self.first(plan, inventory)
        found = dict(self._forbidden(plan, inventory))
        if not found:
            return
        names, endpoint = tuple(sorted(found)[:5]), found[min(found)]
        why = reason("admit.observe-only", hosts=names, count=len(found))
        hint = reason("hint.lift", pool=endpoint.pool, endpoint=endpoint.id)
        raise refuse(Denied, why, hint)

    def _forbidden(self, plan: Plan, inventory: Inventory) -> Iterator[tuple[str, Endpoint]]:
        closed = {one.id: one for one in self._endpoints.all() if one.observe_only}
        for key in {host for step in plan for host in hosts_of(step.action)}:
            host = inventory.hosts.get(key)
            if host is not None and host.endpoint in closed:
                yield host.name, closed[host.endpoint]

    def _check_idle(self, endpoints: frozenset[EndpointId], what: str) -> None:
        """Raise `Busy` with the runs that work on hosts of these endpoints.

        Never inside a write transaction: the runner writes while it holds its own lock.
        """
        hosts = self._endpoints.hosts_of(endpoints)
        runs = sorted(
            run.record.id
            for run in self._runner.active()
            if any(hosts & set(hosts_of(step.action)) for step in run.plan)
        )
        if runs:
            raise refuse(
                Busy,
                reason("admit.still-works", what=what, runs=tuple(runs[:5]), count=len(runs)),
                reason("hint.cancel", run=runs[0]),
            )

    def _told(self, pool: PoolId) -> None:
        self._board.tell((Notice("pool", pool), Notice("event")))


def kept(tx: Tx, pool: PoolId) -> Pool:
    """Return a pool's record; raise `NotFound`."""
    if (found := facts.pools.get(tx, pool)) is None:
        raise NotFound(
            f"there is no pool {pool[:80]!r}", hint=f"add it with `anypool pool add {pool[:80]}`"
        )
    return found


def _changed(
    noun: str, key: str, before: Pool | Endpoint, after: Pool | Endpoint, by: str
) -> EventRecord:
    if before.observe_only == after.observe_only:
        return _event(f"{noun}.changed", key, f"{noun} {key} changed", by)
    if after.observe_only:
        return _event(f"{noun}.observe-only-set", key, f"{noun} {key} is observe-only now", by)
    words = f"{noun} {key} is not observe-only any more: it may be operated"
    lifted = _event(f"{noun}.observe-only-lifted", key, words, by)
    return replace(lifted, severity=Severity.WARNING)


def _event(kind: str, key: str, message: str, by: str) -> EventRecord:
    noun = kind.partition(".")[0]
    return EventRecord(kind=kind, message=message, subject_kind=noun, subject_id=key, by=by)
