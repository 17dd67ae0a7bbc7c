"""What steps took, beside what was expected of them; kept when their runs are forgotten."""

from collections.abc import Iterable
from typing import Any

from msgspec import Struct
from sqlalchemy import bindparam, func, select

from anypool.model import RunId
from anypool.store.kept_tables import measurements
from anypool.store.tx import Tx, from_row, to_row

_LATEST = select(func.max(measurements.c.at))
_SO_LATE = select(func.count()).where(measurements.c.at == bindparam("at"))


class Measurement(Struct, frozen=True, kw_only=True, gc=False):
    """One step that went through at once. 0 stands for what nobody measured.

    `base_...` is what the model of prices says without corrections (`model` is its number),
    `quoted_...` what the plan said, `took_...` what came of it. Times are milliseconds.
    """

    run: RunId
    step: int
    at: float
    kind: str
    source: str
    target: str
    model: int
    base_ms: int = 0
    base_bytes: int = 0
    base_pause_ms: int = 0
    quoted_ms: int = 0
    quoted_bytes: int = 0
    quoted_pause_ms: int = 0
    took_ms: int = 0
    took_bytes: int = 0
    took_pause_ms: int = 0


def put(tx: Tx, found: Iterable[Measurement]) -> None:
    """Keep measurements; one of the same step is replaced."""
    tx.put(measurements, [to_row(one) for one in found])


def newest(tx: Tx, model: int, limit: int) -> tuple[Measurement, ...]:
    """Return the newest measurements that were made against a model, newest first."""
    order = (measurements.c.at.desc(), measurements.c.run, measurements.c.step)
    mine = select(measurements).where(measurements.c.model == model)
    return tuple(from_row(row, Measurement) for row in tx.rows(mine.order_by(*order).limit(limit)))


def mark(tx: Tx) -> tuple[int, float]:
    """Return what changes whenever a measurement comes: how many newest ones, and their time."""
    latest: Any = tx.row(_LATEST)
    newest_at = float(latest[0] or 0.0)
    return tx.count(_SO_LATE, at=newest_at), newest_at
