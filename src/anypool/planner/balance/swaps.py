"""The gain of exchanging two units of different hosts, where single moves no longer help."""

import numpy as np

from anypool.planner.balance.moves import CHUNK
from anypool.planner.balance.problem import Floats, Ints, Masks
from anypool.planner.balance.state import State


def best_partners(
    state: State, left: tuple[Ints, Ints], right: tuple[Ints, Ints], price: float
) -> tuple[Floats, Ints]:
    """Return for each row of `left` its greatest gain by exchange with a row of `right`, and which.

    See `swap_gains`; rows are looked at in parts that the processor's cache can hold.
    """
    gain = np.full(left[0].shape[0], -np.inf)
    partner = np.zeros(left[0].shape[0], dtype=np.int64)
    if not right[0].shape[0]:
        return gain, partner
    step = max(1, CHUNK // (right[0].shape[0] * state.x.shape[0]))
    for begin in range(0, left[0].shape[0], step):
        some = slice(begin, begin + step)
        found = swap_gains(state, (left[0][some], left[1][some]), right, price)
        chosen = found.argmax(axis=1)
        gain[some] = found[np.arange(chosen.shape[0]), chosen]
        partner[some] = chosen
    return gain, partner


def swap_gains(
    state: State, left: tuple[Ints, Ints], right: tuple[Ints, Ints], price: float
) -> Floats:
    """Return the gain of each exchange, less `price` for each VM that moves.

    It is -inf for units outside the counted hosts or on the same host, and for pairs that
    have no order in which both fit.
    """
    gain = -_changes(state, left, right)
    size = state.units.size
    gain -= price * (size[left[1]][:, None] + size[right[1]][None, :])
    gain[~_may(state, left, right)] = -np.inf
    return gain


def _changes(state: State, left: tuple[Ints, Ints], right: tuple[Ints, Ints]) -> Floats:
    demand, x, n = state.units.demand, state.x, state.population
    before = (state.problem.weight * np.sqrt(state.variance)).sum()
    leaves, comes = demand[:, left[1]][:, :, None], demand[:, right[1]][:, None, :]
    more = comes - leaves  # what the host of the left row gains
    here, there = x[:, left[0]][:, :, None], x[:, right[0]][:, None, :]
    if state.even:
        more *= state.inverse[:, :1, None]
        spread = (here - there) + more
        spread *= more
        spread *= 2.0 / n
        spread += state.variance[:, None, None]
    else:
        up = more * state.inverse[:, left[0]][:, :, None]
        down = -more * state.inverse[:, right[0]][:, None, :]
        spread = (up * (up + 2.0 * here) + down * (down + 2.0 * there)) / n
        shift = (up + down) / n
        spread += state.variance[:, None, None] - shift * shift
    np.maximum(spread, 0.0, out=spread)
    np.sqrt(spread, out=spread)
    change: Floats = np.einsum("k,klr->lr", state.problem.weight, spread) - before
    return change


def _may(state: State, left: tuple[Ints, Ints], right: tuple[Ints, Ints]) -> Masks:
    may: Masks = left[0][:, None] != right[0][None, :]
    may &= state.problem.counted[left[0]][:, None] & state.problem.counted[right[0]][None, :]
    left_first, right_first = may.copy(), may.copy()
    for resource in range(state.free.shape[0]):
        need = state.units.need[resource]
        goes, comes = need[left[1]][:, None], need[right[1]][None, :]
        here = state.free[resource, left[0]][:, None]
        there = state.free[resource, right[0]][None, :]
        left_first &= (there >= goes) & (here + goes >= comes)
        right_first &= (here >= comes) & (there + comes >= goes)
    may &= left_first | right_first
    if state.rules.kinds.shape[0]:
        may &= _open(state, left, right[0])
        may &= _open(state, right, left[0]).T
    return may


def _open(state: State, rows: tuple[Ints, Ints], targets: Ints) -> Masks:
    """Return whether the rules of each row leave each target open."""
    may = np.ones((rows[0].shape[0], targets.shape[0]), dtype=np.bool_)
    ruled = np.flatnonzero(np.isin(rows[1], state.rules.kinds))
    if ruled.shape[0]:
        row = np.searchsorted(state.rules.kinds, rows[1][ruled])
        may[ruled] = state.rules.open[row][:, targets]
    return may
