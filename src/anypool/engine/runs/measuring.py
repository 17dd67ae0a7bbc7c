"""What a step took, beside what was expected of it, once it is done."""

from collections.abc import Iterable, Iterator

from anypool.engine.runs.state import RunNow, StepNow
from anypool.model import Inventory, RunId
from anypool.plan import CostModel, MigrateVm, Step
from anypool.plan.price import MODEL, keys_of, kind_of, plain_cost
from anypool.store.measurements import Measurement
from anypool.store.records import StepRecord

_PLAIN = CostModel()


def measured(run: RunNow, ended: Iterable[StepNow], inventory: Inventory) -> Iterator[Measurement]:
    """Yield a measurement of each step that was done at the first attempt, by us."""
    for step in ended:
        record, wish = step.record, run.wish(step.record.number)
        if record.attempts == 1 and record.ended_at > record.begun_at > 0:
            found = _measurement(run.record.id, wish, record, inventory)
            if found is not None:
                yield found


def took_ms(record: StepRecord) -> int:
    """Return how long a step took in milliseconds, 0 for one that has not ended."""
    if not record.begun_at or record.ended_at <= record.begun_at:
        return 0
    return max(1, round(1000 * (record.ended_at - record.begun_at)))


def _measurement(
    run: RunId, wish: Step, record: StepRecord, inventory: Inventory
) -> Measurement | None:
    action, quoted = wish.action, wish.cost
    if isinstance(action, MigrateVm) and action.vm not in inventory.vms:
        return None  # nobody knows how large it was
    base = plain_cost(action, inventory, _PLAIN)
    _, source, target = keys_of(action)[0]
    return Measurement(
        run=run,
        step=record.number,
        at=record.ended_at,
        kind=kind_of(action),
        source=source,
        target=target,
        model=MODEL,
        base_ms=base.duration_ms,
        base_bytes=base.copy_bytes,
        base_pause_ms=base.pause_ms,
        quoted_ms=quoted.duration_ms,
        quoted_bytes=quoted.copy_bytes,
        quoted_pause_ms=quoted.pause_ms,
        took_ms=took_ms(record),
        took_bytes=record.progress_bytes_total,
        took_pause_ms=record.pause_ms,
    )
