"""What is to be reassigned, as numbers: processes, machines, costs and what is never allowed."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from anypool.errors import Invalid

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Problem:
    """P processes of S services on M machines with R resources; all numbers are whole.

    Hard: what a machine's processes require is within its `capacity`, a transient resource
    counted on the old and on the new machine; processes of one service are on different
    machines and in at least `spread` locations; a process of a service that depends on another
    is in a neighbourhood where a process of that other is. `home` is where each process is now.

    The cost is that of load (`load_weight` for each unit above `safe`), of balance
    (`weight * max(0, target * free(r1) - free(r2))` on each machine), and of what is moved:
    `process_weight` times the processes' own prices, `service_weight` times the largest number
    of moved processes of one service, `machine_weight` times the prices of the ways.
    """

    transient: npt.NDArray[np.bool_]  # R
    load_weight: Ints  # R
    neighbourhood: Ints  # M
    location: Ints  # M
    capacity: Ints  # M x R
    safe: Ints  # M x R
    way_price: npt.NDArray[np.int32]  # M x M, from the row to the column
    spread: Ints  # S
    depends: tuple[tuple[int, ...], ...]  # S: services that must be near
    service: Ints  # P
    required: Ints  # P x R
    price: Ints  # P
    balances: Ints  # B x 4: r1, r2, target, weight
    process_weight: int
    service_weight: int
    machine_weight: int
    home: Ints  # P

    @property
    def processes(self) -> int:
        """Return P."""
        return int(self.service.shape[0])

    @property
    def machines(self) -> int:
        """Return M."""
        return int(self.location.shape[0])

    @property
    def services(self) -> int:
        """Return S."""
        return int(self.spread.shape[0])


def usage(problem: Problem, where: Ints) -> Ints:
    """Return what the processes require of each machine (M x R)."""
    used = np.zeros(problem.capacity.shape, dtype=np.int64)
    np.add.at(used, where, problem.required)
    return used


def held(problem: Problem, where: Ints) -> Ints:
    """Return the usage with what moved processes still hold where they were (M x R)."""
    used = usage(problem, where)
    moved = where != problem.home
    np.add.at(used, problem.home[moved], problem.required[moved] * problem.transient)
    return used


def machine_costs(problem: Problem, used: Ints) -> Ints:
    """Return the cost of load and balance of each machine (M)."""
    over = np.maximum(0, used - problem.safe)
    free = problem.capacity - used
    costs: Ints = over @ problem.load_weight
    for first, second, target, weight in problem.balances.tolist():
        costs = costs + weight * np.maximum(0, target * free[:, first] - free[:, second])
    return costs


def cost(problem: Problem, where: Ints) -> int:
    """Return what an assignment costs, whether it is allowed or not."""
    moved = where != problem.home
    counts = np.bincount(problem.service[moved], minlength=1)
    return (
        int(machine_costs(problem, usage(problem, where)).sum())
        + problem.process_weight * int(problem.price[moved].sum())
        + problem.service_weight * int(counts.max())
        + problem.machine_weight * int(problem.way_price[problem.home, where].sum(dtype=np.int64))
    )


def lower_bound(problem: Problem) -> int:
    """Return what no assignment goes below: one machine as large as all, and nothing moved."""
    capacity, required = problem.capacity.sum(axis=0), problem.required.sum(axis=0)
    free = capacity - required
    load = np.maximum(0, required - problem.safe.sum(axis=0)) @ problem.load_weight
    balance = sum(
        weight * max(0, target * int(free[first]) - int(free[second]))
        for first, second, target, weight in problem.balances.tolist()
    )
    return int(load) + int(balance)


def objections(problem: Problem, where: Ints) -> list[str]:
    """Return what is not allowed about an assignment, in words; nothing if it is allowed."""
    found = []
    full = (held(problem, where) > problem.capacity).any(axis=1)
    if full.any():
        found.append(f"machine {int(np.argmax(full))} has less room than is required of it")
    pairs = problem.service * problem.machines + where
    kinds, counts = np.unique(pairs, return_counts=True)
    if (counts > 1).any():
        twice = int(kinds[np.argmax(counts > 1)])
        service, machine = divmod(twice, problem.machines)
        found.append(f"service {service} has two processes on machine {machine}")
    places = _distinct(problem.service, problem.location[where])
    spans = np.bincount(places[:, 0], minlength=problem.services)
    if (spans < problem.spread).any():
        service = int(np.argmax(spans < problem.spread))
        found.append(
            f"service {service} is in {spans[service]} locations instead of "
            f"{problem.spread[service]}"
        )
    return found + _far(problem, where)


def _far(problem: Problem, where: Ints) -> list[str]:
    near: dict[int, set[int]] = {}
    for service, place in _distinct(problem.service, problem.neighbourhood[where]).tolist():
        near.setdefault(service, set()).add(place)
    for service, others in enumerate(problem.depends):
        for other in others:
            alone = near.get(service, set()) - near.get(other, set())
            if alone:
                return [
                    f"service {service} depends on {other}, which has no process in "
                    f"neighbourhood {min(alone)}"
                ]
    return []


def _distinct(first: Ints, second: Ints) -> Ints:
    pairs: Ints = np.unique(np.stack([first, second], axis=1), axis=0)
    return pairs


def check_start(problem: Problem) -> None:
    """Raise `Invalid` where the processes may not even be where they are now."""
    found = objections(problem, problem.home)
    if found:
        raise Invalid(
            f"the assignment to begin with is not allowed: {found[0]}",
            hint="moves are judged from an assignment that keeps all constraints",
        )
