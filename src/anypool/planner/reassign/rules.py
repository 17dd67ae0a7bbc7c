"""Whether services stay apart, spread and near to those they depend on.

Written for `compiled.loop`: loops over plain numbers, no objects. The same lines run, slowly,
without numba.
"""

from anypool.planner.reassign.compiled import loop
from anypool.planner.reassign.tables import State, Tables


@loop
def apart(t: Tables, s: State, service: int, target: int) -> bool:
    """Return whether no process of a service is on a machine."""
    row = t.apart_row[service]
    return bool(row < 0 or s.present[row, target] == 0)


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
    """Return whether a process's service and its neighbours allow a shift."""
    source, service = s.where[process], t.service[process]
    if not apart(t, s, service, target):
        return False
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
    """Return whether services and neighbours allow that two processes change places."""
    here, there = s.where[one], s.where[other]
    first, second = t.service[one], t.service[other]
    if first == second:
        return True
    if not apart(t, s, first, there) or not apart(t, s, second, here):
        return False
    if not spread_enough(t, s, first, here, there):
        return False
    if not spread_enough(t, s, second, there, here):
        return False
    if t.neighbourhood[here] == t.neighbourhood[there]:
        return True
    put_near(t, s, first, here, there)
    put_near(t, s, second, there, here)
    allowed = still_near(t, s, first, here, there) and still_near(t, s, second, there, here)
    put_near(t, s, second, here, there)
    put_near(t, s, first, there, here)
    return allowed
