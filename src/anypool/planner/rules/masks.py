"""What the rules say of all hosts at once; each says what its test says of one host.

Where hosts can only be told apart by what they share with the VM's group, the test itself
is asked once for each kind of host.
"""

from collections.abc import Iterable

import numpy as np

from anypool.model import (
    HOLDS_MEMORY,
    HOST_DOMAIN,
    Apart,
    Bound,
    Exclusive,
    Headroom,
    HostId,
    Licence,
    MaxVms,
    NoMigration,
    OnHosts,
    Pinned,
    Spread,
    Together,
    VmState,
)
from anypool.planner.field import Bools, Field
from anypool.planner.rules.needs import Scene, Test


def passing(bound: Bound, test: Test, scene: Scene, field: Field) -> Bools:
    """Return for which hosts of `field` the test of a rule has nothing against."""
    match bound.rule:
        case OnHosts(avoid=avoid):
            inside = field.among(bound.hosts)
            return ~inside if avoid else inside
        case Licence(sockets=limit):
            return _licence(bound, scene, field, limit)
        case NoMigration():
            return _no_migration(bound, scene, field)
        case MaxVms(maximum=maximum):
            room = _others_running(scene, field) < maximum
            return ~field.among(bound.hosts) | room
        case Headroom():
            return ~field.among(bound.hosts) | _headroom(bound.rule, scene, field)
        case Pinned():
            only = np.zeros(len(field), np.bool_)
            only[_home(scene, field)] = True
            return only
        case Apart(domain=kind) | Together(domain=kind) | Spread(domain=kind):
            return _by_domain(kind, test, _taken(bound, scene), field)
        case Exclusive():
            return of_group(bound, test, scene, field)
        case _:
            return np.ones(len(field), np.bool_)


def of_group(bound: Bound, test: Test, scene: Scene, field: Field) -> Bools:
    """Return the same for a test that tells apart only hosts where others of the group run."""
    return _by_domain(HOST_DOMAIN, test, _taken(bound, scene), field)


def _taken(bound: Bound, scene: Scene) -> set[HostId]:
    return {host.id for _, host in scene.others(bound)}


def _home(scene: Scene, field: Field) -> list[int]:
    return [] if scene.vm.host is None else field.rows([scene.vm.host])


def _by_domain(kind: str, test: Test, taken: Iterable[HostId], field: Field) -> Bools:
    """Ask one host of each set of domains; a host in its own domain alone is like all such.

    But for those where others of the group are.
    """
    numbers = np.zeros(len(field), np.int64) if kind == HOST_DOMAIN else field.domains(kind)
    single = field.rows(taken)
    apart = np.zeros(len(field), np.bool_)
    apart[[row for row in single if not numbers[row]]] = True
    kinds, first = np.unique(np.where(apart, -1, numbers), return_index=True)
    answers = np.ones(int(numbers.max(initial=0)) + 1, np.bool_)
    for number, row in zip(kinds, first, strict=True):
        if number >= 0:
            answers[number] = test(field.host(int(row))) is None
    found = np.asarray(answers[numbers])
    for row in np.flatnonzero(apart):
        found[row] = test(field.host(int(row))) is None
    return found


def _licence(bound: Bound, scene: Scene, field: Field, limit: int) -> Bools:
    inside = field.among(bound.hosts)
    if not limit:
        return inside
    used = {host.id: host for _, host in scene.others(bound)}
    sockets = field.sockets()
    counted = sum(host.sockets for host in used.values())
    fits = (sockets > 0) & (counted + sockets <= limit)
    fits[field.rows(used)] = True
    return inside & fits


def _no_migration(bound: Bound, scene: Scene, field: Field) -> Bools:
    vm = scene.vm
    live = vm.state in (VmState.RUNNING, VmState.PAUSED)
    if not live or vm.host not in bound.hosts:
        return np.ones(len(field), np.bool_)
    found = ~field.among(bound.targets)
    found[_home(scene, field)] = True
    return found


def _others_running(scene: Scene, field: Field) -> np.ndarray:
    known = scene.inventory.vms.get(scene.vm.id)
    running = field.running()
    if known is None or known.host is None or known.state not in HOLDS_MEMORY:
        return running
    running = running.copy()
    running[field.rows([known.host])] -= 1
    return running


def _headroom(rule: Headroom, scene: Scene, field: Field) -> Bools:
    vm, hosts = scene.vm, field.columns
    here = np.zeros(len(field), np.bool_)
    if vm.state in HOLDS_MEMORY:
        here[_home(scene, field)] = True
    left = hosts.memory_free_mib - np.where(here, 0, vm.memory_mib)
    fits: Bools = left >= hosts.memory_mib * rule.memory_percent // 100
    if rule.vcpus_percent:
        vcpus = hosts.vcpus.astype(np.int64) + np.where(here, 0, vm.vcpus)
        fits &= vcpus * 100 <= hosts.cpus.astype(np.int64) * rule.vcpus_percent
    return fits
