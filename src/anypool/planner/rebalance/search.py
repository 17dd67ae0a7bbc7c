"""Search for moves, make each on a copy of the inventory, and search again where one is refused.

The numbers hold most rules. What they do not hold (racks, spreads, sockets, preferences) is
asked of the rulebook when a move is made on the copy; a move that is refused is forbidden
and the search goes on from there. It ends where a search from the beginning finds nothing,
so that a second run on the result finds nothing either.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from itertools import groupby

import numpy as np
from msgspec import Struct
from msgspec.structs import replace as changed

from anypool.model import HostId, Inventory, Usage, VmId
from anypool.planner.balance import Ints, Move, Problem, balance
from anypool.planner.place import refusal
from anypool.planner.rebalance.numbers import Numbers, Weights, numbers_of
from anypool.planner.rules import NO_RULES, Rulebook

REFUSALS = 200
"""Moves refused at one placement before the search gives up there."""


class Aim(Struct, frozen=True, kw_only=True):
    """What is to be evened out, and how.

    VMs in `left_alone` stay where they are. `at_once` is how many moves of the plan may go
    on at one time, 0 for as many as the engine lets.
    """

    hosts: frozenset[HostId]
    name: str = ""
    rules: Rulebook = NO_RULES
    usages: Mapping[VmId, Usage] = {}
    weights: Weights = Weights()
    left_alone: frozenset[VmId] = frozenset()
    at_once: int = 0


class Taken(Struct, frozen=True):
    """One move by columns of the numbers; `step` is shared by moves that belong together."""

    vm: int
    source: int
    target: int
    why: str
    step: int


class Found(Struct, frozen=True, kw_only=True):
    """The moves in their order, on which numbers, and whether nothing better was left."""

    numbers: Numbers
    moves: tuple[Taken, ...]
    placed: Ints
    complete: bool


def never() -> bool:
    """Return False: nothing ends the search early."""
    return False


def rebalance(inventory: Inventory, aim: Aim, stop: Callable[[], bool] = never) -> Found:
    """Return moves after which no move or exchange is worth its price.

    `stop` is asked before each round; what was found by then is a valid sequence.
    """
    found = numbers_of(inventory, aim.hosts, aim.rules, aim.usages, aim.weights)
    stays = np.array([vm in aim.left_alone for vm in found.vms], dtype=np.bool_)
    problem = replace(found.problem, movable=found.problem.movable & ~stays)
    numbers = Numbers(found.hosts, found.vms, problem)
    if len(numbers.hosts) < 2 or not problem.movable.any():
        return Found(numbers=numbers, moves=(), placed=problem.placed, complete=True)
    search = _Search(inventory, aim, numbers, stop)
    complete = search.run()
    return Found(
        numbers=numbers, moves=tuple(search.moves), placed=search.placed, complete=complete
    )


class _Search:
    def __init__(
        self, inventory: Inventory, aim: Aim, numbers: Numbers, stop: Callable[[], bool]
    ) -> None:
        self.moves: list[Taken] = []
        self.placed = numbers.problem.placed.copy()
        self._world = inventory
        self._aim, self._rules = aim, aim.rules
        self._numbers = numbers
        self._stop = stop
        self._banned: set[tuple[int, int]] = set()
        self._step = self._looked_at = 0

    def run(self) -> bool:
        """Search until nothing is found; return whether nothing better was left."""
        while True:
            outcome = balance(self._problem(), self._stop)
            before = self._step
            for _, group in groupby(outcome.moves, key=lambda one: one.step):
                if not self._take(list(group)):
                    break
            if not outcome.moves:
                if self._closed_behind():
                    continue
                return outcome.complete and len(self._banned) < REFUSALS
            if self._step > before:
                self._banned.clear()
            elif len(self._banned) >= REFUSALS or self._stop():
                return False

    def _closed_behind(self) -> bool:
        """Close the places that VMs have left and may not come back to; return whether any was.

        A VM suits the host that it is on, and may be the only reason why it does. The failover
        capacity must not count on such a place.
        """
        if self._looked_at == self._step:
            return False
        self._looked_at = self._step
        aim, problem = self._aim, self._numbers.problem
        now = numbers_of(self._world, aim.hosts, aim.rules, aim.usages, aim.weights)
        allowed, was = now.problem.allowed, problem.allowed
        if allowed is None or (was is not None and not (was & ~allowed).any()):
            return False
        self._numbers = Numbers(now.hosts, now.vms, replace(problem, allowed=allowed))
        return True

    def _problem(self) -> Problem:
        problem = replace(self._numbers.problem, placed=self.placed)
        if not self._banned:
            return problem
        may = np.ones((problem.vms, problem.hosts), dtype=np.bool_)
        if problem.allowed is not None:
            may = problem.allowed.copy()
        for vm, host in self._banned:
            may[vm, host] = False
        return replace(problem, allowed=may)

    def _take(self, group: list[Move]) -> bool:
        """Make the moves of one step on the copy, or none of them and forbid what was refused."""
        world, placed = self._world, self.placed.copy()
        for number, move in enumerate(group):
            along = [other for other in group[number + 1 :] if other.target == move.target]
            after = self._moved(world, move, self._leaving(move, along, placed))
            if after is None:
                self._ban(move)
                return False
            world, placed[move.vm] = after, move.target
        self._world, self.placed = world, placed
        self._step += 1
        self.moves += [Taken(m.vm, m.source, m.target, m.why, self._step) for m in group]
        return True

    def _leaving(self, move: Move, along: list[Move], placed: Ints) -> frozenset[VmId]:
        """Return the VMs whose present place does not bind this one.

        They follow it, or belong with it and are scattered: they come together one by one.
        """
        found = {one.vm for one in along}
        if move.why == "mend":
            for group in self._numbers.problem.together:
                if move.vm in group:
                    found |= {other for other in group if placed[other] != move.target}
        return frozenset(self._numbers.vms[one] for one in found - {move.vm})

    def _moved(self, world: Inventory, move: Move, leaving: frozenset[VmId]) -> Inventory | None:
        """Return the inventory after a move, None if the move is refused."""
        vms, hosts = self._numbers.vms, self._numbers.hosts
        vm, target = world.vms[vms[move.vm]], world.hosts[hosts[move.target]]
        source = world.hosts[hosts[move.source]]
        needs = self._rules.needs(world, vm, leaving)
        if refusal(world, vm, target) is not None or needs.refusal(target) is not None:
            return None
        if len(needs.misses(target)) > len(needs.misses(source)):
            return None
        return world.with_vm(changed(vm, host=target.id))

    def _ban(self, move: Move) -> None:
        """Forbid a move, and the same one of VMs on its host that have the very same rules."""
        rules = self._rules.of(self._numbers.vms[move.vm])
        self._banned.add((move.vm, move.target))
        if rules:
            for vm in np.flatnonzero(self.placed == move.source).tolist():
                if self._rules.of(self._numbers.vms[vm]) == rules:
                    self._banned.add((vm, move.target))
