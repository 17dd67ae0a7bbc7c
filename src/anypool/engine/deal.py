"""Dealing pools out to managers: evenly, and with as few changes as that takes; no I/O."""

from collections.abc import Mapping, Sequence


def deal(
    weights: Mapping[str, int], managers: Sequence[str], now: Mapping[str, str]
) -> dict[str, str]:
    """Return which manager each pool goes to, by pool.

    `weights` says how much work each pool is, `now` who has which. A pool that is none is the
    first manager's. Of managers that have equally
    little the one that is named first gets the next pool. A pool changes hands only where its
    manager is not named any more, or where that brings the two closer together.
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
    for _ in range(len(weights)):
        most, to = max(managers, key=lambda one: (load[one], -order[one])), least()
        gap = load[most] - load[to]
        fit = [pool for pool in sorted(dealt) if dealt[pool] == most and weights[pool] < gap]
        if not fit:
            break
        moved = max(fit, key=lambda pool: min(weights[pool], gap - weights[pool]))
        dealt[moved] = to
        load[most] -= weights[moved]
        load[to] += weights[moved]
    return dealt | idle
