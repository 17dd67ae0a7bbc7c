"""How a simulated migration goes, moment by moment, as stock libvirt does it.

While memory flows, the source runs and the target waits, paused and incoming. Then the
VM is held; then the target takes over, running or, if so ordered, paused; then the
source hears of it and is gone. When the target's answer is lost, the source waits for
it and then resumes what it has: only the lock of a disk that the target has open
stops it. Without such a lock two copies run, unless the target was to start paused.
"""

from msgspec.structs import replace

from anypool.drivers.sim.records import Lost, Move, SimCopy, SimJob
from anypool.drivers.sim.state import State
from anypool.model import HostId, JobState, StateReason, VmId, VmState


def advance(state: State) -> None:
    """Bring every migration to where it stands at `state.now`; with a frozen host it stays."""
    for key, move in tuple(state.moves.rows.items()):
        if _stands_still(state, move):
            continue
        while (later := _next(state, move)) is not None:
            state.moves.put(key, later)
            move = later
            if move.phase == "over":
                state.moves.put(key, None)
                break


def next_moment(state: State) -> float | None:
    """Return when the next migration changes by itself, None if none does."""
    moves = state.moves.rows.values()
    return min((_due(move) for move in moves if not _stands_still(state, move)), default=None)


def thaw(state: State, host: HostId) -> None:
    """Let migrations of a host that stood still go on from where they were."""
    late = state.now - state.host(host).frozen_at
    for key, move in tuple(state.moves.rows.items()):
        if host in (move.source, move.target):
            state.moves.put(
                key,
                replace(
                    move,
                    switch_at=move.switch_at + late,
                    finish_at=move.finish_at + late,
                    give_up_at=move.give_up_at + late,
                ),
            )


def abandon(state: State, vm: VmId, reason: StateReason) -> None:
    """End a migration that has not finished: the target's copy goes, the source runs on."""
    move = state.moves.get(vm)
    if move is None:
        return
    state.moves.put(vm, None)
    if move.phase in ("copy", "switch"):
        state.vanish(move.target, vm)
        _set(state, move.source, vm, VmState.RUNNING, reason)
        _end(state, move, JobState.FAILED, str(reason))


def _stands_still(state: State, move: Move) -> bool:
    hosts = (state.hosts.get(move.source), state.hosts.get(move.target))
    return any(row is not None and row.frozen_at for row in hosts)


def _due(move: Move) -> float:
    if move.phase == "copy":
        return move.switch_at
    return move.finish_at if move.phase == "switch" else move.give_up_at


def _next(state: State, move: Move) -> Move | None:
    if state.now < _due(move):
        return None
    if move.phase == "copy":
        _set(state, move.source, move.vm, VmState.PAUSED, StateReason.MIGRATING)
        return replace(move, phase="switch")
    if move.phase == "switch":
        return _switch(state, move)
    _give_up(state, move)
    return replace(move, phase="over")


def _switch(state: State, move: Move) -> Move:
    if move.lost is Lost.MEMORY:
        state.vanish(move.target, move.vm)
        _set(state, move.source, move.vm, VmState.RUNNING, StateReason.MIGRATION_FAILED)
        _end(state, move, JobState.FAILED, "the memory stream broke")
        return replace(move, phase="over")
    if move.lost is Lost.FINISH_REPLY:
        _take_over(state, move)
        return replace(move, phase="lost")
    _take_over(state, move)
    state.vanish(move.source, move.vm)
    _end(state, move, JobState.DONE, "")
    return replace(move, phase="over")


def _take_over(state: State, move: Move) -> None:
    if move.start_paused:
        _set(state, move.target, move.vm, VmState.PAUSED, StateReason.BY_USER)
    else:
        _set(state, move.target, move.vm, VmState.RUNNING, StateReason.MIGRATED)


def _give_up(state: State, move: Move) -> None:
    source = state.copy(move.source, move.vm)
    waiting = source is not None and source.vm.state is VmState.PAUSED
    if waiting and not state.locked(move.vm, move.source):
        _set(state, move.source, move.vm, VmState.RUNNING, StateReason.MIGRATION_CANCELLED)
    _end(state, move, JobState.GONE, "the target's answer was lost")


def _set(state: State, host: HostId, vm: VmId, to: VmState, reason: StateReason) -> None:
    copy = state.copy(host, vm)
    if copy is not None:
        changed = replace(copy.vm, state=to, reason=reason)
        state.put_copy(host, vm, SimCopy(vm=changed, started_at=copy.started_at or state.now))


def _end(state: State, move: Move, how: JobState, message: str) -> None:
    pause_ms = round((move.finish_at - move.switch_at) * 1000)
    state.jobs.put(
        move.vm,
        SimJob(
            source=move.source,
            target=move.target,
            state=how,
            total_bytes=move.total_bytes,
            pause_ms=pause_ms if how is JobState.DONE else 0,
            message=message,
        ),
    )
