"""Trades: a large process goes to another machine, and what is there comes back for it.

No single shift or exchange puts a large process where several smaller ones are. The moves of a
trade are made one by one, with machines too full at a price meanwhile; if the whole is not
taken, they are undone.
"""

from anypool.planner.reassign.compiled import loop
from anypool.planner.reassign.gains import NEVER, cost_after, may_shift, renew, shift, shift_change
from anypool.planner.reassign.tables import State, Tables


@loop
def trade(t: Tables, s: State, process: int, target: int) -> int:
    """Make a trade and return how many processes came back; `renew` or `undo` must follow.

    Return -1 if it is not allowed; nothing is changed then. `s.traded` has who came back.
    """
    source, service = s.where[process], t.service[process]
    row = t.apart_row[service]
    if row >= 0 and s.present[row, target] > 0:
        return -1
    if not may_shift(t, s, process, target):
        return -1
    for r in range(s.prices.shape[0]):
        s.kept_prices[r] = s.prices[r]
        s.prices[r] = t.trade_prices[r]
    other = s.first[target]
    shift(t, s, process, target)
    renew(t, s, source, target, 0)
    count = 0
    while other >= 0:
        after = s.next[other]
        if shift_change(t, s, other, source) < 0 and may_shift(t, s, other, source):
            shift(t, s, other, source)
            renew(t, s, source, target, 0)
            s.traded[count] = other
            count += 1
        other = after
    for r in range(s.prices.shape[0]):
        s.prices[r] = s.kept_prices[r]
    return count


@loop
def settled(t: Tables, s: State, one: int, other: int) -> int:
    """Return what two machines cost as they are, `NEVER` if one is too full."""
    nobody = t.required.shape[0] - 1
    here = cost_after(t, s, one, nobody, nobody)
    there = cost_after(t, s, other, nobody, nobody)
    return int(NEVER if here == NEVER or there == NEVER else here + there)


@loop
def undo(t: Tables, s: State, process: int, source: int, count: int) -> None:
    """Undo a trade by which a process left a machine and others came for it."""
    target = s.where[process]
    for index in range(count):
        shift(t, s, s.traded[count - 1 - index], target)
    shift(t, s, process, source)
    renew(t, s, source, target, 0)
