"""One VM, host or datastore out of what several endpoints say about it; pure."""

from collections.abc import Iterable
from itertools import combinations
from typing import TypeVar

from msgspec import Struct
from msgspec.structs import replace

from anypool.model import (
    VM_DOWN,
    Capability,
    Datastore,
    Host,
    HostId,
    HostState,
    Locking,
    Network,
    PMap,
    Power,
    StateReason,
    Vm,
    VmCopy,
    VmState,
)
from anypool.store.records import DatastoreFacts, HostFacts, VmFacts

K = TypeVar("K", bound=str)
V = TypeVar("V", bound=Datastore | Network)


class Said(Struct, frozen=True, gc=False):
    """One endpoint's word about a VM; `current` is false if it does not answer any more.

    `moment` is when it said so last: of several that are silent, it was last seen at the latest.
    """

    vm: Vm
    current: bool
    moment: int = 0


class _Copy(Struct, frozen=True, gc=False):
    vm: Vm
    rank: int
    moment: int


_RANKS = {
    VmState.RUNNING: 9,
    VmState.SUSPENDED: 8,
    VmState.PAUSED: 7,
    VmState.UNKNOWN: 6,
    VmState.CRASHED: 3,
    VmState.STOPPED: 2,
}
_WAITING_RANK = 4
_LEFT_RANK = 1
_OLD_STOPPED_RANK = 0


def merge_vm(said: Iterable[Said]) -> Vm | None:
    """Return the VM with its main copy in front and the others in `copies`; None if unsaid.

    The main copy is the one that runs, or could; an incoming copy never ran, and one that was
    left behind by a migration has ended elsewhere, if others are there. What an
    endpoint that fell silent last said is UNKNOWN, and if it was a stopped copy it counts
    only where nobody else knows the VM.
    """
    said = tuple(said)
    if len(said) == 1 and not said[0].vm.copies:
        (only,) = said
        return only.vm if only.current else _unknown(only.vm)
    copies = sorted(
        (c for one in said for c in _copies(one)), key=lambda c: (-c.rank, -c.moment, c.vm.host)
    )
    if not copies:
        return None
    first, *rest = copies
    others = {c.vm.host: c.vm for c in reversed(rest) if c.vm.host != first.vm.host}
    listed = tuple(
        VmCopy(host=host, state=vm.state, reason=vm.reason, unseen=vm.unseen)
        for host, vm in sorted(others.items())
        if host is not None
    )
    twins = first.vm.twins if _one(said) else tuple(sorted({*first.vm.twins, first.vm.id}))
    return replace(first.vm, copies=listed, twins=twins)


def _one(said: tuple[Said, ...]) -> bool:
    """Return whether endpoints that answer speak of one VM: two that share no disk are two.

    A VM with a disk of which nobody knows the place is taken for the same one.
    """
    places = [
        {(disk.datastore, disk.volume) for disk in one.vm.disks if disk.datastore is not None}
        for one in said
        if one.current and one.vm.disks and all(disk.datastore for disk in one.vm.disks)
    ]
    return all(here & there for here, there in combinations(places, 2))


def rests(vm: Vm, host: Host | None) -> bool:
    """Return whether a VM that was stopped still is, since its host has no power."""
    off = host is not None and host.state is HostState.OFF
    return off and vm.state in VM_DOWN and not vm.copies


def _copies(said: Said) -> Iterable[_Copy]:
    main = said.vm
    yield _ranked(main, said)
    for copy in main.copies:
        yield _ranked(as_main(main, copy), said)


def as_main(vm: Vm, copy: VmCopy) -> Vm:
    """Return a VM as one of its copies is."""
    return replace(vm, host=copy.host, state=copy.state, reason=copy.reason, unseen=copy.unseen)


def _ranked(vm: Vm, said: Said) -> _Copy:
    if not said.current:
        rank = _OLD_STOPPED_RANK if vm.state in VM_DOWN else _RANKS[VmState.UNKNOWN]
        return _Copy(_unknown(vm), rank, said.moment)
    if vm.state is VmState.PAUSED and vm.reason is StateReason.INCOMING:
        return _Copy(vm, _WAITING_RANK, 0)
    left = vm.state in VM_DOWN and vm.reason is StateReason.MIGRATED
    return _Copy(vm, _LEFT_RANK if left else _RANKS[vm.state], 0)


