"""Judges assignments by the definitions alone, in plain Python; shares no code with planners."""

from dataclasses import dataclass, replace
from itertools import product

from hypothesis import strategies as st


@dataclass(frozen=True)
class Machine:
    neighbourhood: int
    location: int
    capacity: list[int]
    safe: list[int]
    ways: list[int]


@dataclass(frozen=True)
class Instance:
    """An instance of the machine reassignment problem."""

    resources: list[tuple[int, int]]  # transient, weight of load
    machines: list[Machine]
    services: list[tuple[int, list[int]]]  # spread, depends on
    processes: list[tuple[int, list[int], int]]  # service, needs, price
    balances: list[tuple[int, int, int, int]]
    weights: tuple[int, int, int]
    home: list[int]

    def model(self) -> str:
        lines = [str(len(self.resources)), *(f"{t} {w}" for t, w in self.resources)]
        lines.append(str(len(self.machines)))
        for one in self.machines:
            row = [one.neighbourhood, one.location, *one.capacity, *one.safe, *one.ways]
            lines.append(" ".join(map(str, row)))
        lines.append(str(len(self.services)))
        lines += [" ".join(map(str, [s, len(d), *d])) for s, d in self.services]
        lines.append(str(len(self.processes)))
        lines += [" ".join(map(str, [s, *needs, price])) for s, needs, price in self.processes]
        lines.append(str(len(self.balances)))
        lines += [f"{a} {b} {t}\n{w}" for a, b, t, w in self.balances]
        return "\n".join([*lines, " ".join(map(str, self.weights))]) + "\n"

    def assignment(self) -> str:
        return " ".join(map(str, self.home)) + "\n"

    def used(self, where: list[int], machine: int, resource: int) -> int:
        return sum(
            needs[resource]
            for place, (_, needs, _) in zip(where, self.processes, strict=True)
            if place == machine
        )

    def cost(self, where: list[int]) -> int:
        total = 0
        for number, one in enumerate(self.machines):
            used = [self.used(where, number, r) for r in range(len(self.resources))]
            free = [c - u for c, u in zip(one.capacity, used, strict=True)]
            for (_, weight), u, safe in zip(self.resources, used, one.safe, strict=True):
                total += weight * max(0, u - safe)
            for a, b, target, weight in self.balances:
                total += weight * max(0, target * free[a] - free[b])
        moved = [p for p, place in enumerate(where) if place != self.home[p]]
        most = [sum(self.processes[p][0] == s for p in moved) for s in range(len(self.services))]
        total += self.weights[0] * sum(self.processes[p][2] for p in moved)
        total += self.weights[1] * max(most)
        ways = (self.machines[self.home[p]].ways[place] for p, place in enumerate(where))
        return total + self.weights[2] * sum(ways)

    def priced(self, where: list[int], prices: list[int]) -> int:
        """Return the cost with a price for each unit above capacity."""
        total = self.cost(where)
        for machine, one in enumerate(self.machines):
            for r, (transient, _) in enumerate(self.resources):
                stays = [
                    needs[r]
                    for place, old, (_, needs, _) in zip(
                        where, self.home, self.processes, strict=True
                    )
                    if place == machine or (transient and old == machine)
                ]
                total += prices[r] * max(0, sum(stays) - one.capacity[r])
        return total

    def allowed(self, where: list[int]) -> bool:
        return self.fits(where) and self.apart(where) and self.near(where)

    def fits(self, where: list[int]) -> bool:
        for number, one in enumerate(self.machines):
            for r, (transient, _) in enumerate(self.resources):
                used = self.used(where, number, r)
                if transient:
                    used += sum(
                        needs[r]
                        for place, old, (_, needs, _) in zip(
                            where, self.home, self.processes, strict=True
                        )
                        if old == number and place != number
                    )
                if used > one.capacity[r]:
                    return False
        return True

    def apart(self, where: list[int]) -> bool:
        for number, (spread, _) in enumerate(self.services):
            places = [w for w, (s, _, _) in zip(where, self.processes, strict=True) if s == number]
            if len(set(places)) < len(places):
                return False
            if len({self.machines[place].location for place in places}) < spread:
                return False
        return True

    def near(self, where: list[int]) -> bool:
        hoods = {
            (service, self.machines[place].neighbourhood)
            for place, (service, _, _) in zip(where, self.processes, strict=True)
        }
        return all(
            (other, hood) in hoods for service, hood in hoods for other in self.services[service][1]
        )

    def best(self) -> int:
        """Return the lowest cost of all assignments that are allowed, by trying all."""
        machines = range(len(self.machines))
        return min(
            self.cost(list(where))
            for where in product(machines, repeat=len(self.processes))
            if self.allowed(list(where))
        )


