"""Empty one host after the other, the cheapest first, until none can be emptied any more.

Hosts that run nothing already come first: they are needed only for failures. The VMs of a
host go to the fullest hosts in use that have room in every column; where one finds no room,
it takes the place of a smaller one that does. What the numbers do not hold is asked of the
rulebook when a move is made on the copy. It ends where every host was tried in vain on the
same placement, so that a second run on the result finds nothing either.
"""

from collections.abc import Callable, Sequence

import numpy as np
from msgspec import Struct

from anypool.model import Inventory, Priority
from anypool.plan import Reason, reason
from anypool.planner.balance import Floats, Ints
from anypool.planner.fewest.bound import least_hosts
from anypool.planner.fewest.problem import EPS, Problem, Wish, problem_of
from anypool.planner.fewest.repack import repacked
from anypool.planner.fewest.state import Move, State, shares_left
from anypool.planner.fewest.survive import Survival
from anypool.planner.place import pinned

FEW = 60
"""Up to so many hosts the survival of failures is asked after each one that is emptied."""
EXCHANGES = 40
"""Smaller VMs that are tried for making room for one."""


class Stays(Struct, frozen=True):
    """A host that is needed: the VM that keeps it so, -1 if it runs none, and why."""

    vm: int
    why: Reason


class Found(Struct, frozen=True, kw_only=True):
    """The moves in their order, the hosts that are not needed then, and why others are.

    `survives` says whether the failures that were asked for are survived.
    """

    problem: Problem
    moves: tuple[Move, ...]
    placed: Ints
    empty: tuple[int, ...]
    stays: dict[int, Stays]
    bound: int
    complete: bool
    survives: bool = True


def never() -> bool:
    """Return False: nothing ends the search early."""
    return False


