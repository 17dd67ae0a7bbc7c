"""Which hosts go together: as few waves as possible, and how few there can be at all.

Waves are filled one after the other, from several orders of the hosts; the order with the
fewest waves wins. A host that a manager runs on comes after all others, so that the manager is
moved once, to a host that is done. The bound: hosts of different domains do not go together, a
wave has at most so many hosts, and what all VMs hold must fit on the hosts that stay, so that a
wave takes at most as much memory away as is free in all.
"""

from collections.abc import Callable
from math import ceil

from msgspec import Struct

from anypool.model import Host, HostId, HostState, Inventory, manager_on
from anypool.planner.rolling.wave import Stuck, Terms, Wave, plan_wave

TRIES = 12
"""A wave is full after so many hosts in a row that do not fit into it."""


class Grouped(Struct, frozen=True, kw_only=True):
    """Waves in order; `stuck` tells of each host that never found one."""

    waves: tuple[Wave, ...]
    stuck: tuple[Stuck, ...] = ()


Order = Callable[[Inventory, Host], tuple[object, ...]]


def grouped(inventory: Inventory, hosts: tuple[HostId, ...], on: Terms) -> Grouped:
    """Return the waves that service all hosts, as few as the orders tried come to."""
    best: Grouped | None = None
    least = fewest(inventory, hosts, on)
    for order in _ORDERS:
        known = (inventory.hosts[host] for host in hosts)
        ordered = [host.id for host in sorted(known, key=lambda host: order(inventory, host))]
        found = _filled(inventory, ordered, on)
        if best is None or _rank(found) < _rank(best):
            best = found
        if not best.stuck and len(best.waves) <= least:
            break
    assert best is not None
    return best


def fewest(inventory: Inventory, hosts: tuple[HostId, ...], on: Terms) -> int:
    """Return a number of waves that no partition of the hosts can be below."""
    free = max(1, _free_mib(inventory, on))
    known = [inventory.hosts[host] for host in hosts]
    parts: dict[str, list[Host]] = {}
    for host in known:
        places = _places(host, on)
        if len(places) == 1:  # one of several domains, or of none, fits into other waves too
            parts.setdefault(next(iter(places)), []).append(host)
    apart = sum(_least(part, free, on) for part in parts.values())
    return max(apart, _least(known, free, on))


def _least(hosts: list[Host], free_mib: int, on: Terms) -> int:
    size = sum(host.usable_mib for host in hosts if not host.maintenance)
    return max(ceil(len(hosts) / max(1, on.wish.max_hosts)), ceil(size / free_mib))


def _free_mib(inventory: Inventory, on: Terms) -> int:
    """Return the memory that nobody holds on hosts that are up and open."""
    free = 0
    for host in inventory.hosts.values():
        if host.state is HostState.UP and not host.maintenance:
            free += inventory.memory_free_mib(host.id)
    if on.wish.shut_down:
        mine = set(on.wish.hosts)
        free += sum(
            vm.memory_mib
            for host in mine & inventory.hosts.keys()
            for vm in inventory.holding(host)
        )
    return free


def _filled(inventory: Inventory, hosts: list[HostId], on: Terms) -> Grouped:
    left, waves = list(hosts), list[Wave]()
    while left:
        stuck: list[Stuck] = []
        wave: Wave | None = None
        mine = [host for host in left if manager_on(inventory, host) is not None]
        others = [host for host in left if host not in mine]
        for host in (*others, *mine):
            found = plan_wave(inventory, (host,), on)
            if isinstance(found, Wave):
                wave = _grown(inventory, found, others or left, on)
                break
            stuck.append(found)
        if wave is None:
            return Grouped(waves=tuple(waves), stuck=tuple(stuck))
        waves.append(wave)
        inventory = wave.after
        left = [host for host in left if host not in wave.hosts]
    return Grouped(waves=tuple(waves))


def _grown(inventory: Inventory, wave: Wave, left: list[HostId], on: Terms) -> Wave:
    """Return a wave with as many more hosts as fit into it, in their order."""
    shared, misses = _places(inventory.hosts[wave.hosts[0]], on), 0
    for host in left:
        if len(wave.hosts) >= on.wish.max_hosts or misses >= TRIES:
            break
        if host in wave.hosts:
            continue
        both = _common(shared, _places(inventory.hosts[host], on))
        if both is None:
            continue
        found = plan_wave(inventory, (*wave.hosts, host), on)
        if isinstance(found, Wave):
            wave, shared, misses = found, both, 0
        else:
            misses += 1
    return wave


def _places(host: Host, on: Terms) -> frozenset[str]:
    """Return the domains of a host that count; none if it says nothing of them."""
    mark = f"{on.wish.domain}:"
    return frozenset() if on.wish.across else frozenset(t for t in host.tags if t.startswith(mark))


def _common(one: frozenset[str], other: frozenset[str]) -> frozenset[str] | None:
    """Return what two sets of domains share, None if they are apart; no domain shares with all."""
    if not one or not other:
        return one or other
    return one & other or None


def _rank(found: Grouped) -> tuple[int, int]:
    return len(found.stuck), len(found.waves)


def _by_name(_: Inventory, host: Host) -> tuple[object, ...]:
    return host.name, host.id


def _fullest(inventory: Inventory, host: Host) -> tuple[object, ...]:
    return inventory.memory_free_mib(host.id) - host.memory_mib, host.name, host.id


def _emptiest(inventory: Inventory, host: Host) -> tuple[object, ...]:
    return host.memory_mib - inventory.memory_free_mib(host.id), host.name, host.id


def _largest(_: Inventory, host: Host) -> tuple[object, ...]:
    return -host.memory_mib, host.name, host.id


def _by_domain(_: Inventory, host: Host) -> tuple[object, ...]:
    return sorted(host.tags), -host.memory_mib, host.name, host.id


_ORDERS: tuple[Order, ...] = (_by_name, _by_domain, _fullest, _emptiest, _largest)
