"""What a move costs, worked out only as far as it can still be paid.

Every move has a budget: what it may add to the cost. What goes away frees some, exactly known
and kept while its machine stays as it is; what comes uses it up, resource by resource, and
most moves are given up at the first or second. Written for `compiled.loop`, like `rules`.
"""

from anypool.planner.reassign.compiled import loop
from anypool.planner.reassign.tables import MOST, State, Tables

Pair = tuple[int, int]
"""Two processes."""

TOO_DEAR = -1
"""What is left of a budget that does not last, or for what is not allowed."""


@loop
def machine_cost(t: Tables, s: State, machine: int) -> int:
    """Return what load and balance of a machine cost, and that it is too full."""
    total = 0
    for r in range(t.load_weight.shape[0]):
        total -= min(0, s.room[machine, r, 1]) * t.load_weight[r]
        total -= min(0, s.room[machine, r, 0]) * s.prices[r]
    for b in range(t.balances.shape[0]):
        total += max(0, lack(t, s, machine, b)) * t.balances[b, 3]
    return int(total)


@loop
def lack(t: Tables, s: State, machine: int, b: int) -> int:
    """Return how much of its second resource a machine has too little, for a balance."""
    first, second = t.balances[b, 0], t.balances[b, 1]
    free = t.spare[machine, first] + s.room[machine, first, 1]
    other = t.spare[machine, second] + s.room[machine, second, 1]
    return int(t.balances[b, 2] * free - other)


@loop
def balance_change(t: Tables, s: State, machine: int, gone: int, come: int) -> int:
    """Return what a machine's balance costs more with one process less and one more."""
    total = 0
    for b in range(t.balances.shape[0]):
        first, second = t.balances[b, 0], t.balances[b, 1]
        before = lack(t, s, machine, b)
        after = before + t.balances[b, 2] * (t.required[gone, first] - t.required[come, first])
        after -= t.required[gone, second] - t.required[come, second]
        total += (max(0, after) - max(0, before)) * t.balances[b, 3]
    return int(total)


@loop
def away_price(t: Tables, process: int, machine: int) -> int:
    """Return what it costs by itself that a process is on a machine: nothing at home."""
    home = t.home[process]
    if machine == home:
        return 0
    return int(t.price[process] + t.weights[1] * t.way_price[home, machine])


@loop
def freed(t: Tables, s: State, process: int) -> int:
    """Return what is saved, all but balance, if a process is nowhere."""
    machine = s.where[process]
    if s.stamp[process] == s.version[machine]:
        return int(s.gain[process])
    total = away_price(t, process, machine)
    stays = t.home[process] == machine
    for r in range(t.load_weight.shape[0]):
        need = t.required[process, r]
        over = -s.room[machine, r, 1]
        if over > 0:
            total += min(over, need) * t.load_weight[r]
        full = -s.room[machine, r, 0]
        if full > 0 and not (stays and t.transient[r] == 1):
            total += min(full, need) * s.prices[r]
    s.gain[process] = total
    s.stamp[process] = s.version[machine]
    return int(total)


@loop
def come(t: Tables, s: State, pair: Pair, machine: int, budget: int) -> int:
    """Return what is left of a budget if the first of a pair comes to a machine the other left.

    P stands for no other. Balance and ways are not paid here.
    """
    process, gone = pair
    back, held = t.home[process] == machine, t.home[gone] == machine
    for r in range(t.load_weight.shape[0]):
        need, left = t.required[process, r], t.required[gone, r]
        over = need - max(0, s.room[machine, r, 1] + left)
        if over > 0:
            budget -= over * t.load_weight[r]
        transient = t.transient[r] == 1
        if not (back and transient):
            if held and transient:
                left = 0
            full = need - max(0, s.room[machine, r, 0] + left)
            if full > 0:
                if s.prices[r] == 0:
                    return TOO_DEAR
                budget -= full * s.prices[r]
        if budget < 0:
            return TOO_DEAR
    return budget


@loop
def count_moved(s: State, service: int, change: int) -> None:
    """Note that one more (1) or one less (-1) process of a service is away from home."""
    before = s.moved[service]
    s.moved[service] = before + change
    s.counts[before] -= 1
    s.counts[before + change] += 1
    if change > 0:
        s.totals[MOST] = max(s.totals[MOST], before + 1)
    elif before == s.totals[MOST] and s.counts[before] == 0:
        s.totals[MOST] = before - 1


@loop
def homeward(t: Tables, process: int, source: int, target: int) -> int:
    """Return 1 if a move takes a process from home, -1 if it takes it there, else 0."""
    home = t.home[process]
    return int(source == home) - int(target == home)


@loop
def most_change(s: State, first: int, second: int, away: int, back: int) -> int:
    """Return by how much the largest number of moved processes of a service changes.

    `away` is what `homeward` says of a process of the first service, `back` of the second.
    """
    before = s.totals[MOST]
    if away != 0:
        count_moved(s, first, away)
    if back != 0:
        count_moved(s, second, back)
    change = s.totals[MOST] - before
    if back != 0:
        count_moved(s, second, -back)
    if away != 0:
        count_moved(s, first, -away)
    return int(change)


@loop
def after_shift(t: Tables, s: State, process: int, target: int, budget: int) -> int:
    """Return what is left of a budget if a process goes to another machine; negative if too dear.

    Whether its service allows it is not looked at: `rules.may_shift` does.
    """
    source, nobody = s.where[process], t.required.shape[0] - 1
    budget += freed(t, s, process)
    if t.balances.shape[0] > 0:
        budget -= balance_change(t, s, source, process, nobody)
        budget -= balance_change(t, s, target, nobody, process)
    if budget < 0 or (target != t.home[process] and budget < t.price[process]):
        return TOO_DEAR
    budget = come(t, s, (process, nobody), target, budget)
    if budget < 0:
        return TOO_DEAR
    budget -= away_price(t, process, target)
    away = homeward(t, process, source, target)
    if away != 0:
        service = t.service[process]
        budget -= t.weights[0] * most_change(s, service, service, away, 0)
    return int(budget)


@loop
def after_chain(t: Tables, s: State, pair: Pair, third: int, budget: int) -> int:
    """Return what is left of a budget if one takes the other's place, and that goes to a third.

    The third machine may be where the first comes from: an exchange. Negative if too dear.
    """
    one, other = pair
    here, there, nobody = s.where[one], s.where[other], t.required.shape[0] - 1
    budget += freed(t, s, one) + freed(t, s, other)
    exchange = third == here
    leaver = one if exchange else nobody
    if t.balances.shape[0] > 0:
        budget -= balance_change(t, s, there, other, one)
        budget -= balance_change(t, s, third, leaver, other)
        if not exchange:
            budget -= balance_change(t, s, here, one, nobody)
    if budget < 0:
        return TOO_DEAR
    budget = come(t, s, (one, other), there, budget)
    if budget < 0:
        return TOO_DEAR
    budget = come(t, s, (other, leaver), third, budget)
    if budget < 0:
        return TOO_DEAR
    budget -= away_price(t, one, there) + away_price(t, other, third)
    away, back = homeward(t, one, here, there), homeward(t, other, there, third)
    if away != 0 or back != 0:
        budget -= t.weights[0] * most_change(s, t.service[one], t.service[other], away, back)
    return int(budget)
