"""What runs teach about prices: a factor for each kind of action and pair of hosts.

A factor is the median of actual by expected, so that one odd run changes nothing, drawn
towards what is known more generally, so that few runs say little, and bounded. All of it
is counted in whole thousandths: equal samples give equal corrections.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence

from msgspec import Struct

from anypool.plan.plan import Cost
from anypool.plan.price import Correction, Key

NEEDED = 5
"""Fewer samples teach nothing."""
NEWEST = 100
"""So many of the newest samples of a key count: what changed is forgotten."""
LEAST, MOST = 50, 20_000
"""No correction is below or above these, in thousandths."""
_PULL = {0: 1, 1: 3, 2: 3}
"""How many samples the more general factor counts as: for all hosts, from one, for a pair."""


class Sample(Struct, frozen=True, kw_only=True, gc=False):
    """What one step took, what the model says without corrections, and what was quoted.

    0 stands for what nobody measured.
    """

    kind: str
    source: str = ""
    target: str = ""
    base: Cost
    quoted: Cost
    took: Cost


class Lesson(Struct, frozen=True, kw_only=True, gc=False):
    """A correction, and how far the time was off in the median, in thousandths of what it took.

    `plain` is so without corrections, `quoted` as it was told before each run, `corrected` if
    what is known now had been known.
    """

    correction: Correction
    plain: int
    quoted: int
    corrected: int


def lessons(samples: Iterable[Sample]) -> tuple[Lesson, ...]:
    """Return what samples teach, newest first, the general before the particular."""
    groups = _grouped(samples)
    found: dict[Key, Correction] = {}
    for key in sorted(groups, key=_order):
        some = groups[key]
        if len(some) >= NEEDED:
            found[key] = _correction(key, some, found)
    return tuple(_lesson(one, groups[key]) for key, one in found.items())


def corrections(samples: Iterable[Sample]) -> tuple[Correction, ...]:
    """Return the corrections alone."""
    return tuple(one.correction for one in lessons(samples))


def _grouped(samples: Iterable[Sample]) -> dict[Key, list[Sample]]:
    groups: dict[Key, list[Sample]] = defaultdict(list)
    for one in samples:
        if one.took.duration_ms <= 0 or one.base.duration_ms <= 0:
            continue
        keys = {(one.kind, "", ""), (one.kind, one.source, ""), (one.kind, one.source, one.target)}
        for key in keys:
            if len(groups[key]) < NEWEST:
                groups[key].append(one)
    return groups


def _order(key: Key) -> tuple[int, Key]:
    return _depth(key), key


def _depth(key: Key) -> int:
    return bool(key[1]) + bool(key[2])


def _correction(key: Key, some: Sequence[Sample], known: dict[Key, Correction]) -> Correction:
    kind, source, target = key
    above = known.get((kind, source, "")) if target else None
    above = above or (known.get((kind, "", "")) if source else None)
    general = above or Correction(kind=kind, samples=0)

    def factor(of: Callable[[Cost], int], otherwise: int) -> int:
        ratios = [1000 * of(s.took) // of(s.base) for s in some if of(s.took) and of(s.base)]
        if len(ratios) < NEEDED:
            return otherwise
        pull = _PULL[_depth(key)]
        drawn = (len(ratios) * median(ratios) + pull * otherwise) // (len(ratios) + pull)
        return min(max(drawn, LEAST), MOST)

    return Correction(
        kind=kind,
        source=source,
        target=target,
        samples=len(some),
        time=factor(lambda cost: cost.duration_ms, general.time),
        bytes=factor(lambda cost: cost.copy_bytes, general.bytes),
        pause=factor(lambda cost: cost.pause_ms, general.pause),
    )


def _lesson(correction: Correction, some: Sequence[Sample]) -> Lesson:
    def error(said: Callable[[Sample], int]) -> int:
        off = [1000 * abs(said(s) - s.took.duration_ms) // s.took.duration_ms for s in some]
        return median(off)

    return Lesson(
        correction=correction,
        plain=error(lambda one: one.base.duration_ms),
        quoted=error(lambda one: one.quoted.duration_ms),
        corrected=error(lambda one: one.base.duration_ms * correction.time // 1000),
    )


def median(numbers: Sequence[int]) -> int:
    """Return the median of at least one whole number, rounded down."""
    ordered, half = sorted(numbers), len(numbers) // 2
    if len(ordered) % 2:
        return ordered[half]
    return (ordered[half - 1] + ordered[half]) // 2
