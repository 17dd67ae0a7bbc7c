"""All VMs packed anew, where emptying hosts one by one gets stuck above the bound.

The packer knows equal hosts only and no rules but VMs apart; what it finds counts if moves
lead there of which each has room and breaks no rule.
"""

import numpy as np

from anypool.errors import Invalid
from anypool.model import Inventory
from anypool.planner.balance import Floats, Ints
from anypool.planner.fewest.pack import packed
from anypool.planner.fewest.problem import Problem, Wish
from anypool.planner.fewest.state import State

DETOURS = 5
"""One VM in so many may go by another host to make room for the others."""


def repacked(inventory: Inventory, wish: Wish, problem: Problem, below: int) -> State | None:
    """Return a state with VMs on fewer than `below` hosts, None if the packer finds none."""
    equal = bool((problem.room == problem.room[:1]).all()) and bool((problem.room > 0).all())
    if not equal or not problem.movable.all() or problem.together or not problem.vms:
        return None
    groups = np.zeros((len(problem.vms), len(problem.apart)))
    for column, group in enumerate(problem.apart):
        groups[list(group), column] = 1
    room = np.concatenate([problem.room[0], np.ones(len(problem.apart))])
    try:
        packing = packed(np.hstack([problem.take, groups]), room)
    except Invalid:
        return None  # a VM is too large for a host and stays where it is
    if packing.hosts >= below:
        return None
    return _reached(State(inventory, wish, problem), _matched(problem, packing.host))


def _matched(problem: Problem, bins: Ints) -> Ints:
    """Return the host of each VM such that much memory of each bin stays where it is."""
    count, hosts = int(bins.max()) + 1, len(problem.hosts)
    stays: Floats = np.zeros((count, hosts))
    np.add.at(stays, (bins, problem.placed), problem.take[:, 0])
    order = np.argsort(-stays, axis=None, kind="stable")
    home = np.full(count, -1, dtype=np.int64)
    taken: set[int] = set()
    for flat in order.tolist():
        one, host = divmod(flat, hosts)
        if home[one] < 0 and host not in taken:
            home[one] = host
            taken.add(host)
    return np.asarray(home[bins])


def _reached(state: State, target: Ints) -> State | None:
    """Move every VM to its target; None where that fails.

    Where all wait for each other, one goes elsewhere for a while, no VM more than once.
    """
    left = np.flatnonzero(state.placed != target).tolist()
    most, aside = len(left) // DETOURS + 1, set[int]()
    while left:
        later = [vm for vm in left if not _goes(state, vm, int(target[vm]))]
        if len(later) == len(left):
            fresh = (vm for vm in left if vm not in aside)
            moved = next((vm for vm in fresh if _aside(state, vm, target)), None)
            if moved is None or len(aside) == most:
                return None
            aside.add(moved)
        left = later
    return state


def _goes(state: State, vm: int, host: int) -> bool:
    return bool(state.fits([vm])[host]) and state.go([vm], host)


def _aside(state: State, vm: int, target: Ints) -> bool:
    """Let a VM wait on the host with most room that is none of its own."""
    fits = state.fits([vm])
    fits[[int(state.placed[vm]), int(target[vm])]] = False
    room = np.where(fits, state.left[:, 0], -np.inf)
    best = int(room.argmax())
    return bool(fits[best]) and state.go([vm], best)
