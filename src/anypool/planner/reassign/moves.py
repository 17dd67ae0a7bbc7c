"""How a move is made: everything that is kept about an assignment follows."""

from anypool.planner.reassign.compiled import loop
from anypool.planner.reassign.gains import away_price, count_moved, homeward, machine_cost
from anypool.planner.reassign.rules import put_near
from anypool.planner.reassign.tables import CLOCK, COST, FULL, MOST, State, Tables


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
def fill(s: State, machine: int, r: int, size: int) -> None:
    """Use room up to the capacity of a machine, or (negative) free it."""
    before = s.room[machine, r, 0]
    s.room[machine, r, 0] = before - size
    s.totals[FULL] += min(0, before) - min(0, before - size)


@loop
def shift(t: Tables, s: State, process: int, target: int) -> None:
    """Put a process on another machine; `renew` must follow for both machines."""
    source, service = s.where[process], t.service[process]
    home = t.home[process]
    for r in range(t.load_weight.shape[0]):
        size = t.required[process, r]
        s.room[source, r, 1] += size
        s.room[target, r, 1] -= size
        if t.transient[r] == 0 or source != home:
            fill(s, source, r, -size)
        if t.transient[r] == 0 or target != home:
            fill(s, target, r, size)
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
    s.totals[COST] += away_price(t, process, target) - away_price(t, process, source)
    away = homeward(t, process, source, target)
    if away != 0:
        most = s.totals[MOST]
        count_moved(s, service, away)
        s.totals[COST] += t.weights[0] * (s.totals[MOST] - most)


@loop
def renew(t: Tables, s: State, machine: int) -> None:
    """Note the cost of a machine after a move, in the total as well."""
    cost = machine_cost(t, s, machine)
    s.totals[COST] += cost - s.costs[machine]
    s.costs[machine] = cost
    s.totals[CLOCK] += 1
    s.version[machine] = s.totals[CLOCK]