@st.composite
def instances(draw: st.DrawFn, processes: int = 6, machines: int = 4) -> Instance:
    """Draw an instance that is tight, and whose assignment to begin with is allowed."""
    number = draw(st.integers(2, machines))
    count = draw(st.integers(1, processes))
    kinds = draw(st.lists(st.tuples(st.integers(0, 1), st.integers(0, 5)), min_size=2, max_size=3))
    home = draw(st.lists(st.integers(0, number - 1), min_size=count, max_size=count))
    hoods = [draw(st.integers(0, 1)) for _ in range(number)]
    places = [draw(st.integers(0, 2)) for _ in range(number)]
    needs = [[draw(st.integers(0, 6)) for _ in kinds] for _ in range(count)]
    members = _services(draw, home)
    of = {p: s for s, group in enumerate(members) for p in group}
    rows = []
    for machine in range(number):
        used = [
            sum(needs[p][r] for p in range(count) if home[p] == machine) for r in range(len(kinds))
        ]
        capacity = [u + draw(st.integers(0, 6)) for u in used]
        safe = [draw(st.integers(0, c)) for c in capacity]
        ways = [0 if m == machine else draw(st.integers(0, 3)) for m in range(number)]
        rows.append(Machine(hoods[machine], places[machine], capacity, safe, ways))
    balances = st.tuples(st.just(0), st.just(1), st.integers(0, 3), st.integers(0, 3))
    return Instance(
        resources=kinds,
        machines=rows,
        services=[
            (_spread(draw, group, home, places), _needs(draw, s, members, home, hoods))
            for s, group in enumerate(members)
        ],
        processes=[(of[p], needs[p], draw(st.integers(0, 3))) for p in range(count)],
        balances=draw(st.lists(balances, max_size=2)),
        weights=(draw(st.integers(0, 2)), draw(st.integers(0, 5)), draw(st.integers(0, 2))),
        home=home,
    )


def _services(draw: st.DrawFn, home: list[int]) -> list[list[int]]:
    """Return the processes of each service, no two of them on one machine."""
    members: list[list[int]] = []
    for process, place in enumerate(home):
        free = [g for g in members if all(home[p] != place for p in g)]
        if free and draw(st.booleans()):
            draw(st.sampled_from(free)).append(process)
        else:
            members.append([process])
    return members


def _spread(draw: st.DrawFn, group: list[int], home: list[int], places: list[int]) -> int:
    return draw(st.integers(0, len({places[home[p]] for p in group})))


def _needs(
    draw: st.DrawFn, service: int, members: list[list[int]], home: list[int], hoods: list[int]
) -> list[int]:
    """Return services that are in all neighbourhoods that a service is in."""
    here = {hoods[home[p]] for p in members[service]}
    near = [
        other
        for other, group in enumerate(members)
        if other != service and here <= {hoods[home[p]] for p in group}
    ]
    return draw(st.lists(st.sampled_from(near), max_size=2, unique=True)) if near else []


def bare(machines: list[Machine], needs: list[list[int]], home: list[int]) -> Instance:
    """Return processes that are a service each, where only load and being near cost."""
    return Instance(
        resources=[(0, 1), (0, 0)],
        machines=machines,
        services=[(0, [])] * len(needs),
        processes=[(number, need, 0) for number, need in enumerate(needs)],
        balances=[],
        weights=(0, 0, 0),
        home=home,
    )


ONLY_BY_EXCHANGE = bare(
    [Machine(0, 0, [8, 0], [8, 0], [0] * 2), Machine(0, 0, [3, 0], [0, 0], [0] * 2)],
    [[2, 0], [5, 0], [3, 0]],
    [0, 0, 1],
)
HELD_AT_HOME = replace(
    bare(
        [Machine(0, 0, [1, 0], [1, 0], [0] * 2), Machine(1, 0, [1, 0], [0, 0], [0] * 2)],
        [[0, 0], [1, 0], [0, 0]],
        [0, 1, 0],
    ),
    resources=[(0, 1), (1, 0)],
)
