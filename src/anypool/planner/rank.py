"""Choose among many hosts at once: filters with reason codes, then ranks times factors.

Everything is a column with one entry for each host. What runs of plans have promised but
nobody has observed yet is `pending` and counts as used.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from anypool.errors import Invalid

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Masks = npt.NDArray[np.bool_]

ACCEPTED = -1
"""In `Ranking.refused`: no filter refuses the host."""


@dataclass(frozen=True, kw_only=True)
class Room:
    """What hosts have: `free` as observed, `pending` as promised since; R x H, R names."""

    names: tuple[str, ...]
    free: Ints
    pending: Ints


@dataclass(frozen=True, kw_only=True)
class Filter:
    """A hard need: hosts where `passes` is false are refused with `code`."""

    code: str
    passes: Masks


@dataclass(frozen=True, kw_only=True)
class Weight:
    """A preference: hosts are ranked by `value`, larger is better, and the rank counts `factor`.

    Ranks, unlike values, do not let one column with large numbers drown the others.
    """

    code: str
    value: Floats
    factor: float


@dataclass(frozen=True, kw_only=True)
class Ranking:
    """The hosts that would do, best first, and why the others would not.

    `refused` has for each host the number of the first filter against it in `codes`,
    or `ACCEPTED`. `points` are those of the hosts in `order`.
    """

    order: Ints
    points: Floats
    refused: Ints
    codes: tuple[str, ...]

    def why(self, host: int) -> str | None:
        """Return the code of what refuses a host, None if nothing does."""
        number = int(self.refused[host])
        return None if number == ACCEPTED else self.codes[number]

    def counts(self) -> dict[str, int]:
        """Return how many hosts each filter refused, in the order of the filters."""
        found = np.bincount(self.refused[self.refused != ACCEPTED], minlength=len(self.codes))
        return {code: int(count) for code, count in zip(self.codes, found, strict=True) if count}


def rank(
    room: Room,
    need: Ints,
    filters: tuple[Filter, ...],
    weights: tuple[Weight, ...],
    best: int = 0,
) -> Ranking:
    """Return which hosts may take a VM that needs `need` (R numbers), best first.

    `filters` are asked in order, then room for each resource with the code `room.NAME`.
    Equal hosts keep their order. With `best` only so many hosts are put in order.
    Raise `Invalid` where columns are not as long as there are hosts.
    """
    hosts = room.free.shape[1]
    columns = [*(one.passes for one in filters), *(one.value for one in weights)]
    if room.pending.shape != room.free.shape or any(len(one) != hosts for one in columns):
        raise Invalid(f"a column has not one entry for each of {hosts} hosts")
    if need.shape != (room.free.shape[0],) or len(room.names) != room.free.shape[0]:
        raise Invalid("the need must have a number for each resource")
    checks = [*filters, *_room_filters(room, need)]
    refused = np.full(hosts, ACCEPTED, dtype=np.int64)
    for number in range(len(checks) - 1, -1, -1):
        refused[~checks[number].passes] = number
    accepted = np.flatnonzero(refused == ACCEPTED)
    points = np.zeros(accepted.shape[0])
    for weight in weights:
        points += weight.factor * _ranks(weight.value[accepted])
    order = _best(points, best)
    return Ranking(
        order=accepted[order],
        points=points[order],
        refused=refused,
        codes=tuple(check.code for check in checks),
    )


def _room_filters(room: Room, need: Ints) -> list[Filter]:
    left = room.free - room.pending
    return [
        Filter(code=f"room.{name}", passes=(left[number] >= need[number]) | (need[number] == 0))
        for number, name in enumerate(room.names)
    ]


def _ranks(value: Floats) -> Floats:
    """Return 0 for the least value up to 1 for the greatest; equal values have equal ranks."""
    if not value.shape[0]:
        return value
    order = np.argsort(value, kind="stable")
    sorted_value = value[order]
    steps = np.concatenate([[0], np.cumsum(sorted_value[1:] != sorted_value[:-1])])
    ranks = np.empty(value.shape[0])
    ranks[order] = steps / max(1, int(steps[-1]))
    return ranks


def _best(points: Floats, best: int) -> Ints:
    if 0 < best < points.shape[0]:
        limit = np.partition(points, points.shape[0] - best)[points.shape[0] - best]
        some = np.flatnonzero(points >= limit)
        return np.asarray(some[np.argsort(-points[some], kind="stable")][:best])
    return np.argsort(-points, kind="stable")
