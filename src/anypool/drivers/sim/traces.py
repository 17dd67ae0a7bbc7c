"""What we wrote into a world: marks of datastores, tags of VMs and of their snapshots."""

from collections.abc import Iterator

from msgspec.structs import replace

from anypool.drivers.sim.state import State
from anypool.model import DatastoreId, HostId, Trace, TraceKind, Vm


def found(state: State, hosts: frozenset[HostId]) -> tuple[Trace, ...]:
    """Return everything of ours that these hosts reach."""
    return (*_marks(state, hosts), *_tags(state, hosts))


def erase(state: State, hosts: frozenset[HostId], trace: Trace) -> None:
    """Take one thing away from these hosts; quiet if it is not there."""
    if trace.datastore is not None:
        row = state.datastores.get(trace.datastore)
        if row is not None and row.marked:
            bare = replace(row.datastore, shared=False)
            state.datastores.put(trace.datastore, replace(row, datastore=bare, marked=False))
        return
    if trace.vm is None:
        return
    for host in hosts & frozenset(state.hosts_of(trace.vm)):
        copy = state.copy(host, trace.vm)
        if copy is not None:
            state.put_copy(host, trace.vm, replace(copy, vm=_bare(copy.vm, trace)))


def _bare(vm: Vm, trace: Trace) -> Vm:
    if trace.kind is TraceKind.VM:
        return replace(vm, made_by="", origin=None)
    kept = (replace(one, tag="") if one.name == trace.name else one for one in vm.snapshots)
    return replace(vm, snapshots=tuple(kept))


def _marks(state: State, hosts: frozenset[HostId]) -> Iterator[Trace]:
    seen = {store for host in hosts for store in state.host(host).host.datastores}
    for key in sorted(seen):
        row = state.datastores.get(key)
        if row is not None and row.marked:
            store = DatastoreId(key)
            yield Trace(
                kind=TraceKind.MARKER, name="marker", datastore=store, place=row.datastore.name
            )


def _tags(state: State, hosts: frozenset[HostId]) -> Iterator[Trace]:
    for vm in sorted({vm for host in hosts for vm in state.vms_on(host)}):
        copies = (state.copy(host, vm) for host in sorted(hosts))
        record = next((copy.vm for copy in copies if copy is not None), None)
        if record is None:
            continue
        if record.made_by or record.origin is not None:
            yield Trace(kind=TraceKind.VM, name=record.name, vm=vm)
        for snapshot in record.snapshots:
            if snapshot.tag:
                yield Trace(kind=TraceKind.SNAPSHOT, name=snapshot.name, place=record.name, vm=vm)
