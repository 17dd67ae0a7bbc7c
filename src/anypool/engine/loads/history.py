"""Questions about loads of the past: columns for a graph, percentiles for a planner.

What is asked for is put together from the rows of days, the chunks of hours, and what the
open hour has. Where nobody measured there is a gap.
"""

import logging
from collections.abc import Sequence

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from anypool.engine.loads.kept import KeptHours, tails_of
from anypool.engine.loads.recorder import Recorder
from anypool.errors import Invalid, StoreFailed
from anypool.model.metric import COUNT, GAP, METRIC_NAMES, Values, to_values, value_of
from anypool.model.summary import Percentiles, Summary, merged, percentiles, summed
from anypool.store import Store, Tx, loads
from anypool.store.loadcodec import DAY_S, HOUR_S, Chunk, decode_chunk, decode_day

log = logging.getLogger(__name__)

STEPS_S = (60, 300, 900, 1800, HOUR_S, 4 * HOUR_S, 12 * HOUR_S, DAY_S)
"""From these one is chosen that gives at most `FEW` times, if no step is named."""

FEW = 400
MANY = 10_000
_LONGEST_S = 10 * 366 * DAY_S


class Span(Struct, frozen=True, gc=False):
    """What is asked: from `since` until before `until`, seconds since 1970; `step_s` 0 chooses."""

    since: float
    until: float
    step_s: int = 0


class Column(Struct, frozen=True, kw_only=True):
    """One metric over time, a value or None for each of the times, and over the whole span."""

    min: tuple[float | None, ...]
    mean: tuple[float | None, ...]
    max: tuple[float | None, ...]
    whole: Percentiles


class Series(Struct, frozen=True, kw_only=True):
    """Columns of one object; `times` are when each step begins, seconds since 1970."""

    step_s: int
    times: tuple[int, ...]
    columns: dict[str, Column]


class _Found(Struct, frozen=True):
    """What there is in a span: slots [metric, n] with their times, and days that are rolled up."""

    times: NDArray[np.int64]
    codes: NDArray[np.uint16]
    values: Values
    days: tuple[tuple[int, tuple[Summary, ...]], ...]


