"""Rolling maintenance of a pool: foresee it, begin it, follow and steer it."""

from msgspec import Struct, structs

from anypool.engine import Engine
from anypool.engine.records.archive import Origin
from anypool.engine.records.inputs import Also, keep
from anypool.engine.rolling import Rolling
from anypool.engine.rollouts import Expected, begun
from anypool.errors import Conflict, Invalid, NotFound
from anypool.model import (
    HostId,
    HostState,
    Inventory,
    OnFailure,
    PlanId,
    PoolId,
    RolloutWish,
    RunId,
)
from anypool.plan import Plan, PlanState, reason, refuse
from anypool.plan.wavecheck import off_together
from anypool.planner.rolling import Forecast, forecast
from anypool.planner.wish import Inputs, finished
from anypool.planner.wishes import MaintainPool
from anypool.search import Noun, parse
from anypool.service import find
from anypool.service.access import Deed, Principal, require
from anypool.service.listing import searched_page
from anypool.service.names import checked_name, checked_text
from anypool.service.pages import Ask, Listed
from anypool.store import Store, Tx, plans
from anypool.store.records import PlanRecord
from anypool.store.rollouts import Rollout

_LONGEST = 120
_NEWEST = parse("order by started desc", Noun.ROLLOUT).order


class Asked(Struct, frozen=True, kw_only=True):
    """How a pool is to be maintained; as `RolloutWish`, with names, and no host for all."""

    hosts: tuple[str, ...] = ()
    max_hosts: int = 1
    domain: str = "rack"
    across: bool = False
    put_back: bool = True
    shut_down: bool = False
    seen: bool = True
    hypervisor: str = ""
    return_s: float = 1200.0
    on_failure: OnFailure = OnFailure.STOP
    retries: int = 3
    retry_after_s: float = 60.0
    waive: bool = False


class Foreseen(Struct, frozen=True, kw_only=True):
    """What is expected: the waves, the fewest there can be, and the plan of all of them."""

    waves: tuple[tuple[HostId, ...], ...]
    fewest: int
    plan: PlanRecord
    rollout: Rollout | None = None


class Followed(Struct, frozen=True, kw_only=True):
    """A rollout, and the run of its wave if one is under way."""

    rollout: Rollout
    run: RunId | None = None


