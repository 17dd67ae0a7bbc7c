"""What a shift or an exchange costs, whether it is allowed, and how it is made.

Written for `compiled.loop`: loops over plain numbers, no objects. The same lines run, slowly,
without numba.
"""

from anypool.planner.reassign.compiled import loop
from anypool.planner.reassign.tables import COST, MOST, State, Tables

NEVER = 1 << 60
"""The cost of what is not allowed."""


@loop
def cost_after(t: Tables, s: State, machine: int, gone: int, come: int) -> int:
    """Return a machine's cost with one process less and one more, `NEVER` if it is too full.

    P stands for no process. While there is a price for being too full, that is added instead.
    """
    back, left = t.home[come] == machine, t.home[gone] == machine
    total = 0
    for r in range(t.load_weight.shape[0]):
        change = t.required[come, r] - t.required[gone, r]
        holds = s.held[machine, r] + change
        if t.transient[r] == 1:
            if back:
                holds -= t.required[come, r]
            if left:
                holds += t.required[gone, r]
        if holds > t.capacity[machine, r]:
            if s.prices[r] == 0:
                return NEVER
            total += s.prices[r] * (holds - t.capacity[machine, r])
        over = s.used[machine, r] + change - t.safe[machine, r]
        if over > 0:
            total += over * t.load_weight[r]
    for b in range(t.balances.shape[0]):
        first, second = t.balances[b, 0], t.balances[b, 1]
        one = t.capacity[machine, first] - s.used[machine, first]
        one += t.required[gone, first] - t.required[come, first]
        other = t.capacity[machine, second] - s.used[machine, second]
        other += t.required[gone, second] - t.required[come, second]
        lack = t.balances[b, 2] * one - other
        if lack > 0:
            total += lack * t.balances[b, 3]
    return total


@loop
def way_change(t: Tables, process: int, source: int, target: int) -> int:
    """Return by how much the prices of a process and its way change."""
    home = t.home[process]
    change = t.weights[1] * (t.way_price[home, target] - t.way_price[home, source])
    if source == home:
        change += t.price[process]
    elif target == home:
        change -= t.price[process]
    return int(change)


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
def shift_change(t: Tables, s: State, process: int, target: int) -> int:
    """Return what a shift to another machine adds to the cost, `NEVER` if it does not fit.

    `may_shift` says whether the service's spread and neighbours allow it, too.
    """
    source, service = s.where[process], t.service[process]
    row = t.apart_row[service]
    if row >= 0 and s.present[row, target] > 0:
        return NEVER
    nobody = t.required.shape[0] - 1
    there = cost_after(t, s, target, nobody, process)
    if there == NEVER:
        return NEVER
    change = there - s.costs[target] + way_change(t, process, source, target)
    change += cost_after(t, s, source, process, nobody) - s.costs[source]
    away = homeward(t, process, source, target)
    if away != 0:
        change += t.weights[0] * most_change(s, service, service, away, 0)
    return int(change)


@loop
def swap_change(t: Tables, s: State, one: int, other: int) -> int:
    """Return what it adds to the cost if two processes of two machines change places."""
    here, there = s.where[one], s.where[other]
    first, second = t.service[one], t.service[other]
    if first != second:
        if t.apart_row[first] >= 0 and s.present[t.apart_row[first], there] > 0:
            return NEVER
        if t.apart_row[second] >= 0 and s.present[t.apart_row[second], here] > 0:
            return NEVER
    cost_here = cost_after(t, s, here, one, other)
    if cost_here == NEVER:
        return NEVER
    cost_there = cost_after(t, s, there, other, one)
    if cost_there == NEVER:
        return NEVER
    change = cost_here + cost_there - s.costs[here] - s.costs[there]
    change += way_change(t, one, here, there) + way_change(t, other, there, here)
    away, back = homeward(t, one, here, there), homeward(t, other, there, here)
    if away != 0 or back != 0:
        change += t.weights[0] * most_change(s, first, second, away, back)
    return int(change)


@loop
def most_change(s: State, first: int, second: int, away: int, back: int) -> int:
    """Return by how much the largest number of moved processes of a service changes."""
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
def near_enough(t: Tables, s: State, service: int, place: int) -> bool:
    """Return whether a service and those that depend on it have who they need in a place."""
    if s.in_place[t.near_row[service], place] > 0:
        for index in range(t.needs_at[service], t.needs_at[service + 1]):
            if s.in_place[t.near_row[t.needs[index]], place] == 0:
                return False
    else:
        for index in range(t.users_at[service], t.users_at[service + 1]):
            if s.in_place[t.near_row[t.users[index]], place] > 0:
                return False
    return True


