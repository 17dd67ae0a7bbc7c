"""Dealing pools out to managers: evenly, and with as few changes as that takes; no I/O."""

from collections.abc import Mapping, Sequence


def deal(
    weights: Mapping[str, int], managers: Sequence[str], now: Mapping[str, str]
) -> dict[str, str]:
    """Return which manager each pool goes to, by pool.

    `weights` says how much work each pool is, `now` who has which. A pool that is none is the
    first manager's. Of managers that have equally little the one that is named first gets the
    next pool. A pool changes hands only where its manager is not named any more, or where that
    brings the two closer together.
    """
    idle = {pool: managers[0] for pool, weight in weights.items() if not weight}
    dealt = {pool: now[pool] for pool in weights.keys() - idle.keys() if now.get(pool) in managers}
    load = {manager: 0 for manager in managers}
    for pool, manager in dealt.items():
        load[manager] += weights[pool]
    order = {manager: place for place, manager in enumerate(managers)}

    def least() -> str:
        return min(managers, key=lambda one: (load[one], order[one]))

    for pool in sorted(
        weights.keys() - dealt.keys() - idle.keys(), key=lambda one: (-weights[one], one)
    ):
        dealt[pool] = least()
        load[dealt[pool]] += weights[pool]
    while (move := _evening(weights, dealt, load, least())) is not None:
        pool, to = move
        load[dealt[pool]] -= weights[pool]
        load[to] += weights[pool]
        dealt[pool] = to
    return dealt | idle


def _evening(
    weights: Mapping[str, int], dealt: Mapping[str, str], load: Mapping[str, int], to: str
) -> tuple[str, str] | None:
    """Return the pool that brings its manager and the one with least closest, None if none does.

    Each such change makes the sum of the squares of all loads smaller, so there is a last one.
    """
    fit = [
        (min(weights[pool], load[holder] - load[to] - weights[pool]), load[holder], pool)
        for pool, holder in sorted(dealt.items())
        if weights[pool] < load[holder] - load[to]
    ]
    if not fit:
        return None
    best = max(fit, key=lambda one: one[:2])
    return best[2], to
