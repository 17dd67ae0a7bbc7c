"""The beginning, progress and end of simulated migrations, as their source's endpoint is asked."""

from msgspec.structs import replace

from anypool.drivers.protocol import Migration
from anypool.drivers.sim import migrate
from anypool.drivers.sim.operate import Place, need_memory
from anypool.drivers.sim.records import Lost, Move, SimCopy
from anypool.drivers.sim.state import State
from anypool.drivers.sim.timing import Timing
from anypool.errors import Conflict, NotFound, Rejected
from anypool.model import VM_ALIVE, Job, JobState, StateReason, Vm, VmState

_MIB = 1 << 20


def begin(place: Place, order: Migration, timing: Timing, lost: Lost) -> None:
    """Begin a migration; quiet if it is under way or the VM has arrived."""
    state = place.state
    move = state.moves.get(order.vm)
    if move is not None and (move.source, move.target) == (order.source, order.target):
        return
    if place.find() is None and order.target in state.hosts_of(order.vm):
        return
    vm = place.free()
    if vm.state not in VM_ALIVE:
        raise Conflict(f"{vm.name} is {vm.state}, so it cannot be migrated")
    if order.source == order.target:
        raise Conflict(f"{vm.name} is on {order.target} already")
    _fits(state, vm, order)
    incoming = replace(
        vm, host=order.target, state=VmState.PAUSED, reason=StateReason.INCOMING, copies=()
    )
    state.put_copy(order.target, order.vm, SimCopy(vm=incoming, started_at=state.now))
    state.moves.put(order.vm, _move(state, vm, order, timing, lost))
    state.jobs.put(order.vm, None)


def _move(state: State, vm: Vm, order: Migration, timing: Timing, lost: Lost) -> Move:
    guest = state.guests.get(vm.id)
    rate = min(order.bandwidth_mib_s or timing.migrate_mib_s, timing.migrate_mib_s)
    rate = max(rate - (guest.dirty_mib_s if guest else 0), 1)
    switch_at = state.now + vm.memory_mib / rate
    finish_at = switch_at + timing.hold_s
    return Move(
        vm=vm.id,
        source=order.source,
        target=order.target,
        start_paused=order.start_paused,
        began_at=state.now,
        switch_at=switch_at,
        finish_at=finish_at,
        give_up_at=finish_at + timing.keepalive_s,
        total_bytes=vm.memory_mib * _MIB,
        lost=lost,
    )


def _fits(state: State, vm: Vm, order: Migration) -> None:
    """Raise `Rejected` for what a hypervisor refuses before the first byte."""
    try:
        target = state.host(order.target)
    except NotFound as error:
        raise Rejected(f"there is no host {order.target}") from error
    if not target.answers or order.peer_uri != target.host.peer_uri:
        raise Rejected(f"cannot connect to '{order.peer_uri}'")
    if state.copy(order.target, order.vm) is not None:
        raise Rejected(f"{target.host.name} has a copy of {vm.name} already")
    if vm.snapshots:
        raise Rejected(f"{vm.name} has snapshots, which cannot migrate")
    for disk in vm.disks:
        if disk.datastore not in target.host.datastores:
            raise Rejected(f"{target.host.name} does not see disk {disk.target} of {vm.name}")
    for nic in vm.nics:
        if nic.network is not None and nic.network not in target.host.networks:
            raise Rejected(f"{target.host.name} has no network {nic.network}")
    need_memory(state, order.target, vm.memory_mib, vm.name)


def job(state: State, order: Migration) -> Job:
    """Return how a migration stands or how the last one of this VM ended."""
    move = state.moves.get(order.vm)
    if move is not None and (move.source, move.target) == (order.source, order.target):
        span = max(move.switch_at - move.began_at, 1e-9)
        left = min(max((move.switch_at - state.now) / span, 0.0), 1.0)
        return Job(
            state=JobState.RUNNING,
            bytes_total=move.total_bytes,
            bytes_left=round(move.total_bytes * left),
        )
    past = state.jobs.get(order.vm)
    if past is None or (past.source, past.target) != (order.source, order.target):
        return Job(state=JobState.GONE)
    return Job(
        state=past.state,
        bytes_total=past.total_bytes,
        pause_ms=past.pause_ms,
        message=past.message,
    )


def cancel(place: Place, order: Migration) -> None:
    """Stop a migration; quiet if there is none and the VM is at the source."""
    move = place.state.moves.get(order.vm)
    if move is not None and (move.source, move.target) == (order.source, order.target):
        if move.phase == "lost":
            raise Rejected("the migration waits for the target's answer")
        migrate.abandon(place.state, order.vm, StateReason.MIGRATION_CANCELLED)
        return
    if place.find() is None:
        raise Conflict(f"VM {order.vm} is not at {order.source} any more")
