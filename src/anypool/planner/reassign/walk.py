"""Annealing step by step: a random shift or exchange, taken if it is good or by chance."""

import math

from anypool.planner.reassign.compiled import loop
from anypool.planner.reassign.gains import (
    NEVER,
    homeward,
    may_shift,
    may_swap,
    renew,
    shift,
    shift_change,
    swap_change,
    way_change,
)
from anypool.planner.reassign.tables import MOST, Array, State, Tables
from anypool.planner.reassign.trade import settled, trade, undo

UNIT = 4294967296.0  # 2 ** 32


@loop
def draw(seed: Array) -> int:
    """Return a whole number from 0 to 2**32 - 1: Marsaglia's xorshift128, kept in four words.

    numpy's generators cannot be carried into compiled code and give the same numbers there
    and here at this price.
    """
    word = seed[0] ^ ((seed[0] << 11) & 0xFFFFFFFF)
    seed[0], seed[1], seed[2] = seed[1], seed[2], seed[3]
    seed[3] = seed[3] ^ (seed[3] >> 19) ^ word ^ (word >> 8)
    return int(seed[3])


@loop
def below(seed: Array, end: int) -> int:
    """Return a whole number from 0 to `end` - 1."""
    return (draw(seed) * end) >> 32


@loop
def taken(seed: Array, change: float, heat: float) -> bool:
    """Return whether a change of the cost is taken at a temperature (Metropolis)."""
    if change <= 0:
        return True
    if change > 20.0 * heat:
        return False
    return draw(seed) < UNIT * math.exp(-change / heat)


@loop
def try_shift(t: Tables, s: State, seed: Array, heat: float) -> bool:
    """Try a random process on a random machine; return whether it went there."""
    process = below(seed, t.service.shape[0])
    target = below(seed, t.location.shape[0])
    source = s.where[process]
    if source == target:
        return False
    change = shift_change(t, s, process, target)
    if change >= NEVER:
        return False
    pull = t.pull[process] * homeward(t, process, source, target)
    if not taken(seed, change + heat * pull, heat):
        return False
    if not may_shift(t, s, process, target):
        return False
    shift(t, s, process, target)
    renew(t, s, source, target, change)
    return True


@loop
def try_swap(t: Tables, s: State, seed: Array, heat: float) -> bool:
    """Try to exchange two random processes; return whether they changed places."""
    one, other = below(seed, t.service.shape[0]), below(seed, t.service.shape[0])
    here, there = s.where[one], s.where[other]
    if here == there:
        return False
    change = swap_change(t, s, one, other)
    if change >= NEVER:
        return False
    pull = t.pull[one] * homeward(t, one, here, there)
    pull += t.pull[other] * homeward(t, other, there, here)
    if not taken(seed, change + heat * pull, heat):
        return False
    if not may_swap(t, s, one, other):
        return False
    shift(t, s, one, there)
    shift(t, s, other, here)
    renew(t, s, here, there, change)
    return True


@loop
def largest(t: Tables, seed: Array, draws: int) -> int:
    """Return the largest of some random processes."""
    found = below(seed, t.service.shape[0])
    for _ in range(draws - 1):
        other = below(seed, t.service.shape[0])
        if t.size[other] > t.size[found]:
            found = other
    return found


@loop
def try_trade(t: Tables, s: State, seed: Array, heat: float) -> bool:
    """Try to trade a large process for what is on a random machine; return whether it went."""
    process = largest(t, seed, 3)
    target = below(seed, t.location.shape[0])
    source = s.where[process]
    if source == target:
        return False
    before, most = s.costs[source] + s.costs[target], s.totals[MOST]
    count = trade(t, s, process, target)
    if count < 0:
        return False
    now = settled(t, s, source, target)
    if now < NEVER:
        change = now - before + t.weights[0] * (s.totals[MOST] - most)
        change += way_change(t, process, source, target)
        pull = t.pull[process] * homeward(t, process, source, target)
        for index in range(count):
            other = s.traded[index]
            change += way_change(t, other, target, source)
            pull += t.pull[other] * homeward(t, other, target, source)
        if taken(seed, change + heat * pull, heat):
            renew(t, s, source, target, change)
            return True
    undo(t, s, process, source, count)
    return False


@loop
def walk(t: Tables, s: State, seed: Array, steps: int, heats: Array) -> int:
    """Make steps from a temperature to another, in equal ratios; return how many were taken.

    `heats` is the temperature at the beginning, at the end, the share of exchanges and trades,
    and that of trades alone.
    """
    heat, swaps, trades = heats[0], int(heats[2] * UNIT), int(heats[3] * UNIT)
    cooling = (heats[1] / heats[0]) ** (1.0 / max(1, steps // 100))
    count = 0
    for step in range(steps):
        if step % 100 == 99:
            heat *= cooling
        kind = draw(seed)
        if kind < trades:
            count += int(try_trade(t, s, seed, heat))
        elif kind < swaps:
            count += int(try_swap(t, s, seed, heat))
        else:
            count += int(try_shift(t, s, seed, heat))
    return count
