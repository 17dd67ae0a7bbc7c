"""Annealing without numba: numpy looks at all machines for one process at once."""

import numpy as np

from anypool.planner.reassign.gains import away_price, balance_change, freed, most_change
from anypool.planner.reassign.moves import renew, shift
from anypool.planner.reassign.problem import Ints
from anypool.planner.reassign.tables import Array, State, Tables
from anypool.planner.reassign.walk import walk

WALKED = 0.1
"""Share of steps of the walk: some assignments are reached by exchanges and chains only."""

IMPOSSIBLE = np.iinfo(np.int64).max


def changes(t: Tables, s: State, process: int) -> Ints:
    """Return what each machine (M) as a target adds to the cost, `IMPOSSIBLE` where forbidden."""
    source, service = int(s.where[process]), int(t.service[process])
    home, need = int(t.home[process]), t.required[process]
    costs = np.maximum(0, need - np.maximum(0, s.room[:, :, 1])) @ t.load_weight
    held = np.broadcast_to(need, s.room.shape[:2]).copy()
    held[home] -= need * t.transient
    full = np.maximum(0, held - np.maximum(0, s.room[:, :, 0]))
    costs += full @ s.prices + _balances(t, s, need)
    costs += t.weights[1] * t.way_price[home].astype(np.int64) + t.price[process]
    costs[home] -= away_price(t, process, home) + t.price[process]
    service_away = t.weights[0] * most_change(s, service, service, int(source == home), 0)
    costs += service_away
    if source != home:
        costs[home] += t.weights[0] * most_change(s, service, service, -1, 0)
    costs -= freed(t, s, process)
    costs += balance_change(t, s, source, process, t.required.shape[0] - 1)
    allowed = _may_go(t, s, service, source)
    if not s.prices.any():
        allowed &= (full == 0).all(axis=1)
    costs[~allowed] = IMPOSSIBLE
    costs[source] = 0
    return np.asarray(costs, dtype=np.int64)


def _balances(t: Tables, s: State, need: Array) -> Array:
    """Return what balance costs more on each machine (M) that gets a process."""
    free = t.spare + s.room[:, :, 1]
    costs: Array = np.zeros(free.shape[0], dtype=np.int64)
    for first, second, target, weight in t.balances.tolist():
        before = target * free[:, first] - free[:, second]
        after = before - target * need[first] + need[second]
        costs += weight * (np.maximum(0, after) - np.maximum(0, before))
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


def sweep(t: Tables, s: State, chance: np.random.Generator, steps: int, heats: Array) -> None:
    """Give random processes a machine each, the cheaper the likelier (a heat bath).

    Among these steps are some of `walk`; `heats` is as there.
    """
    walks = chance.random(size=steps) < WALKED
    seed = chance.integers(1, 2**32 - 1, size=4, dtype=np.int64)
    processes = chance.integers(t.service.shape[0], size=steps)
    for process, walked in zip(processes.tolist(), walks.tolist(), strict=True):
        if walked:
            walk(t, s, seed, 1, heats)
            continue
        added = changes(t, s, process)
        ways = np.flatnonzero(added < IMPOSSIBLE)
        noise = chance.gumbel(size=ways.shape[0]) * heats[0]
        noise += heats[1] * t.pull[process] * (ways == t.home[process])
        target = int(ways[np.argmax(noise - added[ways])])
        source = int(s.where[process])
        if target == source:
            continue
        shift(t, s, process, target)
        renew(t, s, source)
        renew(t, s, target)
