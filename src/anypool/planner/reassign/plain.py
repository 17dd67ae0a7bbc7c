"""Annealing without numba: numpy looks at all machines for one process at once."""

import numpy as np

from anypool.planner.reassign.gains import renew, shift
from anypool.planner.reassign.problem import Ints
from anypool.planner.reassign.tables import MOST, Array, State, Tables

IMPOSSIBLE = np.iinfo(np.int64).max


def changes(t: Tables, s: State, process: int) -> Ints:
    """Return what each machine (M) as a target adds to the cost, `IMPOSSIBLE` where forbidden."""
    source, service = int(s.where[process]), int(t.service[process])
    home, need = int(t.home[process]), t.required[process]
    after = s.used + need
    holds = s.held + need
    holds[home] -= need * t.transient
    allowed = _may_go(t, s, service, source)
    costs = _costs(t, after, t.capacity) - s.costs
    left = s.held[source] - need * (1 - t.transient if source == home else 1)
    costs += int(_costs(t, s.used[source] - need, t.capacity[source], source)) - s.costs[source]
    if s.prices.any():
        costs += np.maximum(0, holds - t.capacity) @ s.prices
        costs += int(np.maximum(0, left - t.capacity[source]) @ s.prices)
    else:
        allowed &= (holds <= t.capacity).all(axis=1)
    costs += t.weights[1] * (t.way_price[home].astype(np.int64) - t.way_price[home, source])
    away = t.price[process] + t.weights[0] * int(s.moved[service] == s.totals[MOST])
    if source == home:
        costs += away
    else:
        alone = s.moved[service] == s.totals[MOST] and s.counts[s.totals[MOST]] == 1
        costs[home] -= t.price[process] + t.weights[0] * int(alone)
    costs[~allowed] = IMPOSSIBLE
    costs[source] = 0
    return np.asarray(costs, dtype=np.int64)


def _costs(t: Tables, used: Array, capacity: Array, machine: int | None = None) -> Array:
    safe = t.safe if machine is None else t.safe[machine]
    costs: Array = np.maximum(0, used - safe) @ t.load_weight
    free = capacity - used
    for first, second, target, weight in t.balances.tolist():
        costs = costs + weight * np.maximum(0, target * free[..., first] - free[..., second])
    return costs


def _may_go(t: Tables, s: State, service: int, source: int) -> Array:
    """Return which machines (M) the services' distance and nearness allow."""
    allowed = np.ones(t.location.shape[0], dtype=bool)
    apart, spread, near = t.apart_row[service], t.spread_row[service], t.near_row[service]
    if apart >= 0:
        allowed &= s.present[apart] == 0
    if spread >= 0:
        here = t.location[source]
        spans = s.spans[spread] - int(s.in_location[spread, here] == 1)
        gained = (s.in_location[spread] == 0)[t.location]
        allowed &= (spans + gained >= t.spread[service]) | (t.location == here)
    if near >= 0:
        allowed &= _near(t, s, service, source)
    return allowed


def _near(t: Tables, s: State, service: int, source: int) -> Array:
    place = t.neighbourhood[source]
    same: Array = np.equal(t.neighbourhood, place)
    users = t.near_row[t.users[t.users_at[service] : t.users_at[service + 1]]]
    needs = t.near_row[t.needs[t.needs_at[service] : t.needs_at[service + 1]]]
    if s.in_place[t.near_row[service], place] == 1 and (s.in_place[users, place] > 0).any():
        return same
    there: Array = np.asarray((s.in_place[needs] > 0).all(axis=0))
    found: Array = there[t.neighbourhood] | same
    return found


def sweep(t: Tables, s: State, chance: np.random.Generator, steps: int, heat: float) -> None:
    """Give random processes a machine each, the cheaper the likelier (a heat bath)."""
    for process in chance.integers(t.service.shape[0], size=steps).tolist():
        added = changes(t, s, process)
        ways = np.flatnonzero(added < IMPOSSIBLE)
        noise = chance.gumbel(size=ways.shape[0]) * heat
        noise += heat * t.pull[process] * (ways == t.home[process])
        target = int(ways[np.argmax(noise - added[ways])])
        source = int(s.where[process])
        if target == source:
            continue
        change = int(added[target])
        shift(t, s, process, target)
        renew(t, s, source, target, change)