class Search:
    """Empties hosts on a state until it is done or `stop` says so."""

    def __init__(
        self, state: State, wish: Wish, survival: Survival, stop: Callable[[], bool] = never
    ) -> None:
        self.state = state
        self.stays: dict[int, Stays] = {}
        self.empty: list[int] = []
        self._problem = state.problem
        self._wish = wish
        self._survival = survival
        self._stop = stop
        self._pack = {vm: group for group in self._problem.together for vm in group}
        self._marks: list[int] = []
        restarts = [wish.rules.priority(vm) is not Priority.DISABLED for vm in self._problem.vms]
        failures = _failures(state, wish, survival)
        self.bound = least_hosts(self._problem, np.array(restarts, dtype=np.bool_), failures)

    def run(self, inventory: Inventory) -> Found:
        """Search until nothing more can be emptied; return what was found."""
        self._fix(inventory)
        late = self._survival.asked and len(self._problem.hosts) > FEW
        complete = self._passes(check=not late)
        if late and self._weak() is not None:
            self._back()
            complete = self._passes(check=True) and complete
        return Found(
            problem=self._problem,
            moves=tuple(self.state.moves),
            placed=self.state.placed,
            empty=tuple(self.empty),
            stays=self.stays,
            bound=self.bound,
            complete=complete,
            survives=self._survival.wanted is None or self._survival.wanted.holds,
        )

    def _fix(self, inventory: Inventory) -> None:
        """Note the hosts that cannot be emptied because a VM cannot leave."""
        for vm in np.flatnonzero(~self._problem.movable).tolist():
            record = inventory.vms[self._problem.vms[vm]]
            host = inventory.hosts[self._problem.hosts[int(self._problem.placed[vm])]]
            why = pinned(inventory, record) or self._wish.rules.pinned(record.id)
            why = why or reason("consolidate.alone", vm=record.name)
            told = reason("consolidate.cannot-leave", host=host.name, why=why)
            self.stays.setdefault(int(self._problem.placed[vm]), Stays(vm, told))

    def _passes(self, *, check: bool) -> bool:
        fixed = set(self._problem.placed[~self._problem.movable].tolist())
        before, tried = -1, set[int]()
        while len(self._problem.hosts) - len(self.empty) > self.bound:
            if self._stop():
                return False
            victim = self._next(fixed | tried)
            if victim is not None:
                tried.add(victim)
                self._try(victim, check=check)
            elif len(self.empty) == before:
                return True
            else:
                before, tried = len(self.empty), set()
        return True

    def _next(self, done: set[int]) -> int | None:
        """Return the host to empty with the least memory to move for a watt that is saved.

        Where watts are unknown all hosts count alike.
        """
        hosts = self._problem.hosts
        memory = np.bincount(self.state.placed, self._problem.take[:, 0], len(hosts))
        known = [one.idle for one in self._wish.watts.values()]
        usual = max(1.0, sum(known) / len(known)) if known else 1.0
        cost: list[tuple[float, float, int]] = []
        for host in set(range(len(hosts))) - done - set(self.empty):
            watts = self._wish.watts.get(hosts[host])
            idle = usual if watts is None else max(1.0, watts.idle)
            cost.append((float(memory[host]) / idle, -idle, host))
        return min(cost)[2] if cost else None

    def _try(self, victim: int, *, check: bool) -> None:
        mark = len(self.state.moves)
        stuck = self._emptied(victim, mark)
        name = self.state.world.hosts[self._problem.hosts[victim]].name
        if stuck >= 0:
            self.stays[victim] = Stays(stuck, reason("consolidate.no-place", host=name))
            return
        self.empty.append(victim)
        if check and (why := self._weak()) is not None:
            vm = next((move.vm for move in self.state.moves[mark:]), -1)
            self.state.undo(mark)
            self.empty.pop()
            self.stays[victim] = Stays(vm, reason("consolidate.needed", host=name, why=why))
            return
        self._marks.append(mark)
        self.stays.pop(victim, None)

    def _weak(self) -> Reason | None:
        keys = [self._problem.hosts[one] for one in self.empty]
        return self._survival.against(self.state.world, keys)

    def _back(self) -> None:
        """Take back as few of the emptied hosts as failures need, by halving."""
        marks, empty, moves = self._marks, self.empty, list(self.state.moves)
        low, high = 0, len(empty)
        while high - low > 1:
            middle = (low + high) // 2
            self._replay(moves, marks[middle], empty[:middle])
            low, high = (low, middle) if self._weak() is not None else (middle, high)
        self._replay(moves, marks[low], empty[:low])
        self._marks = marks[:low]

    def _replay(self, moves: list[Move], end: int, empty: list[int]) -> None:
        """Be where the first `end` moves lead."""
        self.state.undo(min(end, len(self.state.moves)))
        self.empty = list(empty)
        at = len(self.state.moves)
        while at < end:
            unit = [one for one in moves[at:end] if one.step == moves[at].step]
            self.state.go([one.vm for one in unit], unit[0].target, unit[0].room_for)
            at += len(unit)

    def _emptied(self, victim: int, mark: int) -> int:
        """Empty a host in one of several ways; return the VM that all fail at, or -1."""
        stuck = -1
        for prefer in (fullest, shaped):
            stuck = self._leave(victim, prefer)
            if stuck < 0:
                break
            self.state.undo(mark)
        return stuck

    def _leave(self, victim: int, prefer: "Prefer") -> int:
        """Move all VMs of a host elsewhere; return the first that found no place, or -1."""
        for unit in self._units(victim):
            if not self._placed(unit, prefer, {victim}) and not (
                len(unit) == 1 and self._exchanged(unit[0], prefer, victim)
            ):
                return unit[0]
        return -1

    def _units(self, victim: int) -> list[list[int]]:
        """Return the VMs of a host as they must go, largest first."""
        there = np.flatnonzero(self.state.placed == victim).tolist()
        units: dict[int, list[int]] = {}
        for vm in there:
            mates = set(self._pack.get(vm, ())).intersection(there)
            units.setdefault(min(mates, default=vm), []).append(vm)
        size = self._problem.take / np.maximum(self._problem.room[victim], 1.0)
        return sorted(units.values(), key=lambda unit: (-float(size[unit].sum()), unit))

    def _placed(
        self, unit: Sequence[int], prefer: "Prefer", avoid: set[int], room_for: int = -1
    ) -> bool:
        fits = self.state.fits(unit)
        fits[[*avoid, *self.empty]] = False
        fits[self._unused()] = False
        targets = np.flatnonzero(fits)
        if not targets.size:
            return False
        worth = prefer(self.state, unit, targets)
        order = targets[np.argsort(worth, kind="stable")].tolist()
        return any(self.state.go(unit, target, room_for) for target in order)

    def _unused(self) -> list[int]:
        used = np.bincount(self.state.placed, minlength=len(self._problem.hosts))
        return [int(one) for one in np.flatnonzero(used == 0)]

    def _exchanged(self, vm: int, prefer: "Prefer", victim: int) -> bool:
        """Let a VM take the place of a smaller one that finds room elsewhere."""
        state, take = self.state, self._problem.take
        scale = np.maximum(self._problem.room[victim], 1.0)
        size = (take / scale).sum(axis=1)
        some = self._problem.movable & (state.placed != victim) & (size < size[vm] - EPS)
        some &= ~np.isin(state.placed, self.empty)
        rows = np.flatnonzero(some)
        rows = rows[(state.left[state.placed[rows]] + take[rows] >= take[vm] - EPS).all(axis=1)]
        if self._problem.allowed is not None:
            rows = rows[self._problem.allowed[vm, state.placed[rows]]]
        for other in rows[np.argsort(size[rows], kind="stable")][:EXCHANGES].tolist():
            if other in self._pack:
                continue
            mark, home = len(state.moves), int(state.placed[other])
            if self._placed([other], prefer, {victim, home}, room_for=vm):
                if bool(state.fits([vm])[home]) and state.go([vm], home):
                    return True
                state.undo(mark)
        return False


