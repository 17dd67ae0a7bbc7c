"""Choose a host for a VM: hard needs first, each with its reason, then the best of the rest."""

from collections.abc import Iterable, Iterator

import numpy as np
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
from anypool.planner import cancel
from anypool.planner.contest import (
    Entrant,
    behind,
    entrant,
    entrants,
    of_field,
    podium,
    won,
)
from anypool.planner.field import field_of
from anypool.planner.rank import Ints
from anypool.planner.rules import NO_RULES, Needs, Rulebook
from anypool.planner.sieve import allowed, missed, suited

MANY = 64
"""From so many hosts on they are asked all at once, which is not worth while for fewer."""
SHOWN = 16
"""How many refused hosts of many are named with a choice."""
OTHER_POOL = "host.other-pool"
"""The code of what is against a host in another pool than the VM's."""


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

    That is one with the fewest preferences missed, then the most points (`contest.py`).
    `vm` may be one that exists (running or stopped) or one that is only wished for. From
    `MANY` hosts on, only the first `SHOWN` refused hosts are named with a choice; where no
    host fits, all are.
    """
    cancel.check()
    if len(inventory.hosts) < MANY:
        return choose_singly(inventory, vm, wanted)
    return choose_at_once(inventory, vm, wanted)


def choose_singly(inventory: Inventory, vm: Vm, wanted: Wanted = ANYWHERE) -> Choice:
    """Return what `choose` returns, asking one host after the other, and all refusals."""
    refused: list[Refusal] = []
    fits: list[Entrant] = []
    needs = wanted.rules.needs(inventory, vm, wanted.leaving)
    for host_id in sorted(inventory.hosts):
        if host_id in wanted.avoid:
            continue
        host = inventory.hosts[host_id]
        why = refusal(inventory, vm, host) or needs.refusal(host)
        if why is None:
            fits.append(entrant(inventory, vm, host, len(needs.misses(host))))
        else:
            refused.append(Refusal(vm=vm.id, host=host_id, why=why))
    return _chosen(vm, needs, podium(entrants(fits)), refused)


def choose_at_once(inventory: Inventory, vm: Vm, wanted: Wanted = ANYWHERE) -> Choice:
    """Return what `choose_singly` returns, calculated for all hosts at once."""
    needs = wanted.rules.needs(inventory, vm, wanted.leaving)
    with field_of(inventory) as field:
        mask = suited(field, vm) & allowed(field, needs)
        left_out = field.rows(wanted.avoid)
        mask[left_out] = False
        rows = np.flatnonzero(mask)
        first = podium(of_field(field, rows, vm, missed(field, needs)))
        mask[left_out] = True
        others = [field.host(int(row)) for row in _some(np.flatnonzero(~mask), all_=not first)]
    refused = [
        Refusal(vm=vm.id, host=host.id, why=why)
        for host in others
        if (why := refusal(inventory, vm, host) or needs.refusal(host)) is not None
    ]
    return _chosen(vm, needs, first, refused)


def _some(rows: Ints, *, all_: bool) -> list[int]:
    found: list[int] = (rows if all_ else rows[:SHOWN]).tolist()
    return found


def _chosen(vm: Vm, needs: Needs, first: list[Entrant], refused: list[Refusal]) -> Choice:
    if not first:
        return Choice(host=None, why=None, refused=tuple(refused))
    winner, *others = first
    for other in others:
        why = behind(winner, other)
        if other.misses > winner.misses:
            why = needs.misses(needs.scene.inventory.hosts[other.host])[0]
        refused.append(Refusal(vm=vm.id, host=other.host, why=why))
    return Choice(
        host=winner.host,
        why=won(winner),
        refused=tuple(sorted(refused, key=lambda entry: entry.host)),
    )


def refusal(inventory: Inventory, vm: Vm, host: Host, *, named: bool = False) -> Reason | None:
    """Return the first hard need of `vm` that `host` does not meet, None if it may take it.

    A host that a person `named` may be in another pool.
    """
    unmet = _unmet(inventory, vm, host)
    return next((why for why in unmet if not (named and why.code == OTHER_POOL)), None)


def pools_with_room(
    inventory: Inventory, vm: Vm, rules: Rulebook, refused: Iterable[Refusal]
) -> tuple[str, ...]:
    """Return the pools of those hosts that refuse a VM only because nobody named them."""
    needs = rules.needs(inventory, vm)
    hosts = [inventory.hosts[entry.host] for entry in refused if entry.why.code == OTHER_POOL]
    would = (host for host in hosts if refusal(inventory, vm, host, named=True) is None)
    return tuple(sorted({host.pool for host in would if needs.refusal(host) is None}))


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
    source = None if vm.host is None else inventory.hosts.get(vm.host)
    if source is not None and source.pool != host.pool:
        yield reason(OTHER_POOL, pool=host.pool, need=source.pool)
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
    if source.platform != host.platform:
        yield reason("host.platform", platform=host.platform, need=source.platform)
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


def _awake(inventory: Inventory, vm: Vm) -> int:
    """Return how many copies of a VM are on hosts that have power, or may have.

    One on a host without power, from which a VM was started elsewhere, cannot run; it is
    forgotten when the host is back.
    """
    hosts = (inventory.hosts.get(copy.host) for copy in vm.copies)
    return sum(host is None or host.state is not HostState.OFF for host in hosts)


def pinned(inventory: Inventory, vm: Vm) -> Reason | None:
    """Return why a VM cannot leave its host at all, None if it can."""
    if vm.state is VmState.UNKNOWN:
        return reason("vm.unknown", vm=vm.name)
    if vm.state not in (VmState.RUNNING, VmState.PAUSED):
        return reason("vm.not-running", vm=vm.name, state=vm.state)
    if vm.reason in (StateReason.INCOMING, StateReason.MIGRATING):
        return reason("vm.in-motion", vm=vm.name)
    if vm.twins:
        return reason("vm.twins", vm=vm.name, count=len(vm.twins))
    if count := _awake(inventory, vm):
        return reason("vm.copies", vm=vm.name, count=count)
    if vm.snapshots:
        return reason("vm.snapshots", vm=vm.name, count=len(vm.snapshots))
    source = None if vm.host is None else inventory.hosts.get(vm.host)
    if source is None or Capability.LIVE_MIGRATION not in source.abilities:
        return reason("vm.host-cannot", vm=vm.name)
    return None
