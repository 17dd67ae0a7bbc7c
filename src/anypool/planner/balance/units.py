"""What moves as one: single VMs and groups that stay together, and which of them are alike."""

from dataclasses import dataclass

import numpy as np

from anypool.planner.balance.problem import Floats, Ints, Masks, Problem

ALIKE_MOST = 64
"""With more kinds of plain VMs than this, each VM is a kind of its own: counting saves nothing."""


@dataclass(frozen=True)
class Units:
    """The movable units of a placement, sorted by their first VM.

    Units of one `kind` ask for exactly the same and know no rules, so that any of them stands
    for all on its host. A unit with rules is a kind of its own (`ruled`, by kind).
    """

    vms: tuple[tuple[int, ...], ...]
    kind: Ints  # by unit
    demand: Floats  # K x kinds
    need: Ints  # R x kinds
    size: Ints  # VMs, by kind
    counted: int  # kinds below this are plain and counted by host
    ruled: dict[int, int]  # kind -> unit, of those with rules


def units_of(problem: Problem, placed: Ints) -> Units:
    """Return the units of a placement; members of a group on different hosts are apart in it."""
    groups = _parts(problem, placed)
    ruled = np.array([_has_rules(problem, group) for group in groups], dtype=np.bool_)
    count = len(groups)
    demand = np.zeros((problem.weight.shape[0], count))
    need = np.zeros((problem.need.shape[0], count), dtype=np.int64)
    for unit, group in enumerate(groups):
        if len(group) > 1:
            demand[:, unit] = problem.demand[:, list(group)].sum(axis=1)
            need[:, unit] = problem.need[:, list(group)].sum(axis=1)
    alone = np.array([len(group) == 1 for group in groups], dtype=np.bool_)
    first = np.array([group[0] for group in groups], dtype=np.int64)
    demand[:, alone] = problem.demand[:, first[alone]]
    need[:, alone] = problem.need[:, first[alone]]
    size = np.array([len(group) for group in groups], dtype=np.int64)
    kind, chosen, counted = _kinds(demand, need, size, ruled)
    return Units(
        vms=tuple(groups),
        kind=kind,
        demand=np.ascontiguousarray(demand[:, chosen]),
        need=np.ascontiguousarray(need[:, chosen]),
        size=size[chosen],
        counted=counted,
        ruled={int(kind[unit]): int(unit) for unit in np.flatnonzero(ruled)},
    )


def _kinds(demand: Floats, need: Ints, size: Ints, ruled: Masks) -> tuple[Ints, Ints, int]:
    """Return the kind of each unit, the unit that stands for each kind, how many are counted."""
    plain = np.flatnonzero(~ruled)
    order = np.flatnonzero(ruled)
    kind = np.zeros(ruled.shape[0], dtype=np.int64)
    table = np.vstack([demand, need.astype(np.float64), size[None].astype(np.float64)])
    _, first, back = np.unique(table[:, plain], axis=1, return_index=True, return_inverse=True)
    if first.shape[0] <= ALIKE_MOST:
        kind[plain] = back.reshape(-1)
        chosen, counted = plain[first], int(first.shape[0])
    else:
        kind[plain] = np.arange(plain.shape[0])
        chosen, counted = plain, 0
    kind[order] = chosen.shape[0] + np.arange(order.shape[0])
    return kind, np.concatenate([chosen, order]).astype(np.int64), counted


def _parts(problem: Problem, placed: Ints) -> list[tuple[int, ...]]:
    grouped: set[int] = set()
    parts: list[tuple[int, ...]] = []
    for group in problem.together:
        grouped.update(group)
        for host in sorted({int(placed[vm]) for vm in group}):
            part = tuple(vm for vm in sorted(group) if placed[vm] == host)
            if problem.movable[list(part)].all():
                parts.append(part)
    parts += [(int(vm),) for vm in np.flatnonzero(problem.movable) if int(vm) not in grouped]
    return sorted(parts)


def _has_rules(problem: Problem, group: tuple[int, ...]) -> bool:
    if len(group) > 1 or any(group[0] in other for other in problem.together):
        return True
    if any(group[0] in other for other in problem.apart):
        return True
    return problem.allowed is not None and not bool(problem.allowed[group[0]].all())
