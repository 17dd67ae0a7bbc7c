"""Advice about a machine reassignment file: a better assignment, its cost and its gap."""

from collections.abc import Iterator

from msgspec import Struct

from anypool.exchange.roadef import read, write
from anypool.planner.reassign import COMPILED, Pace, Problem, cost, lower_bound, search

FAST = COMPILED
"""Whether numba is there; without it the search is much slower."""


class Reassigned(Struct, frozen=True, kw_only=True):
    """What was found so far; `gap_percent` is from the lower bound, `text` the assignment.

    `moves` counts processes that are not where they were, `spent` is the share of the budget.
    """

    before: int
    after: int
    lower_bound: int
    gap_percent: float
    moves: int
    spent: float
    steps: int
    text: str


def reassign_roadef(
    model: str, assignment: str, pace: Pace, *, cores: int = 1, seed: int = 0
) -> Iterator[Reassigned]:
    """Yield what was found so far, again and again, until the pace says that it is enough.

    Raise `Invalid` with a line number where a text is wrong.
    """
    yield from _found(read(model, assignment), pace, cores, seed)


def _found(problem: Problem, pace: Pace, cores: int, seed: int) -> Iterator[Reassigned]:
    before, bound = cost(problem, problem.home), lower_bound(problem)
    text, moves, known = "", 0, -1
    for found in search(problem, pace, cores=cores, seed=seed):
        if found.cost != known:
            known, text = found.cost, write(found.where)
            moves = int((found.where != problem.home).sum())
        yield Reassigned(
            before=before,
            after=found.cost,
            lower_bound=bound,
            gap_percent=100.0 * (found.cost - bound) / max(bound, 1),
            moves=moves,
            spent=found.spent,
            steps=found.steps,
            text=text,
        )