class Rollouts:
    """The use cases of rolling maintenance."""

    def __init__(self, engine: Engine, store: Store, rolling: Rolling) -> None:
        self._engine = engine
        self._store = store
        self._rolling = rolling

    def maintain(self, by: Principal, pool: str, asked: Asked, *, dry_run: bool) -> Foreseen:
        """Foresee the maintenance of a pool, and begin it unless `dry_run`.

        Raise `NotFound` or `Invalid` for what is asked, `NoPlan` with what is in the way and
        what would help, `Conflict` if the pool is being maintained already, `Denied`.
        """
        require(by, Deed.OPERATE_HOST)
        self._engine.must_lead()
        find.pool(self._engine.pools.all(), pool)
        self._engine.rollouts.check_alone(PoolId(pool))
        inventory = self._engine.inventory
        wish = _wish(inventory, pool, asked)
        rules = self._engine.policies.rulebook(inventory)
        found = forecast(inventory, wish, pool, rules)
        on = self._engine.keeping.prices.terms(by.name)
        plan = finished(found.plan, on, inventory, rules)
        if against := off_together(plan, wish.max_hosts):
            raise refuse(Conflict, reason("watch.objected", objections=against[:3]))
        asked_for = MaintainPool(pool=pool, rollout=wish)
        kept = keep(Inputs(wish=asked_for, policies=rules.policies, terms=on), plan)
        if dry_run:
            origin = Origin(None, PlanState.SHADOW, kept)
            record = self._engine.submit(plan, by.name, inventory, origin)
            return Foreseen(waves=found.waves, fewest=found.fewest, plan=record)
        self._engine.pools.allow(plan, inventory)
        return self._begin(by, PoolId(pool), (wish, kept), (found, plan, inventory))

    def list(self, by: Principal, ask: Ask) -> Listed[Followed]:
        """Return a page of rollouts, the newest first; raise `Invalid` for a bad query."""
        require(by, Deed.READ)
        if not (query := parse(ask.query, Noun.ROLLOUT)).order:
            ask = structs.replace(ask, query=str(structs.replace(query, order=_NEWEST)))
        rows = self._engine.rollouts.all()
        found = searched_page(self._engine.inventory, Noun.ROLLOUT, rows, ask)
        return Listed(
            items=tuple(map(self._followed, found.items)),
            total=found.total,
            next=found.next,
            totals=found.totals,
            facets=found.facets,
        )

    def get(self, by: Principal, key: str) -> Followed:
        """Return one rollout; raise `NotFound`."""
        require(by, Deed.READ)
        return self._followed(self._engine.rollouts.get(key))

    def pause(self, by: Principal, key: str) -> Followed:
        """Begin nothing further; raise `NotFound` or `Conflict`."""
        require(by, Deed.STEER_RUN)
        return self._followed(self._rolling.pause(key, by.name))

    def go_on(self, by: Principal, key: str) -> Followed:
        """Go on after a pause or a failure; raise `NotFound` or `Conflict`."""
        require(by, Deed.STEER_RUN)
        return self._followed(self._rolling.go_on(key, by.name))

    def cancel(self, by: Principal, key: str) -> Followed:
        """End a rollout; what is closed stays closed. Raise `NotFound` or `Conflict`."""
        require(by, Deed.STEER_RUN)
        return self._followed(self._rolling.cancel(key, by.name))

    def ready(self, by: Principal, key: str) -> RunId:
        """Say that a host that was handed over is ready; return the run that waits for it.

        Raise `NotFound`, or `Conflict` if it is not handed over.
        """
        require(by, Deed.OPERATE_HOST)
        host = find.host(self._engine.inventory, key)
        return self._engine.rollouts.ready(host.id, host.name, by.name)

    def _begin(
        self,
        by: Principal,
        pool: PoolId,
        asked: tuple[RolloutWish, Also],
        found: tuple[Forecast, Plan, Inventory],
    ) -> Foreseen:
        wish, kept = asked
        expected, plan, inventory = found
        made: list[Rollout] = []

        def also(tx: Tx, key: PlanId) -> None:
            kept(tx, key)
            told = Expected(expected.waves, expected.fewest, key)
            made.append(begun(tx, pool, wish, by.name, told))

        origin = Origin(None, PlanState.SHADOW, also)
        record = self._engine.submit(plan, by.name, inventory, origin)
        self._engine.rollouts.told(made[-1])
        self._rolling.wake()
        return Foreseen(waves=expected.waves, fewest=expected.fewest, plan=record, rollout=made[-1])

    def _followed(self, rollout: Rollout) -> Followed:
        if rollout.plan is None:
            return Followed(rollout=rollout)
        with self._store.reading() as tx:
            try:
                return Followed(rollout=rollout, run=plans.summary(tx, rollout.plan).run)
            except NotFound:
                return Followed(rollout=rollout)


def _wish(inventory: Inventory, pool: str, asked: Asked) -> RolloutWish:
    if not asked.max_hosts >= 1:
        raise Invalid("no host could be out of service", hint="--max-hosts 1 is one at a time")
    return RolloutWish(
        hosts=_hosts(inventory, pool, asked.hosts),
        max_hosts=asked.max_hosts,
        domain=checked_name(asked.domain, "a kind of domain"),
        across=asked.across,
        put_back=asked.put_back,
        shut_down=asked.shut_down,
        seen=asked.seen,
        hypervisor=checked_text(asked.hypervisor, "hypervisor", _LONGEST),
        return_s=asked.return_s,
        on_failure=asked.on_failure,
        retries=asked.retries,
        retry_after_s=asked.retry_after_s,
        waive=asked.waive,
    )


def _hosts(inventory: Inventory, pool: str, named_: tuple[str, ...]) -> tuple[HostId, ...]:
    """Return the hosts meant: those named, else all that are neither off nor in maintenance."""
    if not named_:
        mine = [host for host in inventory.hosts.values() if host.pool == pool]
        on = [host for host in mine if host.state is not HostState.OFF and not host.maintenance]
        if not on:
            raise refuse(Invalid, reason("no.rollout-hosts", pool=pool))
        return tuple(host.id for host in sorted(on, key=lambda host: (host.name, host.id)))
    return tuple(dict.fromkeys(_host(inventory, pool, name) for name in named_))


def _host(inventory: Inventory, pool: str, name: str) -> HostId:
    """Return the host of the pool with this name or id: other pools may use the name too."""
    mine = [host.id for host in inventory.hosts.values() if host.pool == pool and host.name == name]
    if len(mine) == 1:
        return mine[0]
    found = find.host(inventory, name)
    if found.pool != pool:
        raise refuse(Invalid, reason("no.rollout-host", host=found.name, pool=pool))
    return found.id
