"""The model that prices are made with: figures of this installation, corrected by its runs."""

import threading

from anypool.plan import Cost, CostModel
from anypool.plan.learning import Lesson, Sample, lessons
from anypool.plan.price import MODEL
from anypool.planner.wish import Terms
from anypool.settings import Settings
from anypool.store import Store, measurements
from anypool.store.measurements import Measurement

LOOKED_AT = 5000
"""So many of the newest measurements teach."""


class Prices:
    """What was learned so far; it is learned anew when a measurement has come. Any thread."""

    def __init__(self, store: Store, settings: Settings) -> None:
        self._store = store
        self._plain = CostModel(
            moves_per_host=settings.moves_per_host, steps_at_once=settings.steps_at_once
        )
        self.slots = settings.moves_per_pool
        self._lock = threading.Lock()
        self._mark: tuple[int, float] = (-1, 0.0)
        self._lessons: tuple[Lesson, ...] = ()

    def lessons(self) -> tuple[Lesson, ...]:
        """Return what runs taught, the general before the particular."""
        with self._store.reading() as tx:
            mark = measurements.mark(tx)
            with self._lock:
                if mark == self._mark:
                    return self._lessons
            found = measurements.newest(tx, MODEL, LOOKED_AT)
        learned = lessons(map(sample, found))
        with self._lock:
            self._mark, self._lessons = mark, learned
        return learned

    def model(self) -> CostModel:
        """Return the figures of now with all corrections."""
        learned = tuple(one.correction for one in self.lessons())
        return CostModel(
            moves_per_host=self._plain.moves_per_host,
            steps_at_once=self._plain.steps_at_once,
            corrections=learned,
        )

    def terms(self, by: str = "", *, waive: bool | None = None) -> Terms:
        """Return how a plan is priced and judged now; see `Terms`."""
        return Terms(model=self.model(), slots=self.slots, by=by, waive=waive)


def sample(one: Measurement) -> Sample:
    """Return a measurement as learning wants it."""
    return Sample(
        kind=one.kind,
        source=one.source,
        target=one.target,
        base=Cost(duration_ms=one.base_ms, copy_bytes=one.base_bytes, pause_ms=one.base_pause_ms),
        quoted=Cost(
            duration_ms=one.quoted_ms, copy_bytes=one.quoted_bytes, pause_ms=one.quoted_pause_ms
        ),
        took=Cost(duration_ms=one.took_ms, copy_bytes=one.took_bytes, pause_ms=one.took_pause_ms),
    )