def missed(vm: Vm, *, moving: bool) -> Vm:
    """Return a VM that nobody knows any more and that a silent host may have.

    One that we are moving ourselves is looked for by that migration.
    """
    gone = merge_vm([Said(vm, current=False)])
    assert gone is not None
    return replace(gone, unseen=gone.unseen or not moving)


def _unknown(vm: Vm) -> Vm:
    """Return a VM of which nobody says how it is; one that was leaving may be elsewhere."""
    leaving = vm.reason is StateReason.MIGRATING
    unseen = vm.unseen or leaving
    return replace(vm, state=VmState.UNKNOWN, reason=StateReason.NONE, unseen=unseen)


def lay_over_vm(vm: Vm, facts: VmFacts | None) -> Vm:
    """Return a VM with what is ours about it."""
    if facts is None:
        return vm
    return replace(vm, tags=facts.tags, origin=facts.origin or vm.origin)


def lay_over_host(host: Host, facts: HostFacts | None, *, current: bool) -> Host:
    """Return a host with what is ours about it; UNKNOWN if its endpoint does not answer.

    One that the platform itself keeps free of VMs is closed to us too.
    """
    if not current:
        host = replace(host, state=HostState.UNKNOWN)
    if facts is None:
        return replace(host, maintenance=host.set_aside) if host.set_aside else host
    return replace(
        host,
        name=facts.name or host.name,
        maintenance=facts.maintenance or host.set_aside,
        reserved_mib=facts.reserved_mib,
        tags=facts.tags,
        power_saved=facts.power_saved,
        wake_proven_at=facts.wake_proven_at,
    )


def lay_over_power(host: Host, power: Power, *, current: bool) -> Host:
    """Return a host that has a BMC: its power can be switched, where it may be operated.

    The BMC's word counts only where the endpoint says nothing: a host that answers is up.
    """
    able = frozenset({Capability.HOST_POWER})
    if host.observe_only:
        host = replace(host, withheld=host.withheld | able)
    else:
        host = replace(host, capabilities=host.capabilities | able)
    asleep = power is Power.OFF and not current
    return replace(host, state=HostState.OFF) if asleep else host


def merge_datastore(
    said: Iterable[tuple[Datastore, bool]], facts: DatastoreFacts | None
) -> Datastore | None:
    """Return one datastore out of each endpoint's word, and whether that is current."""
    words = sorted(said, key=lambda word: not word[1])
    if not words:
        return None
    merged = replace(
        words[0][0],
        shared=any(one.shared for one, _ in words),
        endpoints=frozenset[str]().union(*(one.endpoints for one, _ in words)),
    )
    if facts is None:
        return merged
    stated = facts.locking is not Locking.UNKNOWN
    return replace(merged, tags=facts.tags, locking=facts.locking if stated else merged.locking)


def merge_network(said: Iterable[Network]) -> Network | None:
    """Return one network out of each endpoint's word."""
    words = list(said)
    if not words:
        return None
    return replace(words[0], endpoints=frozenset[str]().union(*(one.endpoints for one in words)))


def may_hold(vm: Vm, hosts: Iterable[Host]) -> bool:
    """Return whether a VM could be on one of these hosts: one that reaches its disks."""
    needed = {disk.datastore for disk in vm.disks if disk.datastore is not None}
    return any(not needed or needed & host.datastores for host in hosts)


def where(vm: Vm) -> frozenset[HostId]:
    """Return all hosts that know a VM."""
    main = frozenset() if vm.host is None else frozenset({vm.host})
    return main | {copy.host for copy in vm.copies}


def changed(table: PMap[K, V], key: K, new: V | None) -> tuple[PMap[K, V], bool]:
    """Return the table with one record replaced or dropped, and whether that changed it."""
    if table.get(key) == new:
        return table, False
    return (table.drop(key) if new is None else table.set(key, new)), True