@loop
def spread_enough(t: Tables, s: State, service: int, source: int, target: int) -> bool:
    """Return whether a service still spans its locations if a process goes to a machine."""
    row = t.spread_row[service]
    before, after = t.location[source], t.location[target]
    if row < 0 or before == after:
        return True
    spans = s.spans[row]
    if s.in_location[row, before] == 1:
        spans -= 1
    if s.in_location[row, after] == 0:
        spans += 1
    return bool(spans >= t.spread[service])


@loop
def put_near(t: Tables, s: State, service: int, source: int, target: int) -> None:
    """Count a process in the neighbourhood of another machine."""
    row = t.near_row[service]
    if row >= 0:
        s.in_place[row, t.neighbourhood[source]] -= 1
        s.in_place[row, t.neighbourhood[target]] += 1


@loop
def still_near(t: Tables, s: State, service: int, source: int, target: int) -> bool:
    """Return whether nobody misses anybody in the neighbourhoods of two machines."""
    if t.near_row[service] < 0:
        return True
    return near_enough(t, s, service, t.neighbourhood[source]) and near_enough(
        t, s, service, t.neighbourhood[target]
    )


@loop
def may_shift(t: Tables, s: State, process: int, target: int) -> bool:
    """Return whether spread and neighbours allow a shift."""
    source, service = s.where[process], t.service[process]
    if not spread_enough(t, s, service, source, target):
        return False
    if t.near_row[service] < 0 or t.neighbourhood[source] == t.neighbourhood[target]:
        return True
    put_near(t, s, service, source, target)
    allowed = still_near(t, s, service, source, target)
    put_near(t, s, service, target, source)
    return allowed


@loop
def may_swap(t: Tables, s: State, one: int, other: int) -> bool:
    """Return whether spread and neighbours allow that two processes change places."""
    here, there = s.where[one], s.where[other]
    first, second = t.service[one], t.service[other]
    if first == second:
        return True
    if not spread_enough(t, s, first, here, there):
        return False
    if not spread_enough(t, s, second, there, here):
        return False
    if t.neighbourhood[here] == t.neighbourhood[there]:
        return True
    if t.near_row[first] < 0 and t.near_row[second] < 0:
        return True
    put_near(t, s, first, here, there)
    put_near(t, s, second, there, here)
    allowed = still_near(t, s, first, here, there) and still_near(t, s, second, there, here)
    put_near(t, s, second, here, there)
    put_near(t, s, first, there, here)
    return allowed


@loop
def relink(s: State, process: int, source: int, target: int) -> None:
    """Take a process off the list of a machine and put it on that of another."""
    before, after = s.last[process], s.next[process]
    if before >= 0:
        s.next[before] = after
    else:
        s.first[source] = after
    if after >= 0:
        s.last[after] = before
    head = s.first[target]
    s.next[process], s.last[process] = head, -1
    if head >= 0:
        s.last[head] = process
    s.first[target] = process


@loop
def shift(t: Tables, s: State, process: int, target: int) -> None:
    """Put a process on another machine; the costs of machines and the total are not renewed."""
    source, service = s.where[process], t.service[process]
    home = t.home[process]
    for r in range(t.load_weight.shape[0]):
        size = t.required[process, r]
        s.used[source, r] -= size
        s.used[target, r] += size
        if t.transient[r] == 0 or source != home:
            s.held[source, r] -= size
        if t.transient[r] == 0 or target != home:
            s.held[target, r] += size
    s.where[process] = target
    relink(s, process, source, target)
    if t.apart_row[service] >= 0:
        s.present[t.apart_row[service], source] -= 1
        s.present[t.apart_row[service], target] += 1
    row = t.spread_row[service]
    if row >= 0:
        before, after = t.location[source], t.location[target]
        s.in_location[row, before] -= 1
        s.spans[row] -= int(s.in_location[row, before] == 0)
        s.spans[row] += int(s.in_location[row, after] == 0)
        s.in_location[row, after] += 1
    put_near(t, s, service, source, target)
    away = homeward(t, process, source, target)
    if away != 0:
        count_moved(s, service, away)


@loop
def renew(t: Tables, s: State, one: int, other: int, change: int) -> None:
    """Note the costs of two machines after a move, and the total."""
    nobody = t.required.shape[0] - 1
    s.costs[one] = cost_after(t, s, one, nobody, nobody)
    s.costs[other] = cost_after(t, s, other, nobody, nobody)
    s.totals[COST] += change
