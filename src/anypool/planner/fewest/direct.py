"""The moves that were found, without detours: a VM that went by another host goes there at once."""

from msgspec.structs import replace

from anypool.model import Inventory
from anypool.planner.fewest.problem import Problem, Wish
from anypool.planner.fewest.state import Move, State


def direct(
    inventory: Inventory, wish: Wish, problem: Problem, moves: tuple[Move, ...]
) -> tuple[Move, ...]:
    """Return moves that lead to the same placement, each VM moved once, in an order that works.

    Each is made as soon as there is room and no rule forbids it; where none can be made any
    more, the moves are left as they were found.
    """
    waiting = _shortest(problem, moves)
    if len(waiting) == len(moves):
        return moves
    state = State(inventory, wish, problem)
    while waiting:
        later: list[Move] = []
        before = len(state.moves)
        for unit in _units(waiting):
            rows, target = [move.vm for move in unit], unit[0].target
            if not (state.fits(rows)[target] and state.go(rows, target, unit[0].room_for)):
                later += unit
        if len(state.moves) == before:
            return moves
        waiting = later
    return tuple(state.moves)


def _shortest(problem: Problem, moves: tuple[Move, ...]) -> list[Move]:
    """Return one move for each VM that ends elsewhere, in the order of their last moves."""
    last = {move.vm: move for move in moves}
    ends = sorted(last.values(), key=moves.index)
    straight = (replace(move, source=int(problem.placed[move.vm])) for move in ends)
    return [move for move in straight if move.source != move.target]


def _units(moves: list[Move]) -> list[list[Move]]:
    units: dict[int, list[Move]] = {}
    for move in moves:
        units.setdefault(move.step, []).append(move)
    return list(units.values())