Prefer = Callable[[State, Sequence[int], Ints], Floats]
"""How badly each of some hosts suits VMs; the least comes first."""


def fullest(state: State, unit: Sequence[int], targets: Ints) -> Floats:
    """Prefer the host with the least left."""
    return shares_left(state.problem, state.left)[targets]


def shaped(state: State, unit: Sequence[int], targets: Ints) -> Floats:
    """Prefer the host whose rest is nearest to the shape of what is needed over the week."""
    problem = state.problem
    take = problem.take[list(unit)].sum(axis=0)
    room = np.maximum(problem.room[targets], 1.0)
    after = np.maximum(state.left[targets] - take, 0.0) / room
    need = problem.take.sum(axis=0) / room.sum(axis=0)
    length = np.sqrt((after * after).sum(axis=1) * (need * need).sum())
    alike = np.where(length > EPS, after @ need / np.maximum(length, EPS), 1.0)
    return np.asarray(after.mean(axis=1) * 0.5 - alike)


def search(inventory: Inventory, wish: Wish, stop: Callable[[], bool] = never) -> Found:
    """Return moves after which no host in use can be emptied.

    Where that is above the bound, all VMs are also packed anew, and what needs fewer hosts counts.
    """
    problem, survival = problem_of(inventory, wish), Survival(inventory, wish)
    found = Search(State(inventory, wish, problem), wish, survival, stop).run(inventory)
    if len(problem.hosts) - len(found.empty) <= found.bound or not found.complete:
        return found
    state = repacked(inventory, wish, problem, len(problem.in_use(found.placed)))
    if state is None:
        return found
    other = Search(state, wish, survival, stop).run(inventory)
    return other if len(other.empty) > len(found.empty) else found


def _failures(state: State, wish: Wish, survival: Survival) -> int:
    """Return how many failures the bound may count with: those survived now, and within the hosts.

    VMs restart in their pool; other hosts of it could take what fails here, and then the hosts
    here prove nothing.
    """
    hosts = state.world.hosts
    pools = {hosts[key].pool for key in wish.hosts if key in hosts}
    elsewhere = any(key not in wish.hosts and host.pool in pools for key, host in hosts.items())
    wanted = survival.wanted
    return 0 if wanted is None or not wanted.holds or elsewhere else wish.failures
