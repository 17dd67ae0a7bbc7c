"""A VM that would move twice moves once, if everything is still kept on the way."""

from collections import Counter
from collections.abc import Iterator

import numpy as np
from msgspec.structs import replace

from anypool.model import Inventory
from anypool.planner.balance.state import State
from anypool.planner.place import refusal
from anypool.planner.rebalance.search import Aim, Found, Taken


def shortened(inventory: Inventory, aim: Aim, found: Found) -> Found:
    """Return the same outcome with fewer moves, where a VM went by another host.

    Moves of more than one VM that belong together are left as they are.
    """
    moves = found.moves
    better = True
    while better:
        better = False
        for shorter in _shorter(moves):
            if _keeps(inventory, aim, found, shorter):
                moves, better = shorter, True
                break
    return replace(found, moves=moves)


def _shorter(moves: tuple[Taken, ...]) -> Iterator[tuple[Taken, ...]]:
    """Yield the moves with two of one VM made into one, at the place of the first or the second."""
    alone = Counter(move.step for move in moves)
    for first, one in enumerate(moves):
        later = [at for at in range(first + 1, len(moves)) if moves[at].vm == one.vm]
        if not later or alone[one.step] > 1 or alone[moves[later[0]].step] > 1:
            continue
        second = later[0]
        direct = replace(one, target=moves[second].target)
        whole = () if direct.source == direct.target else (direct,)
        before, between, after = moves[:first], moves[first + 1 : second], moves[second + 1 :]
        yield (*before, *whole, *between, *after)
        if whole:
            yield (*before, *between, *whole, *after)


def _keeps(inventory: Inventory, aim: Aim, found: Found, moves: tuple[Taken, ...]) -> bool:
    """Return whether room, rules and the reserve for a failed host are kept all the way."""
    world, numbers = inventory, found.numbers
    placed = numbers.problem.placed.copy()
    safe = State(numbers.problem, placed).unsafe
    for number, move in enumerate(moves):
        vm, target = world.vms[numbers.vms[move.vm]], world.hosts[numbers.hosts[move.target]]
        along = [one for one in moves[number + 1 :] if one.step == move.step]
        leaving = frozenset(numbers.vms[one.vm] for one in along if one.target == move.target)
        needs = aim.rules.needs(world, vm, leaving)
        if refusal(world, vm, target) is not None or needs.refusal(target) is not None:
            return False
        world = world.with_vm(replace(vm, host=target.id))
        placed[move.vm] = move.target
        unsafe = State(numbers.problem, placed).unsafe
        if not along and bool(np.any(unsafe & ~safe)):
            return False
        safe = safe if along else unsafe
    return True
