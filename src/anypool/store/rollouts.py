"""Rollouts: the rolling maintenance of pools, kept so that a killed manager goes on with it."""

from msgspec import Struct
from sqlalchemy import select, update

from anypool.errors import NotFound
from anypool.model import (
    FINAL_ROLLOUT_STATES,
    HostId,
    PlanId,
    PoolId,
    RolloutState,
    RolloutWish,
)
from anypool.plan import Reason
from anypool.store import tables
from anypool.store.tx import Tx, from_row, to_row

_UNFINISHED = (
    select(tables.rollouts)
    .where(~tables.rollouts.c.state.in_(sorted(FINAL_ROLLOUT_STATES)))
    .order_by(tables.rollouts.c.id)
)


class Rollout(Struct, frozen=True, kw_only=True, gc=False):
    """One rolling maintenance of a pool.

    `waves` are the hosts of each wave, done or expected; `fewest` is how few waves there can
    be; `forecast` is the plan of all of them as it was shown before. `number` counts the wave
    that is under way (from 1), `wave` are its hosts and `plan` its plan, None before it is
    made. `done` are the hosts that are verified and open again. `attempts` counts failures in
    a row, `due` is when the next attempt begins (0: none waits). `said` is how it stands.
    """

    id: str
    pool: PoolId
    wish: RolloutWish
    state: RolloutState
    by: str
    waves: tuple[tuple[HostId, ...], ...]
    fewest: int
    forecast: PlanId | None = None
    number: int = 0
    wave: tuple[HostId, ...] = ()
    done: tuple[HostId, ...] = ()
    plan: PlanId | None = None
    attempts: int = 0
    due: float = 0.0
    started_at: float = 0.0
    ended_at: float = 0.0
    said: Reason | None = None

    @property
    def over(self) -> bool:
        """Say whether it has ended for good."""
        return self.state in FINAL_ROLLOUT_STATES


def put(tx: Tx, rollout: Rollout) -> None:
    """Store a rollout in place of the one with its id."""
    tx.put(tables.rollouts, [to_row(rollout)])


def get(tx: Tx, key: str) -> Rollout:
    """Return a rollout; raise `NotFound`."""
    row = tx.row(select(tables.rollouts).where(tables.rollouts.c.id == key))
    if row is None:
        hint = "`anypool rollout list` shows them"
        raise NotFound(f"there is no rollout {key[:80]}", hint=hint)
    return from_row(row, Rollout)


def all_(tx: Tx) -> tuple[Rollout, ...]:
    """Return all rollouts, the newest first."""
    table = tables.rollouts
    rows = tx.rows(select(table).order_by(table.c.started_at.desc(), table.c.id))
    return tuple(from_row(row, Rollout) for row in rows)


def unfinished(tx: Tx) -> tuple[Rollout, ...]:
    """Return the rollouts that have not ended, by id."""
    return tuple(from_row(row, Rollout) for row in tx.rows(_UNFINISHED))


def interrupt(tx: Tx, why: Reason) -> None:
    """Let no unfinished rollout go on by itself: its records were restored."""
    table, mine = tables.rollouts, [one.id for one in unfinished(tx)]
    said = to_row(why)
    tx.run(update(table).where(table.c.id.in_(mine)).values(state=RolloutState.PAUSED, said=said))
