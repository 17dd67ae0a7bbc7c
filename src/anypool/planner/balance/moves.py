"""The gain of moving one unit, for many units and hosts at once, in closed form."""

import numpy as np

from anypool.planner.balance.problem import Floats, Ints, Masks
from anypool.planner.balance.state import State

CHUNK = 400_000
"""Numbers in one array at a time: more would not fit the cache of the processor."""


def changes(state: State, source: Ints, kind: Ints, targets: Ints) -> Floats:
    """Return the change of the score for each row (a unit's host and kind) and each target.

    Moving a load from a host at x to one at y changes the sum of squares by terms in x and y
    alone, so that nothing is summed over hosts.
    """
    counted = state.problem.counted
    leaves = state.units.demand[:, kind] * state.inverse[:, source] * counted[source]
    here = state.x[:, source]
    n = state.population
    before = (state.problem.weight * np.sqrt(state.variance)).sum()
    if state.even and bool(counted[source].all()):
        there = state.x[:, targets][:, None, :]
        spread = there + (leaves - here)[:, :, None]
        spread *= (leaves * (2.0 / n))[:, :, None]
        spread += state.variance[:, None, None]
    else:
        comes = state.units.demand[:, kind][:, :, None] * state.inverse[:, targets][:, None, :]
        gone = (leaves * (leaves - 2.0 * here))[:, :, None]
        spread = comes * (comes + 2.0 * state.x[:, targets][:, None, :]) + gone
        shift = (comes - leaves[:, :, None]) / n
        spread = spread / n + state.variance[:, None, None] - shift * shift
    np.maximum(spread, 0.0, out=spread)
    np.sqrt(spread, out=spread)
    change: Floats = np.einsum("k,kmt->mt", state.problem.weight, spread) - before
    return change


def fits(state: State, kind: Ints, targets: Ints) -> Masks:
    """Return for each row and target whether there is room for the unit."""
    may = np.ones((kind.shape[0], targets.shape[0]), dtype=np.bool_)
    for resource in range(state.free.shape[0]):
        need = state.units.need[resource, kind]
        may &= state.free[resource, targets][None, :] >= need[:, None]
    return may


def gains(state: State, rows: tuple[Ints, Ints], targets: Ints) -> Floats:
    """Return the gain of each row at each target, -inf where it may not go."""
    source, kind = rows
    gain = -changes(state, source, kind, targets)
    may = fits(state, kind, targets) & (source[:, None] != targets[None, :])
    ruled = np.flatnonzero(np.isin(kind, state.rules.kinds))
    if ruled.shape[0]:
        row = np.searchsorted(state.rules.kinds, kind[ruled])
        gain[ruled] += state.rules.mends[row][:, None]
        may[ruled] &= state.rules.open[row][:, targets]
    outside = ~state.problem.counted[source]
    gain += np.where(outside, state.problem.expelled * state.units.size[kind], 0.0)[:, None]
    gain[~may] = -np.inf
    return gain


def best_targets(state: State, rows: tuple[Ints, Ints], low: Ints) -> tuple[Floats, Ints]:
    """Return the greatest gain of each row and its target; -inf where it may go nowhere.

    Plain rows look at the targets in `low` first, and at every host if one of those has no
    room for them; rows with rules look at every host.
    """
    source, kind = rows
    gain = np.full(source.shape[0], -np.inf)
    target = np.zeros(source.shape[0], dtype=np.int64)
    every = np.flatnonzero(state.problem.counted)
    narrow = ~np.isin(kind, state.rules.kinds)
    if low.shape[0] < every.shape[0]:
        narrow &= fits(state, kind, low).all(axis=1)
    for index, targets in ((np.flatnonzero(narrow), low), (np.flatnonzero(~narrow), every)):
        step = max(1, CHUNK // max(1, targets.shape[0] * state.x.shape[0]))
        for begin in range(0, index.shape[0], step):
            some = index[begin : begin + step]
            found = gains(state, (source[some], kind[some]), targets)
            chosen = found.argmax(axis=1)
            gain[some] = found[np.arange(some.shape[0]), chosen]
            target[some] = targets[chosen]
    return gain, target
