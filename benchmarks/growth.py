"""How the cost of deciding grows with hosts, VMs and rules, planner by planner, in this process.

Each line changes one of the three and leaves the others at the base. The figures are CPU time:
other work on the machine matters little. `python -m scripts.plots FILE` draws what is printed.
"""

import json
import time
from collections.abc import Callable
from functools import lru_cache, partial
from itertools import islice
from statistics import median
from typing import NamedTuple

import numpy as np

from anypool.model import HostId, Inventory
from anypool.model.columns import Columns
from anypool.planner import plan_evacuation
from anypool.planner.capacity import Pool, capacity
from anypool.planner.failover import DeathMap, of_hosts, plan_recovery
from anypool.planner.place import Wanted, choose
from anypool.planner.rules import Rulebook
from benchmarks.pools import RULES, policies, pool, wanted

BASE, EACH, TIMES = 500, 10, 1
"""The base: hosts, VMs on each, and how often all nine rules are given."""
LINES: dict[str, tuple[tuple[int, int, int], ...]] = {
    "hosts": tuple((hosts, EACH, TIMES) for hosts in (125, 250, 500, 1_000, 2_500, 10_000)),
    "VMs": tuple((BASE, each, TIMES) for each in (2, 5, 10, 20, 50)),
    "rules": tuple((BASE, EACH, times) for times in (0, 1, 2, 4, 10)),
}
"""What grows, and the hosts, VMs of each and times of all rules it grows to."""
ASKED = 80
"""VMs that look for a place; a first round of them fills the columns of every storage shelf."""
LIMIT_S = 15.0
"""A line ends at the first size that takes longer."""


class Site(NamedTuple):
    """A pool, and the rules bound to it and to the VMs that look for a place."""

    hosts: int
    world: Inventory
    rules: Rulebook


def run() -> None:
    """Measure every planner along every line; print a row for each and JSON at the end."""
    found: dict[str, dict[str, dict[int, float]]] = {}
    for name in PLANNERS:
        for line, sizes in LINES.items():
            if (name, line) != ("capacity", "rules"):
                found.setdefault(name, {})[line] = _line(name, line, sizes)
    print(json.dumps({"growth": found}), flush=True)


def _line(name: str, line: str, sizes: tuple[tuple[int, int, int], ...]) -> dict[int, float]:
    """Return the milliseconds at each size, as far as the limit."""
    took: dict[int, float] = {}
    for hosts, each, times in sizes:
        size = {"hosts": hosts, "VMs": hosts * each, "rules": times * len(RULES)}[line]
        seconds = PLANNERS[name](_site(hosts, each, times))
        took[size] = round(seconds * 1000, 3)
        print(f"{name:10}{size:8} {line:6}{took[size]:12.2f} ms", flush=True)
        if seconds > LIMIT_S:
            break
    return took


@lru_cache(maxsize=16)
def _site(hosts: int, each: int, times: int) -> Site:
    world = pool(hosts, each)
    coming = {vm.id: vm for vm in (wanted(number, hosts) for number in range(ASKED))}
    return Site(hosts, world, Rulebook.on(policies(times), world.patched_vms(coming)))


def _took(what: Callable[[], object]) -> float:
    begin = time.process_time()
    what()
    return time.process_time() - begin


def place(site: Site) -> float:
    """Return the median of the seconds a choice takes, once the columns are filled."""
    coming = [wanted(number, site.hosts) for number in range(ASKED)]
    asked = Wanted(rules=site.rules)
    rounds = [[_took(partial(choose, site.world, vm, asked)) for vm in coming] for _ in range(3)]
    return min(median(took) for took in rounds[1:])


def evacuate(site: Site) -> float:
    """Return the median of the seconds for emptying a host."""
    open_ = (host.id for host in site.world.hosts.values() if not host.maintenance)
    some = list(islice(open_, 4))
    took = [_took(partial(plan_evacuation, site.world, key, site.rules)) for key in some]
    return median(took[1:])


def death_map(site: Site) -> float:
    """Return the seconds for the map of all failures, made anew; the better of two."""
    return min(_took(lambda: DeathMap(site.world, site.rules)) for _ in range(2))


def restart(site: Site) -> float:
    """Return the median of the seconds for all restarts after three hosts died."""
    hosts = sorted(site.world.hosts)
    dead = [of_hosts([HostId(key) for key in hosts[at : at + 3]]) for at in (0, 10, 20)]
    return median(_took(partial(plan_recovery, site.world, one, site.rules)) for one in dead)


def room(site: Site) -> float:
    """Return the median of the seconds for how many more VMs fit if any host may fail."""
    columns = Columns(site.world)
    rows, vms = np.flatnonzero(columns.hosts.used), columns.vms
    free = np.stack(
        [columns.hosts.memory_free_mib[rows], columns.hosts.cpus[rows].astype(np.int64)]
    )
    there = vms.used & vms.holds
    asked = Pool(free=free, memory=vms.memory_mib[there], placed=vms.host[there].astype(np.int64))
    return median(_took(lambda: capacity(asked, np.array([4096, 2]), 1)) for _ in range(3))


PLANNERS: dict[str, Callable[[Site], float]] = {
    "place": place,
    "evacuate": evacuate,
    "death map": death_map,
    "restart": restart,
    "capacity": room,
}
"""Balancing is not among them: `scripts.balance_figures` draws what it costs to its end."""
