"""The arrays that loops work on: what stays (`Tables`), and an assignment (`State`)."""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from anypool.planner.reassign.problem import Floats, Ints, Problem, held, machine_costs, usage
from anypool.planner.reassign.too_full import loads, prices

Array = npt.NDArray[Any]
TRADE_PRICE = 20.0
"""What being too full costs in the course of a trade, as a multiple of what load costs."""

CHANCES = 1024
"""How many chances a move may have to be taken; a power of two."""

COST, MOST, CLOCK, FULL = 0, 1, 2, 3
"""What is where in `State.totals`: the cost, the largest number of moved processes of a service,
the last version, and by how many units in all machines are too full."""


class Tables(NamedTuple):
    """A problem, as flat arrays.

    Row P of `required` and entry P of `home` stand for no process. Services that a constraint
    is void for have the row -1: only those with several processes are in `apart_row`, only
    those with a spread above one in `spread_row`, and those that depend on others or are
    depended on in `near_row`. `needs[needs_at[s]:needs_at[s + 1]]` is what s depends on,
    `users` the other way round.
    """

    required: Array  # P + 1 x R
    home: Array  # P + 1
    service: Array  # P
    price: Array  # P, weighted
    transient: Array  # R, 0 or 1
    load_weight: Array  # R
    spare: Array  # M x R: capacity beyond what is safe
    balances: Array  # B x 4
    way_price: Array  # M x M
    location: Array  # M, from 0 on
    neighbourhood: Array  # M, from 0 on
    spread: Array  # S
    apart_row: Array  # S
    spread_row: Array  # S
    near_row: Array  # S
    needs_at: Array
    needs: Array
    users_at: Array
    users: Array
    weights: Array  # of services, of ways
    pull: Array  # P: how strongly it is drawn home, 1 on average
    by_size: Array  # P: processes, those first that add most to the load of a full machine
    trade_prices: Array  # R: for each unit by which a machine is too full during a trade
    patience: Array  # CHANCES: quantiles of how many temperatures dearer a move may be


class State(NamedTuple):
    """An assignment, and everything that follows from it and is kept while it changes.

    `gain[p]` is what is saved if a process goes away, its way included. It holds while
    `stamp[p]` is the version of its machine, which is another after each change.
    """

    where: Array  # P
    room: Array  # M x R x 2: up to the capacity, up to what is safe; negative above
    costs: Array  # M: load, balance, and prices for being too full
    present: Array  # rows of `apart_row` x M: processes there, 0 or 1
    in_location: Array  # rows of `spread_row` x locations
    spans: Array  # rows of `spread_row`
    in_place: Array  # rows of `near_row` x neighbourhoods
    moved: Array  # S
    counts: Array  # by number of moved processes: services that have as many
    totals: Array  # by COST, MOST, CLOCK, FULL
    prices: Array  # R: for each unit by which a machine is too full, 0 where that is forbidden
    gain: Array  # P
    stamp: Array  # P
    version: Array  # M
    traded: Array  # P: who came back in a trade
    first: Array  # M: some process there, -1 if there is none
    next: Array  # P: the next one there, -1 at the end
    last: Array  # P: the one before, -1 at the beginning


def tables(problem: Problem) -> Tables:
    """Return the arrays of a problem."""
    sizes = np.bincount(problem.service, minlength=problem.services)
    users: list[list[int]] = [[] for _ in range(problem.services)]
    for service, others in enumerate(problem.depends):
        for other in others:
            users[other].append(service)
    related = np.array(
        [bool(needs) or bool(by) for needs, by in zip(problem.depends, users, strict=True)],
        dtype=bool,
    )
    needs_at, needs = _flat([list(others) for others in problem.depends])
    users_at, used_by = _flat(users)
    nobody = np.zeros((1, problem.required.shape[1]), dtype=np.int64)
    return Tables(
        required=np.concatenate([problem.required, nobody]),
        home=np.append(problem.home, -1),
        service=problem.service,
        price=problem.price * problem.process_weight,
        transient=problem.transient.astype(np.int64),
        load_weight=problem.load_weight,
        spare=problem.capacity - problem.safe,
        balances=problem.balances,
        way_price=problem.way_price,
        location=_from_zero(problem.location),
        neighbourhood=_from_zero(problem.neighbourhood),
        spread=problem.spread,
        apart_row=_rows(sizes > 1),
        spread_row=_rows(problem.spread > 1),
        near_row=_rows(related),
        needs_at=needs_at,
        needs=needs,
        users_at=users_at,
        users=used_by,
        weights=np.array([problem.service_weight, problem.machine_weight], dtype=np.int64),
        pull=_pull(problem),
        by_size=np.argsort(-loads(problem), kind="stable"),
        trade_prices=prices(problem, TRADE_PRICE),
        patience=-np.log((np.arange(CHANCES) + 0.5) / CHANCES),
    )


