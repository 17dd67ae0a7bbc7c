"""Packing into equal hosts, where many hours must not outweigh the one column of memory."""

import numpy as np

from anypool.planner.balance import Floats
from anypool.planner.consolidate import Packing, consolidate


def packed(take: Floats, room: Floats) -> Packing:
    """Return the best packing of V VMs in C columns, memory first; `Invalid` as `consolidate`.

    Packers weigh all columns alike. Hours that are alike count once, and memory is tried as
    one column and as many as there are hours.
    """
    both = np.vstack([room, take])
    _, first = np.unique(both, axis=1, return_index=True)
    both = both[:, np.sort(first)]
    best = consolidate(both[1:], both[0])
    others = both.shape[1] - 1
    if best.hosts > best.bound and others > 1:
        both = np.hstack([np.repeat(both[:, :1], others, axis=1), both[:, 1:]])
        other = consolidate(both[1:], both[0])
        best = other if other.hosts < best.hosts else best
    return best
