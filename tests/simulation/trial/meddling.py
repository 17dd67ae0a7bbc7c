"""What other tools do to VMs beside us: F18 of the catalogue."""

import random

from msgspec.structs import replace

from anypool.drivers.sim.records import SimCopy
from anypool.model import HostId, StateReason, VmId, VmState
from anypool.planner.ha.astray import SEEN_S
from tests.simulation.trial.stage import Stage
from tests.simulation.trial.timed_manager import Manager


def running(stage: Stage, chance: random.Random) -> tuple[VmId, HostId] | None:
    with stage.world.turn() as state:
        moving = set(state.moves.rows)
    found = sorted(one for one in stage.where().items() if one[0] not in moving)
    return chance.choice(found) if found else None


def turned(stage: Stage, one: tuple[VmId, HostId], to: VmState, why: StateReason) -> None:
    vm, host = one
    with stage.world.turn() as state:
        copy = state.copy(host, vm)
        assert copy is not None
        started = copy.started_at if to is VmState.PAUSED else 0.0
        state.put_copy(host, vm, SimCopy(vm=replace(copy.vm, state=to, reason=why),
                                         started_at=started))  # fmt: skip


def end_paused(stage: Stage, one: tuple[VmId, HostId]) -> None:
    """Let somebody end a paused copy at its host, if it is one."""
    vm, host = one
    with stage.world.turn() as state:
        copy = state.copy(host, vm)
    if copy is not None and copy.vm.state is VmState.PAUSED:
        turned(stage, one, VmState.STOPPED, StateReason.NONE)


def stop_behind_our_back(stage: Stage, chance: random.Random) -> None:
    if (one := running(stage, chance)) is not None:
        stage.oracle.free.add(one[0])
        turned(stage, one, VmState.STOPPED, StateReason.NONE)
        stage.count("F18 VM stopped beside us", one[0])


def move_behind_our_back(stage: Stage, chance: random.Random) -> None:
    """Let another tool migrate a VM to a host that the leader hears, which hears of that."""
    leader = stage.leader()
    if leader is not None:
        _move(stage, chance, [host for host in stage.hosts if leader.hears(host)])


def move_out_of_sight(stage: Stage, chance: random.Random) -> None:
    """Let another tool migrate a VM to a host that the leader does not hear.

    Its source is one that the leader hears, and then hears of that; or it has not heard of it
    for longer than what it takes for current.
    """
    leader = stage.leader()
    if leader is not None:
        _move(stage, chance, [host for host in stage.hosts if not leader.hears(host)])


def _move(stage: Stage, chance: random.Random, targets: list[HostId]) -> None:
    one, leader = running(stage, chance), stage.leader()
    if one is None or leader is None:
        return
    vm, source = one
    heard, old = leader.hears(source), leader.told_s_ago(source) > SEEN_S
    with stage.world.turn() as state:
        copy = state.copy(source, vm)
        assert copy is not None
        free = [host for host in targets if host != source and _takes(state, host, copy)]
        if not free or not (heard or old) or copy.vm.snapshots:
            return
        target = chance.choice(free)
        state.put_copy(source, vm, None)
        state.put_copy(target, vm, replace(copy, vm=replace(copy.vm, host=target)))
    if heard and not _noticed(leader, vm, source, target):
        with stage.world.turn() as state:
            state.put_copy(target, vm, None)
            state.put_copy(source, vm, copy)
        return
    with stage.world.turn() as state:
        if len(state.hosts_of(vm)) > 1:
            stage.meddled.add(vm)
    seen = leader.hears(target)
    stage.count("F18 VM migrated beside us" if seen else "F18 VM migrated out of sight", vm)


def _noticed(leader: Manager, vm: VmId, source: HostId, target: HostId) -> bool:
    """Let a manager read both ends, as their events would have it; return whether it knows."""
    for host in (target, source):
        leader.read(host)
    known = leader.engine.inventory.vms.get(vm)
    return known is None or known.host != source or known.unseen


def _takes(state: object, host: HostId, copy: SimCopy) -> bool:
    from anypool.drivers.sim.state import State

    assert isinstance(state, State)
    row = state.host(host)
    copies = (state.copy(host, vm) for vm in state.vms_on(host))
    used = sum(c.vm.memory_mib for c in copies if c is not None and c.started_at)
    here = state.copy(host, copy.vm.id) is None
    known = all(disk.datastore in row.host.datastores for disk in copy.vm.disks)
    there = not row.frozen_at and row.lives
    return here and known and there and used + copy.vm.memory_mib <= row.host.memory_mib
