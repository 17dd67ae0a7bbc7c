"""The search: short cycles of all kinds on several cores, then long ones of the best kinds."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from dataclasses import dataclass
from threading import Event

from anypool.planner.reassign.core import Core
from anypool.planner.reassign.course import Kind
from anypool.planner.reassign.problem import Ints, Problem, check_start
from anypool.planner.reassign.tables import tables

Pace = Callable[[int], float]
"""Given the steps a core has done, the share of the budget that is spent; 1 ends it.

It is asked by several threads."""

FIRST_KIND = Kind(relaxed=False, pull=40.0)

FREE = Kind(relaxed=True, pull=0.0), Kind(relaxed=False, pull=40.0)
"""What is tried where no resource is transient; the order decides between equals."""

HELD = (
    Kind(relaxed=False, pull=40.0),
    Kind(relaxed=True, pull=20.0),
    Kind(relaxed=False, pull=10.0),
    Kind(relaxed=True, pull=10.0),
)
"""What is tried where moved processes hold resources twice: a weak pull fills the machines."""

FIRST = 0.02
"""Share of the budget for a first cycle, so that something is there."""

TRIALS = 0.2
"""Share of the budget at which all kinds were tried."""

CLOSE = 1.02
"""Up to how many times the cost of the best kind the next one is not given up."""

TOLD_EVERY_S = 0.5


@dataclass(frozen=True)
class Found:
    """The best assignment so far, its cost, and the share of the budget spent."""

    where: Ints
    cost: int
    spent: float
    steps: int


def search(problem: Problem, pace: Pace, *, cores: int = 1, seed: int = 0) -> Iterator[Found]:
    """Yield the best assignment so far now and then, until the budget is spent.

    The same seed, cores and number of steps give the same assignment in the end. Raise
    `Invalid` where the assignment to begin with is not allowed.
    """
    check_start(problem)
    team = Team(problem, pace, cores, seed)
    yield team.best(0.0)
    with ThreadPoolExecutor(cores) as pool:
        try:
            yield from team.work(pool)
        finally:
            team.stop.set()
    yield team.best(1.0)


class Team:
    """The cores, and what they find."""

    def __init__(self, problem: Problem, pace: Pace, cores: int, seed: int) -> None:
        """Begin at home."""
        table = tables(problem)
        self._cores = [Core(problem, table, seed, number) for number in range(cores)]
        self._pace = pace
        self._home = problem.home
        self._kinds = HELD if problem.transient.any() else FREE
        self.stop = Event()

    def best(self, spent: float) -> Found:
        """Return the best so far."""
        best = min(self._cores, key=lambda core: core.cost)
        return Found(where=best.where, cost=best.cost, spent=spent, steps=self._cores[0].steps)

    def work(self, pool: ThreadPoolExecutor) -> Iterator[Found]:
        """Try all kinds, go on with the best ones, and yield what is there meanwhile."""
        self._cores[0].compile()
        begin, cores = self._pace(0), len(self._cores)
        yield from self._cycles(pool, [FIRST_KIND] * cores, (begin, FIRST), {})
        begin, slots, costs = max(begin, FIRST), -(-len(self._kinds) // cores), dict[Kind, int]()
        for slot in range(slots):
            end = begin + (TRIALS - begin) / (slots - slot)
            kinds = self._kinds[slot * cores : (slot + 1) * cores]
            yield from self._cycles(pool, kinds, (begin, end), costs)
            begin = end
        yield from self._cycles(pool, _chosen(costs, cores), (begin, 1.0), {})

    def _cycles(
        self,
        pool: ThreadPoolExecutor,
        kinds: Sequence[Kind],
        part: tuple[float, float],
        costs: dict[Kind, int],
    ) -> Iterator[Found]:
        """Let each core make a cycle in a part of the budget; note the costs at its end."""
        if part[0] >= part[1]:
            return
        share = self._share(*part)
        running = [
            pool.submit(core.cycle, kind, self._home, share)
            for core, kind in zip(self._cores, kinds, strict=False)
        ]
        waiting = set(running)
        while waiting:
            done, waiting = wait(waiting, TOLD_EVERY_S, return_when=FIRST_EXCEPTION)
            for one in done:
                one.result()
            yield self.best(min(1.0, self._pace(self._cores[0].steps)))
        costs |= {kind: one.result() for kind, one in zip(kinds, running, strict=False)}

    def _share(self, begin: float, end: float) -> Callable[[int], float]:
        """Return what tells the share of a part of the budget that is over, by a core's steps."""

        def share(steps: int) -> float:
            over = (self._pace(steps) - begin) / (end - begin)
            return 1.0 if self.stop.is_set() else over

        return share


def _chosen(costs: dict[Kind, int], cores: int) -> list[Kind]:
    """Return a kind for each core: the best ones in turn, as far as they are close."""
    if not costs:
        return [FIRST_KIND] * cores
    ranked = sorted(costs, key=lambda kind: costs[kind])
    close = [kind for kind in ranked if costs[kind] <= CLOSE * costs[ranked[0]]]
    return [close[number % len(close)] for number in range(cores)]
