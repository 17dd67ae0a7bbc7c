"""Annealing step by step: a random move, taken if it is good or by chance."""

from anypool.planner.reassign.compiled import loop
from anypool.planner.reassign.gains import after_chain, after_shift, homeward
from anypool.planner.reassign.moves import renew, shift
from anypool.planner.reassign.rules import may_shift, may_swap
from anypool.planner.reassign.tables import COST, FULL, Array, State, Tables
from anypool.planner.reassign.trade import trade, undo

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
def allowance(t: Tables, seed: Array, heat: float) -> int:
    """Return by how much a move may be dearer at a temperature, drawn as Metropolis has it."""
    return int(heat * t.patience[below(seed, t.patience.shape[0])])


@loop
def drawn(t: Tables, heats: Array, process: int, source: int, target: int) -> int:
    """Return what a move must bring besides because the process is drawn home."""
    return int(heats[1] * t.pull[process]) * homeward(t, process, source, target)


@loop
def try_shift(t: Tables, s: State, seed: Array, heats: Array) -> bool:
    """Try a random process on a random machine; return whether it went there."""
    process = below(seed, t.service.shape[0])
    target = below(seed, t.location.shape[0])
    source = s.where[process]
    if source == target:
        return False
    budget = allowance(t, seed, heats[0])
    budget -= drawn(t, heats, process, source, target)
    if after_shift(t, s, process, target, budget) < 0 or not may_shift(t, s, process, target):
        return False
    shift(t, s, process, target)
    renew(t, s, source)
    renew(t, s, target)
    return True


@loop
def try_swap(t: Tables, s: State, seed: Array, heats: Array) -> bool:
    """Try to exchange two random processes; return whether they changed places."""
    one, other = below(seed, t.service.shape[0]), below(seed, t.service.shape[0])
    here, there = s.where[one], s.where[other]
    if here == there:
        return False
    budget = allowance(t, seed, heats[0])
    budget -= drawn(t, heats, one, here, there) + drawn(t, heats, other, there, here)
    if after_chain(t, s, (one, other), here, budget) < 0 or not may_swap(t, s, one, other):
        return False
    shift(t, s, one, there)
    shift(t, s, other, here)
    renew(t, s, here)
    renew(t, s, there)
    return True


@loop
def try_chain(t: Tables, s: State, seed: Array, heats: Array) -> bool:
    """Try one process in another's place, which goes home or, from there, anywhere."""
    one, other = below(seed, t.service.shape[0]), below(seed, t.service.shape[0])
    here, there, third = s.where[one], s.where[other], t.home[other]
    if third == there:
        third = below(seed, t.location.shape[0])
    if here == there or third in (here, there):
        return False
    budget = allowance(t, seed, heats[0])
    budget -= drawn(t, heats, one, here, there) + drawn(t, heats, other, there, third)
    if after_chain(t, s, (one, other), third, budget) < 0 or not may_shift(t, s, other, third):
        return False
    shift(t, s, other, third)
    went = may_shift(t, s, one, there)
    if went:
        shift(t, s, one, there)
        renew(t, s, here)
    else:
        shift(t, s, other, there)
    renew(t, s, there)
    renew(t, s, third)
    return went


@loop
def try_trade(t: Tables, s: State, seed: Array, heats: Array) -> bool:
    """Try to trade a process for what is on a random machine, the larger the likelier."""
    index = below(seed, t.service.shape[0])
    process = t.by_size[index * index // t.service.shape[0]]
    target = below(seed, t.location.shape[0])
    source = s.where[process]
    if source == target or not may_shift(t, s, process, target):
        return False
    before = s.totals[COST]
    count = trade(t, s, process, target)
    change = s.totals[COST] - before + drawn(t, heats, process, source, target)
    for index in range(count):
        change += drawn(t, heats, s.traded[index], target, source)
    fits = s.totals[FULL] == 0 or s.prices[0] > 0
    if fits and change <= allowance(t, seed, heats[0]):
        return True
    undo(t, s, process, source, count)
    return False


@loop
def walk(t: Tables, s: State, seed: Array, steps: int, heats: Array) -> int:
    """Make steps and return how many were taken.

    `heats` is the temperature, what it must bring at least that a process is away, and the
    shares of exchanges, of chains and of trades among the steps; the rest are shifts.
    """
    swaps = int(heats[2] * UNIT)
    chains = swaps + int(heats[3] * UNIT)
    trades = chains + int(heats[4] * UNIT)
    count = 0
    for _ in range(steps):
        kind = draw(seed)
        if kind < swaps:
            count += int(try_swap(t, s, seed, heats))
        elif kind < chains:
            count += int(try_chain(t, s, seed, heats))
        elif kind < trades:
            count += int(try_trade(t, s, seed, heats))
        else:
            count += int(try_shift(t, s, seed, heats))
    return count
