"""Choose a host for a VM: hard needs first, each with its reason, then the best of the rest."""

from collections.abc import Iterator

from msgspec import Struct

from anypool.model import (
    Capability,
    Disk,
    Host,
    HostId,
    HostState,
    Inventory,
    StateReason,
    Vm,
    VmId,
    VmState,
)
from anypool.plan import Reason, Refusal, reason
from anypool.planner.rules import NO_RULES, Rulebook

RUNNERS_UP = 3
"""How many hosts that would do as well are named with what they lack against the best."""


class Choice(Struct, frozen=True, kw_only=True):
    """The host chosen and why, or None; and why each other host was not."""

    host: HostId | None
    why: Reason | None
    refused: tuple[Refusal, ...]


class Wanted(Struct, frozen=True, kw_only=True):
    """What a place is looked for under: the rules, who leaves with the VM, and hosts left out.

    Hosts in `avoid` are left out without a word, being the caller's own reason.
    """

    rules: Rulebook = NO_RULES
    leaving: frozenset[VmId] = frozenset()
    avoid: frozenset[HostId] = frozenset()


ANYWHERE = Wanted()


def choose(inventory: Inventory, vm: Vm, wanted: Wanted = ANYWHERE) -> Choice:
    """Return the best host among those that may take `vm`.

    That is one with the fewest preferences missed, then the most memory left. `vm` may be
    one that exists (running or stopped) or one that is only wished for.
    """
    refused: list[Refusal] = []
    fits: list[tuple[int, int, HostId]] = []
    needs = wanted.rules.needs(inventory, vm, wanted.leaving)
    for host_id in sorted(inventory.hosts):
        if host_id in wanted.avoid:
            continue
        host = inventory.hosts[host_id]
        why = refusal(inventory, vm, host) or needs.refusal(host)
        if why is None:
            left = inventory.memory_free_mib(host_id) - vm.memory_mib
            fits.append((len(needs.misses(host)), -left, host_id))
        else:
            refused.append(Refusal(vm=vm.id, host=host_id, why=why))
    if not fits:
        return Choice(host=None, why=None, refused=tuple(refused))
    first, *others = sorted(fits)
    left, best = -first[1], first[2]
    for misses, other_left, other in others[:RUNNERS_UP]:
        why = reason("place.equal")
        if misses > first[0]:
            why = needs.misses(inventory.hosts[other])[0]
        elif -other_left != left:
            why = reason("place.less-free", left=-other_left, best=left)
        refused.append(Refusal(vm=vm.id, host=other, why=why))
    return Choice(
        host=best,
        why=reason("place.most-free", free=left),
        refused=tuple(sorted(refused, key=lambda entry: entry.host)),
    )


def refusal(inventory: Inventory, vm: Vm, host: Host) -> Reason | None:
    """Return the first hard need of `vm` that `host` does not meet, None if it may take it."""
    return next(_unmet(inventory, vm, host), None)


def unsuited(inventory: Inventory, vm: Vm, host: Host) -> Reason | None:
    """Return the first need that `host` does not meet however empty it is, None if there is none.

    Whether the host is up and open is not asked.
    """
    return next(_unsuited(inventory, vm, host), None)


def _unmet(inventory: Inventory, vm: Vm, host: Host) -> Iterator[Reason]:
    if host.state is not HostState.UP:
        yield reason("host.state", state=host.state)
    if host.maintenance:
        yield reason("host.maintenance")
    yield from _unsuited(inventory, vm, host)
    free = inventory.memory_free_mib(host.id)
    if free < vm.memory_mib:
        yield reason(
            "host.memory",
            short=vm.memory_mib - free,
            need=vm.memory_mib,
            free=max(0, free),
        )


def _unsuited(inventory: Inventory, vm: Vm, host: Host) -> Iterator[Reason]:
    if host.observe_only and not _looked_at(inventory, vm):
        yield reason("host.observe-only", pool=host.pool)
    yield from _missing_abilities(inventory, vm, host)
    yield from _missing_places(inventory, vm, host)
    if vm.vcpus > host.cpus:
        yield reason("host.full", vcpus=vm.vcpus, cpus=host.cpus)


def _looked_at(inventory: Inventory, vm: Vm) -> bool:
    """Return whether a VM may only be looked at: its plans are advice among hosts like its own."""
    source = None if vm.host is None else inventory.hosts.get(vm.host)
    return source is not None and source.observe_only


def _missing_abilities(inventory: Inventory, vm: Vm, host: Host) -> Iterator[Reason]:
    if vm.cpu_model and host.cpu_models and vm.cpu_model not in host.cpu_models:
        yield reason("host.cpu-model", model=vm.cpu_model)
    if vm.host is None or vm.host == host.id or vm.host not in inventory.hosts:
        return
    source = inventory.hosts[vm.host]
    if source.arch != host.arch:
        yield reason("host.arch", arch=host.arch, need=source.arch)
    if Capability.LIVE_MIGRATION not in host.abilities:
        yield reason("host.cannot", capability=Capability.LIVE_MIGRATION)
    if source.endpoint != host.endpoint and not host.peer_uri:
        yield reason("host.no-peer")


def _missing_places(inventory: Inventory, vm: Vm, host: Host) -> Iterator[Reason]:
    for disk in vm.disks:
        if disk.datastore is None or disk.datastore not in host.datastores:
            yield unreachable(inventory, disk)
    for nic in vm.nics:
        if nic.network is not None and nic.network not in host.networks:
            yield reason("host.network", network=nic.network)


def unreachable(inventory: Inventory, disk: Disk) -> Reason:
    """Return why a host does not reach a disk."""
    if disk.datastore is None:
        return reason("host.private-disk", path=disk.path or disk.volume)
    store = inventory.datastores.get(disk.datastore)
    name = disk.datastore if store is None else store.name
    if store is not None and not store.shared:
        return reason("host.local-disk", volume=disk.volume, datastore=name)
    return reason("host.datastore", datastore=name)


def pinned(inventory: Inventory, vm: Vm) -> Reason | None:
    """Return why a VM cannot leave its host at all, None if it can."""
    if vm.state is VmState.UNKNOWN:
        return reason("vm.unknown", vm=vm.name)
    if vm.state not in (VmState.RUNNING, VmState.PAUSED):
        return reason("vm.not-running", vm=vm.name, state=vm.state)
    if vm.reason in (StateReason.INCOMING, StateReason.MIGRATING):
        return reason("vm.in-motion", vm=vm.name)
    if vm.copies:
        return reason("vm.copies", vm=vm.name, count=len(vm.copies))
    if vm.snapshots:
        return reason("vm.snapshots", vm=vm.name, count=len(vm.snapshots))
    source = None if vm.host is None else inventory.hosts.get(vm.host)
    if source is None or Capability.LIVE_MIGRATION not in source.abilities:
        return reason("vm.host-cannot", vm=vm.name)
    return None
