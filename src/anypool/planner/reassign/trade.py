"""Trades: a large process goes to another machine, and what is there comes back for it.

No single shift or exchange puts a large process where several smaller ones are. The moves of a
trade are made one by one, with machines too full at a price meanwhile; if the whole is not
taken, they are undone.
"""

from anypool.planner.reassign.compiled import loop
from anypool.planner.reassign.gains import away_price, balance_change
from anypool.planner.reassign.moves import renew, shift
from anypool.planner.reassign.rules import may_shift
from anypool.planner.reassign.tables import State, Tables


@loop
def saved(t: Tables, s: State, process: int, source: int, target: int) -> int:
    """Return how much cheaper it is if a process goes, where being too full has a price."""
    left, back = t.home[process] == source, t.home[process] == target
    nobody = t.required.shape[0] - 1
    total = away_price(t, process, source) - away_price(t, process, target)
    for r in range(t.load_weight.shape[0]):
        need = t.required[process, r]
        over = min(need, max(0, -s.room[source, r, 1]))
        over -= max(0, need - max(0, s.room[target, r, 1]))
        full = 0
        if not (left and t.transient[r] == 1):
            full += min(need, max(0, -s.room[source, r, 0]))
        if not (back and t.transient[r] == 1):
            full -= max(0, need - max(0, s.room[target, r, 0]))
        total += over * t.load_weight[r] + full * t.trade_prices[r]
    if t.balances.shape[0] > 0:
        total -= balance_change(t, s, source, process, nobody)
        total -= balance_change(t, s, target, nobody, process)
    return int(total)


@loop
def trade(t: Tables, s: State, process: int, target: int) -> int:
    """Make a trade that services allow and return how many processes came back.

    `s.traded` has who came back.
    """
    source = s.where[process]
    other = s.first[target]
    shift(t, s, process, target)
    count = 0
    while other >= 0:
        after = s.next[other]
        if saved(t, s, other, target, source) > 0 and may_shift(t, s, other, source):
            shift(t, s, other, source)
            s.traded[count] = other
            count += 1
        other = after
    renew(t, s, source)
    renew(t, s, target)
    return count


@loop
def undo(t: Tables, s: State, process: int, source: int, count: int) -> None:
    """Undo a trade by which a process left a machine and others came for it."""
    target = s.where[process]
    for index in range(count):
        shift(t, s, s.traded[count - 1 - index], target)
    shift(t, s, process, source)
    renew(t, s, source)
    renew(t, s, target)
