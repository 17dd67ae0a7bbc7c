"""The records of rolling maintenance: begin one, look them up, say that a host is ready."""

from collections.abc import Callable, Iterable
from typing import NamedTuple
from uuid import uuid4

from anypool.engine.observing.board import Board, Notice
from anypool.engine.runs.state import Asked, Request
from anypool.errors import Conflict
from anypool.model import HostId, Inventory, PlanId, PoolId, RolloutState, RolloutWish, RunId
from anypool.plan import HandOver, Reason, reason, refuse, say
from anypool.store import Store, Tx, events, plans, rollouts, runs
from anypool.store.records import EventRecord, Severity, StepState
from anypool.store.rollouts import Rollout

Ask = Callable[[RunId, Asked, str], None]


class Expected(NamedTuple):
    """What was foreseen: the waves, the fewest there can be, and the plan that shows them."""

    waves: tuple[tuple[HostId, ...], ...]
    fewest: int
    plan: PlanId | None = None


class Rollouts:
    """All rollouts; `ask` brings a request to a run."""

    def __init__(self, store: Store, board: Board, ask: Ask, must_lead: Callable[[], None]) -> None:
        self._store = store
        self._board = board
        self._ask = ask
        self._must_lead = must_lead

    def all(self) -> tuple[Rollout, ...]:
        """Return all rollouts, the newest first."""
        with self._store.reading() as tx:
            return rollouts.all_(tx)

    def get(self, key: str) -> Rollout:
        """Return one rollout; raise `NotFound`."""
        with self._store.reading() as tx:
            return rollouts.get(tx, key)

    def check_alone(self, pool: PoolId) -> None:
        """Raise `Conflict` if a pool is being maintained already."""
        with self._store.reading() as tx:
            _check_alone(tx, pool)

    def keep(self, rollout: Rollout, *, kind: str, by: str = "", loud: bool = False) -> None:
        """Store how a rollout stands now, with an event."""
        with self._store.writing() as tx:
            rollouts.put(tx, rollout)
            events.append(tx, event_of(rollout, kind, by, loud=loud))
        self.told(rollout)

    def told(self, rollout: Rollout) -> None:
        """Let everybody who listens know that a rollout changed."""
        self._board.tell((Notice("rollout", rollout.id), Notice("event")))

    def ready(self, host: HostId, name: str, by: str) -> RunId:
        """Say that a host that was handed over is ready; `Conflict` if it is not handed over."""
        self._must_lead()
        with self._store.reading() as tx:
            found = _handed_over(tx, host)
        if found is None:
            hint = "`anypool rollout list` shows what is being maintained"
            raise Conflict(f"{name} is not handed over to be serviced", hint=hint)
        run, number = found
        self._ask(run, Asked(Request.READY, number), by)
        return run


def begun(
    tx: Tx,
    pool: PoolId,
    wish: RolloutWish,
    by: str,
    expected: Expected,
) -> Rollout:
    """Store a new rollout; raise `Conflict` if the pool has one that has not ended."""
    _check_alone(tx, pool)
    waves = expected.waves
    said = reason("rollout.begun", who=by, hosts=len(wish.hosts), waves=len(waves))
    rollout = Rollout(
        id=f"rollout-{uuid4().hex[:12]}",
        pool=pool,
        wish=wish,
        state=RolloutState.RUNNING,
        by=by,
        waves=waves,
        fewest=expected.fewest,
        forecast=expected.plan,
        started_at=tx.now,
        said=said,
    )
    rollouts.put(tx, rollout)
    events.append(tx, event_of(rollout, "begun", by))
    return rollout


def _check_alone(tx: Tx, pool: PoolId) -> None:
    for other in rollouts.unfinished(tx):
        if other.pool == pool:
            why = reason("no.second-rollout", pool=pool, rollout=other.id)
            raise refuse(Conflict, why, reason("hint.second-rollout", rollout=other.id))


def event_of(rollout: Rollout, kind: str, by: str = "", *, loud: bool = False) -> EventRecord:
    """Return the event that tells how a rollout stands."""
    said = rollout.said or reason("said", text=rollout.state)
    return EventRecord(
        kind=f"rollout.{kind}",
        message=say(said),
        said=said,
        severity=Severity.WARNING if loud else Severity.INFO,
        subject_kind="rollout",
        subject_id=rollout.id,
        by=by or rollout.by,
        plan=rollout.plan,
    )


def resting(tx: Tx, inventory: Inventory, hosts: Iterable[HostId]) -> Reason | None:
    """Return why policies that move VMs or switch hosts rest: a pool of theirs is maintained."""
    pools = {inventory.hosts[host].pool for host in hosts if host in inventory.hosts}
    for rollout in rollouts.unfinished(tx):
        if rollout.pool in pools:
            return reason("watch.rollout", pool=rollout.pool, rollout=rollout.id)
    return None


def _handed_over(tx: Tx, host: HostId) -> tuple[RunId, int] | None:
    for run in runs.unfinished(tx):
        plan = plans.readable(tx, run.plan).plan
        for step, record in zip(plan, runs.steps(tx, run.id), strict=False):
            action = step.action
            mine = isinstance(action, HandOver) and action.host == host
            if mine and record.state is StepState.BEGUN:
                return run.id, step.number
    return None