class History:
    """Answers from the database and from memory; any thread, and also while standing by."""

    def __init__(self, store: Store, recorder: Recorder, slot_s: int) -> None:
        self._store = store
        self._recorder = recorder
        self._slot_s = slot_s

    def series(self, name: str, metrics: Sequence[str], span: Span) -> Series:
        """Return the loads of a host or VM, by its id; all metrics if none are named.

        Raise `Invalid` for a metric or span that cannot be answered. Where hours are no
        longer kept, the step is a day or more. An object of which nothing is kept has gaps
        alone.
        """
        places = [_place(metric) for metric in metrics] or list(range(COUNT))
        _check(span)
        found = self._find(name, span)
        step_s = self._step(span, found)
        first = int(span.since) // step_s
        size = int(np.ceil(span.until / step_s)) - first
        columns = {
            METRIC_NAMES[at]: _column(found, at, step_s, range(first, first + size))
            for at in places
        }
        times = tuple(range(first * step_s, (first + size) * step_s, step_s))
        return Series(step_s=step_s, times=times, columns=columns)

    def percentiles(self, name: str, metric: str, since: float, until: float) -> Percentiles:
        """Return how a metric of a host or VM was spread over a span; `Invalid` as `series`.

        Off by at most 2 % of a value, plus 2 % of the metric's floor.
        """
        place = _place(metric)
        _check(Span(since, until))
        return percentiles(_whole(self._find(name, Span(since, until)), place), place)

    def spread(self, names: Sequence[str], span: Span) -> dict[str, tuple[Percentiles, ...]]:
        """Return how each metric of many hosts or VMs was spread over a span, in one reading.

        The order is that of `METRICS`; off as `percentiles`, and `Invalid` as there.
        """
        _check(span)
        memory = {name: self._recorder.in_memory(name) for name in names}
        with self._store.reading() as tx:
            found = {name: self._found(tx, name, memory[name], span) for name in names}
        return {
            name: tuple(percentiles(_whole(one, at), at) for at in range(COUNT))
            for name, one in found.items()
        }

    def kept(self, names: Sequence[str], metric: str, hours: range) -> KeptHours:
        """Return what is kept in full of one metric of hosts or VMs, to be read hour by hour.

        Days that are rolled up are left out. `Invalid` for a metric that is not there.
        """
        return KeptHours(self._store, self._recorder, names, _place(metric), hours)

    def _step(self, span: Span, found: _Found) -> int:
        seconds = span.until - span.since
        choice = (self._slot_s, *(step for step in STEPS_S if step > self._slot_s))
        step_s = span.step_s or next((step for step in choice if seconds / step <= FEW), DAY_S)
        step_s = max(step_s, self._slot_s)
        if found.days and step_s % DAY_S:
            step_s = DAY_S * -(-step_s // DAY_S)
        if seconds / step_s > MANY:
            raise Invalid(
                f"{seconds / step_s:.0f} steps are too many",
                hint=f"at most {MANY}; use a longer step",
            )
        return step_s

    def _find(self, name: str, span: Span) -> _Found:
        # Memory first: an hour that becomes a chunk meanwhile is then seen twice, not never.
        memory = self._recorder.in_memory(name)
        with self._store.reading() as tx:
            return self._found(tx, name, memory, span)

    def _found(self, tx: Tx, name: str, memory: list[tuple[int, Chunk]], span: Span) -> _Found:
        hours = range(int(span.since) // HOUR_S, int(np.ceil(span.until / HOUR_S)))
        chunks: list[tuple[int, Chunk]] = []
        days: list[tuple[int, tuple[Summary, ...]]] = []
        if (number := loads.number_of(tx, name)) is not None:
            chunks = _chunks(tx, number, hours)
            days = _days(tx, number, range(hours.start // 24, -(-hours.stop // 24)))
            if not self._recorder.recovered:
                chunks += tails_of(tx, number, hours)
        chunks += [one for one in memory if one[0] in hours]
        have = {hour // 24 for hour, _ in chunks}
        rolled = tuple((day, parts) for day, parts in days if day not in have)
        times, codes = _slots(chunks, span)
        return _Found(times, codes, to_values(codes), rolled)


def _chunks(tx: Tx, number: int, hours: range) -> list[tuple[int, Chunk]]:
    found = []
    for hour, body in loads.chunks(tx, number, hours):
        try:
            found.append((hour, decode_chunk(body)))
        except StoreFailed as error:
            log.warning("a gap in hour %d of object %d: %s", hour, number, error.message)
    return found


def _days(tx: Tx, number: int, span: range) -> list[tuple[int, tuple[Summary, ...]]]:
    found = []
    for day, body in loads.days(tx, number, span):
        try:
            found.append((day, decode_day(body)))
        except StoreFailed as error:
            log.warning("a gap on day %d of object %d: %s", day, number, error.message)
    return found


def _slots(
    chunks: Sequence[tuple[int, Chunk]], span: Span
) -> tuple[NDArray[np.int64], NDArray[np.uint16]]:
    """Return all slots in a span, by time; of two for the same time, the later one counts."""
    times = [
        hour * HOUR_S + np.arange(chunk.codes.shape[1]) * chunk.step_s for hour, chunk in chunks
    ]
    if not times:
        return np.zeros(0, np.int64), np.zeros((COUNT, 0), np.uint16)
    every = np.concatenate(times).astype(np.int64)
    codes = np.concatenate([chunk.codes for _, chunk in chunks], axis=1)
    known = (codes != GAP).any(axis=0) & (every >= span.since) & (every < span.until)
    every, codes = every[known], codes[:, known]
    _, last = np.unique(every[::-1], return_index=True)
    keep = len(every) - 1 - last
    return every[keep], codes[:, keep]


def _column(found: _Found, at: int, step_s: int, steps: range) -> Column:
    size = len(steps)
    low, high = np.full(size, np.inf), np.full(size, -np.inf)
    total: Values = np.zeros(size)
    count: Values = np.zeros(size)
    known = found.codes[at] != GAP
    values = found.values[at][known]
    places = (found.times[known] // step_s) - steps.start
    if places.size:
        starts = np.flatnonzero(np.diff(places, prepend=-1))
        low[places[starts]] = np.minimum.reduceat(values, starts)
        high[places[starts]] = np.maximum.reduceat(values, starts)
        total = np.bincount(places, values, size).astype(np.float64)
        count = np.bincount(places, minlength=size).astype(np.float64)
    for day, parts in found.days:
        part, place = parts[at], day * DAY_S // step_s - steps.start
        if part.count and 0 <= place < size:
            low[place] = min(low[place], value_of(at, part.low))
            high[place] = max(high[place], value_of(at, part.high))
            total[place] += part.total
            count[place] += part.count
    there = count > 0
    mean = np.divide(total, count, out=np.zeros(size), where=there)
    whole = percentiles(_whole(found, at), at)
    return Column(
        min=_told(low, there), mean=_told(mean, there), max=_told(high, there), whole=whole
    )


def _whole(found: _Found, at: int) -> Summary:
    here = summed(found.codes[at], found.values[at])
    return merged([here, *(parts[at] for _, parts in found.days)])


def _told(values: Values, there: NDArray[np.bool_]) -> tuple[float | None, ...]:
    """Return values with three decimals at most, None where there are none."""
    both = zip(np.round(values, 3).tolist(), there.tolist(), strict=True)
    return tuple(value if known else None for value, known in both)


def _place(metric: str) -> int:
    if metric not in METRIC_NAMES:
        hint = f"there are: {', '.join(METRIC_NAMES)}"
        raise Invalid(f"{metric[:80]!r} is nothing that is measured", hint=hint)
    return METRIC_NAMES.index(metric)


def _check(span: Span) -> None:
    if not np.isfinite([span.since, span.until]).all() or span.since < 0:
        raise Invalid("a time is seconds since 1970", hint="such as 1764000000")
    if span.until <= span.since:
        raise Invalid("the time span ends before it begins", hint="`since` must be before `until`")
    if span.until - span.since > _LONGEST_S:
        raise Invalid("the time span is too long", hint="ask for ten years at most")
    if span.step_s < 0:
        raise Invalid("a step cannot be negative", hint="0 chooses one that fits")
