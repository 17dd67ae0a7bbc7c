"""What the API shows of prices and of what corrects them."""

from typing import Any

from msgspec import Struct

from anypool.model import HostId, Inventory
from anypool.plan import Correction
from anypool.plan.learning import Lesson


class CorrectionView(Struct, frozen=True, kw_only=True):
    """What runs taught about one kind of action, from one host or between two; factors are of 1.

    `source` and `target` are null for any host.
    """

    kind: str
    source: str | None
    target: str | None
    source_name: str | None
    target_name: str | None
    samples: int
    time: float
    bytes: float
    pause: float


class LessonView(CorrectionView, frozen=True, kw_only=True):
    """A correction, and by how many percent the time was off in the median.

    `plain_percent` is so without corrections, `quoted_percent` as told before each run,
    `corrected_percent` with what is known now.
    """

    plain_percent: float
    quoted_percent: float
    corrected_percent: float


class PricesView(Struct, frozen=True, kw_only=True):
    """The figures prices are made of, before corrections, and what runs taught."""

    bandwidth_mib_s: int
    migrate_overhead_ms: int
    migrate_pause_ms: int
    migrate_mib_mj: int
    migrate_overhead_mj: int
    short_ms: int
    shut_down_ms: int
    moves_at_once: int
    moves_per_host: int
    items: tuple[LessonView, ...]


def correction_view(one: Correction, inventory: Inventory) -> CorrectionView:
    """Return a correction as it is shown."""
    return CorrectionView(**_common(one, inventory))


def _common(one: Correction, inventory: Inventory) -> dict[str, Any]:
    def name(key: str) -> str | None:
        known = inventory.hosts.get(HostId(key))
        return (key or None) if known is None else known.name

    return {
        "kind": one.kind,
        "source": one.source or None,
        "target": one.target or None,
        "source_name": name(one.source),
        "target_name": name(one.target),
        "samples": one.samples,
        "time": one.time / 1000,
        "bytes": one.bytes / 1000,
        "pause": one.pause / 1000,
    }


def lesson_view(lesson: Lesson, inventory: Inventory) -> LessonView:
    """Return a lesson as it is shown."""
    common = _common(lesson.correction, inventory)
    return LessonView(
        **common,
        plain_percent=lesson.plain / 10,
        quoted_percent=lesson.quoted / 10,
        corrected_percent=lesson.corrected / 10,
    )