def _pull(problem: Problem) -> Floats:
    """Return how strongly each process (P) is drawn home, 1 on average.

    Half is the same for all, half grows with what of all transient resources it holds, which
    it would hold twice.
    """
    whole = np.maximum(1, problem.capacity.sum(axis=0))
    held = (problem.required * problem.transient / whole).sum(axis=1)
    mean = held.mean()
    pull: Floats = 0.5 + 0.5 * held / mean if mean > 0 else np.ones(held.shape)
    return pull


def reprice(problem: Problem, s: State, prices: Ints) -> None:
    """Let machines be too full at a price for each unit of a resource (R), or (0) no more."""
    costs = machine_costs(problem, problem.safe - s.room[:, :, 1])
    costs += np.maximum(0, -s.room[:, :, 0]) @ prices
    s.totals[COST] += int(costs.sum()) - int(s.costs.sum())
    s.prices[:] = prices
    s.costs[:] = costs
    s.version[:] = s.totals[CLOCK] + 1 + np.arange(problem.machines)
    s.totals[CLOCK] += problem.machines


def state(problem: Problem, table: Tables, where: Ints) -> State:
    """Return everything about an assignment; nothing is paid for machines that are too full."""
    service, moved_off = problem.service, where != problem.home
    used = usage(problem, where)
    moved = np.bincount(service[moved_off], minlength=problem.services)
    most = int(np.bincount(service, minlength=1).max())
    price = int(table.price[moved_off].sum())
    price += problem.service_weight * int(moved.max())
    ways = int(problem.way_price[problem.home, where].sum(dtype=np.int64))
    costs = machine_costs(problem, used)
    room = problem.capacity - held(problem, where)
    full = -int(np.minimum(0, room).sum())
    total = int(costs.sum()) + price + ways * problem.machine_weight
    links = _linked(where, problem.machines)
    in_location = _counted(table.spread_row[service], table.location[where], table.location)
    return State(
        where=where.astype(np.int64),
        room=np.stack([room, problem.safe - used], axis=2),
        costs=costs,
        present=_counted(
            table.apart_row[service], where, np.arange(problem.machines), kind=np.int8
        ),
        in_location=in_location,
        spans=(in_location > 0).sum(axis=1),
        in_place=_counted(table.near_row[service], table.neighbourhood[where], table.neighbourhood),
        moved=moved,
        counts=np.bincount(moved, minlength=most + 2),
        totals=np.array([total, int(moved.max()), problem.machines, full], dtype=np.int64),
        prices=np.zeros(problem.load_weight.shape[0], dtype=np.int64),
        gain=np.zeros(problem.processes, dtype=np.int64),
        stamp=np.zeros(problem.processes, dtype=np.int64),
        version=np.arange(1, problem.machines + 1, dtype=np.int64),
        traded=np.zeros(problem.processes, dtype=np.int64),
        first=links[0],
        next=links[1],
        last=links[2],
    )


def _linked(where: Ints, machines: int) -> tuple[Ints, Ints, Ints]:
    """Return each machine's first process, and for each process the next and the last there."""
    first = np.full(machines, -1, dtype=np.int64)
    after, before = np.full(where.shape, -1, dtype=np.int64), np.full(where.shape, -1, np.int64)
    order = np.argsort(where, kind="stable")
    same = where[order[1:]] == where[order[:-1]]
    after[order[:-1][same]] = order[1:][same]
    before[order[1:][same]] = order[:-1][same]
    first[where[order[::-1]]] = order[::-1]
    return first, after, before


def _rows(wanted: Array) -> Array:
    """Return -1 where something is not wanted, and numbers from 0 on where it is."""
    return np.where(wanted, np.cumsum(wanted) - 1, -1)


def _from_zero(names: Array) -> Array:
    numbers: Array = np.unique(names, return_inverse=True)[1].astype(np.int64)
    return numbers


def _flat(lists: list[list[int]]) -> tuple[Array, Array]:
    starts = np.cumsum([0, *(len(one) for one in lists)]).astype(np.int64)
    return starts, np.array([item for one in lists for item in one], dtype=np.int64)


def _counted(rows: Array, columns: Array, known: Array, kind: type = np.int32) -> Array:
    found: Array = np.zeros((int(rows.max(initial=-1)) + 1, int(known.max()) + 1), dtype=kind)
    counted = rows >= 0
    np.add.at(found, (rows[counted], columns[counted]), 1)
    return found
