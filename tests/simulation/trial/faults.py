"""The catalogue: everything that goes wrong in a trial, each kind under its number.

A fault counts when it strikes: a host that is dead cannot die, and a call that nobody makes
cannot get lost. What lasts ends by itself after a time that is drawn with it.
"""

import random
from collections.abc import Callable
from typing import TypeAlias

from msgspec.structs import replace

from anypool.drivers.sim import BmcMood
from anypool.model import HostId, StateReason, VmState
from tests.simulation.trial.meddling import (
    move_behind_our_back,
    move_out_of_sight,
    running,
    stop_behind_our_back,
    turned,
)
from tests.simulation.trial.stage import Stage
from tests.simulation.trial.wire import Armed, Hitch, Link

Fault: TypeAlias = Callable[[Stage, random.Random], None]
LOOKS = ("observe", "observe_vms", "changes", "migration")
ORDERS = (
    "begin_migration", "resume_vm", "discard_copy", "adopt_vm", "start_vm", "force_off_host",
    "power_off_vm", "create_vm", "delete_vm", "cancel_migration", "shut_down_vm",
)  # fmt: skip


def _times(chance: random.Random) -> float:
    return chance.choice((2.0, 5.0, 10.0, 20.0, 40.0, 80.0))


def lives(stage: Stage, host: HostId) -> bool:
    with stage.world.turn() as state:
        return state.host(host).lives


def _mood(stage: Stage, host: HostId) -> BmcMood:
    with stage.world.turn() as state:
        return state.host(host).bmc


def _be_honest(stage: Stage, host: HostId) -> None:
    """Let a BMC stop to lie before all other paths of its host fall silent: see docs."""
    if _mood(stage, host) in (BmcMood.LIES, BmcMood.GLITCH):
        stage.world.set_bmc(host, BmcMood.WORKS)


# F1, F16: managers.


def kill_manager(stage: Stage, chance: random.Random) -> None:
    manager = chance.choice(stage.managers)
    if manager.up:
        stage.count("F1 manager killed")
        stage.killed(manager)


def kill_at_a_write(stage: Stage, chance: random.Random) -> None:
    manager = stage.leader()
    if manager is not None:
        manager.crash_in = chance.randint(1, 8)
        manager.crash_after = chance.random() < 0.5


def stall_with_a_deed(stage: Stage, chance: random.Random) -> None:
    """Let the leader stand still with a deed in its hands, for longer than its lease lasts."""
    if len(stage.managers) > 1:
        stage.stall = (chance.choice((40.0, 60.0)), "F16 leader stalls with a deed in hand")


def stall(stage: Stage, chance: random.Random) -> None:
    manager = stage.leader()
    if manager is not None:
        manager.still_until = stage.clock.monotonic() + chance.choice((5.0, 30.0, 60.0))
        stage.count("F16 leader stands still")


# F2, F7, F8, F13, F17, F24: calls.


def _call(hitch: Hitch, label: str, operations: tuple[str, ...]) -> Fault:
    def fault(stage: Stage, chance: random.Random) -> None:
        host = chance.choice(stage.hosts) if chance.random() < 0.3 else None
        stage.armed.append(Armed(hitch, label, chance.choice(operations), host))

    return fault


# F3, F9: VMs.


def crash_vm(stage: Stage, chance: random.Random) -> None:
    if (one := running(stage, chance)) is not None:
        turned(stage, one, VmState.CRASHED, StateReason.NONE)
        stage.count("F3 VM dies", one[0])


def io_error(stage: Stage, chance: random.Random) -> None:
    """Let a disk fail: the platform pauses the VM, and a person resumes it some time later."""
    one = running(stage, chance)
    if one is None:
        return
    stage.oracle.free.add(one[0])
    turned(stage, one, VmState.PAUSED, StateReason.IO_ERROR)
    stage.count("F9 disk error pauses a VM", one[0])


def full_datastore(stage: Stage, chance: random.Random) -> None:
    with stage.world.turn() as state:
        key = chance.choice(sorted(k for k, v in state.datastores.rows.items()))
        row = state.datastores.rows[key]
        free = row.datastore.free_bytes
        if not free:
            return
        state.datastores.put(key, replace(row, datastore=replace(row.datastore, free_bytes=0)))

    def mend() -> None:
        with stage.world.turn() as state:
            now = state.datastores.rows[key]
            state.datastores.put(key, replace(now, datastore=replace(now.datastore,
                                                                     free_bytes=free)))  # fmt: skip

    stage.count("F9 datastore full")
    stage.after(_times(chance), mend)


# F4, F5, F6, F25: hosts and networks.


def comes_back(stage: Stage, host: HostId) -> None:
    """Let a host boot; that takes longer than the leader takes to notice that it was away."""
    if lives(stage, host):
        return
    leader = stage.last_leader()
    if leader is None or not stage.oracle.is_silent(leader, host):
        stage.after(2.0, lambda: comes_back(stage, host))
        return
    stage.world.boot_host(host)


def kill_host(stage: Stage, chance: random.Random) -> None:
    host = chance.choice(stage.hosts)
    if not lives(stage, host):
        return
    _be_honest(stage, host)
    if chance.random() < 0.3:
        stage.world.switch_host_off(host)
        stage.count("F5 host loses its power", host)
    else:
        stage.world.kill_host(host)
        stage.count("F5 host dies", host)
    stage.after(_times(chance) * 2, lambda: comes_back(stage, host))


def restart_host(stage: Stage, chance: random.Random) -> None:
    host = chance.choice(stage.hosts)
    if lives(stage, host):
        _be_honest(stage, host)
        stage.world.kill_host(host)
        stage.after(10.0, lambda: comes_back(stage, host))
        stage.count("F5 host starts anew", host)


def freeze_host(stage: Stage, chance: random.Random) -> None:
    host = chance.choice(stage.hosts)
    if not lives(stage, host) or stage.stands_still(host):
        return
    _be_honest(stage, host)
    stage.world.freeze_host(host)
    stage.count("F4 host stands still, and goes on later", host)
    stage.after(_times(chance), lambda: stage.thaw(host))


def heal(stage: Stage, host: HostId) -> None:
    stage.world.heal_host(host)
    stage.world.deafen(host, heard=True)


def isolate(stage: Stage, chance: random.Random) -> None:
    host = chance.choice(stage.hosts)
    _be_honest(stage, host)
    stage.world.cut_host(host)
    stage.world.deafen(host)
    stage.count("F6 host cut off on all networks", host)
    stage.after(_times(chance), lambda: heal(stage, host))


def cut(stage: Stage, chance: random.Random) -> None:
    host = chance.choice(stage.hosts)
    stage.world.cut_host(host)
    stage.count("F6 management network of a host cut", host)
    stage.after(_times(chance), lambda: heal(stage, host))


def _link(stage: Stage, chance: random.Random, link: Link, label: str) -> None:
    manager, host = chance.choice(stage.managers), chance.choice(stage.hosts)
    manager.links[host] = link
    stage.count(label, host)
    stage.after(_times(chance), lambda: manager.links.pop(host, None))  # type: ignore[arg-type]


def one_way(stage: Stage, chance: random.Random) -> None:
    _link(stage, chance, Link.ONE_WAY, "F6 orders arrive, answers do not")


def cut_one_manager(stage: Stage, chance: random.Random) -> None:
    _link(stage, chance, Link.SHUT, "F6 one manager cut off from a host")


def swizzle(stage: Stage, chance: random.Random) -> None:
    """Cut hosts off one after the other, and mend that in another order."""
    hosts = chance.sample(stage.hosts, k=max(2, len(stage.hosts) // 2))
    until = 3.0 * len(hosts)
    for number, host in enumerate(hosts):
        stage.after(3.0 * number, lambda host=host: _cut_now(stage, host))  # type: ignore[misc]
    for number, host in enumerate(chance.sample(hosts, k=len(hosts))):
        mend = until + 3.0 * number
        stage.after(mend, lambda host=host: heal(stage, host))  # type: ignore[misc]


def _cut_now(stage: Stage, host: HostId) -> None:
    stage.world.cut_host(host)
    stage.count("F25 hosts cut one by one, healed in another order", host)


# F11: BMCs.


def _bmc(mood: BmcMood, label: str) -> Fault:
    def fault(stage: Stage, chance: random.Random) -> None:
        host = chance.choice(stage.hosts)
        deceives = mood in (BmcMood.LIES, BmcMood.GLITCH)
        if deceives and not (stage.world.hears(host) and lives(stage, host)):
            return
        stage.world.set_bmc(host, mood)
        stage.count(label, host)
        stage.after(_times(chance), lambda: stage.world.set_bmc(host, BmcMood.WORKS))
        if deceives:  # let management lose the host, so that its power is asked for
            stage.world.cut_host(host)
            stage.after(_times(chance), lambda: heal(stage, host))

    return fault


# F12, F13, F14, F15: clocks, events, the database.


def clock_jump(stage: Stage, chance: random.Random) -> None:
    manager = chance.choice(stage.managers)
    manager.clock.wrong_s += chance.choice((-3600.0, -60.0, -5.0, 5.0, 60.0, 3600.0))
    stage.count("F12 wall clock jumps")


def lose_events(stage: Stage, chance: random.Random) -> None:
    stage.world.lose_events()
    stage.count("F13 events lost")


def no_database(stage: Stage, chance: random.Random) -> None:
    manager = chance.choice(stage.managers)
    manager.database_until = stage.clock.monotonic() + chance.choice((1.0, 5.0, 15.0, 40.0))


def unsure_commit(stage: Stage, chance: random.Random) -> None:
    manager = stage.leader()
    if manager is not None:
        manager.unsure_in = chance.randint(1, 6)


FAULTS: tuple[tuple[int, str, Fault], ...] = (
    (3, "kill-manager", kill_manager),
    (6, "kill-at-a-write", kill_at_a_write),
    (6, "stall-with-a-deed", stall_with_a_deed),
    (2, "stall", stall),
    (3, "worker-dies", _call(Hitch.WORKER_DIES, "F2 worker of a call dies", (*LOOKS, *ORDERS))),
    (4, "crash-vm", crash_vm),
    (5, "freeze-host", freeze_host),
    (6, "kill-host", kill_host),
    (2, "restart-host", restart_host),
    (4, "isolate", isolate),
    (4, "cut", cut),
    (3, "one-way", one_way),
    (3, "cut-one-manager", cut_one_manager),
    (6, "lost-answer", _call(Hitch.LOST_ANSWER, "F7 answer lost after the deed", ORDERS)),
    (2, "lost-look", _call(Hitch.LOST_ANSWER, "F7 answer of a look lost", LOOKS)),
    (3, "lost-finish", _call(Hitch.LOST_FINISH, "F7 a migration's last answer lost",
                             ("begin_migration",))),
    (5, "lost-and-cut", _call(Hitch.LOST_AND_CUT, "F7 a migration's last answer lost, one end cut",
                              ("begin_migration",))),
    (3, "lost-memory", _call(Hitch.LOST_MEMORY, "F8 a migration breaks", ("begin_migration",))),
    (3, "unreachable", _call(Hitch.UNREACHABLE, "F8 nothing sent", (*LOOKS, *ORDERS))),
    (2, "slow", _call(Hitch.SLOW, "F8 slow answer", (*LOOKS, *ORDERS))),
    (2, "rejected", _call(Hitch.REJECTED, "F8 platform says no", ORDERS)),
    (1, "io-error", io_error),
    (1, "full-datastore", full_datastore),
    (1, "half-way", _call(Hitch.HALF_WAY, "F9 a VM half made", ("create_vm",))),
    (2, "crawls", _call(Hitch.CRAWLS, "F10 a migration crawls", ("begin_migration",))),
    (2, "bmc-dead", _bmc(BmcMood.DEAD, "F11 BMC does not answer")),
    (2, "bmc-stuck", _bmc(BmcMood.STUCK, "F11 BMC takes the order and does nothing")),
    (2, "bmc-late", _bmc(BmcMood.LATE, "F11 BMC answers late")),
    (2, "bmc-lies", _bmc(BmcMood.LIES, "F11 BMC says off of a host that is on")),
    (2, "bmc-glitch", _bmc(BmcMood.GLITCH, "F11 BMC says off once")),
    (1, "bmc-409", _call(Hitch.REJECTED, "F11 BMC refuses (409)", ("force_off_host",))),
    (2, "clock-jump", clock_jump),
    (2, "lose-events", lose_events),
    (2, "events-twice", _call(Hitch.TWICE, "F13 events twice", ("changes",))),
    (3, "stale", _call(Hitch.STALE, "F13 an answer overtaken by deeds", ("observe",
                                                                          "observe_vms"))),
    (2, "no-database", no_database),
    (2, "unsure-commit", unsure_commit),
    (2, "hangs", _call(Hitch.HANGS, "F17 a call hangs", (*LOOKS, *ORDERS))),
    (2, "stop-vm", stop_behind_our_back),
    (2, "move-vm", move_behind_our_back),
    (3, "move-unheard", move_out_of_sight),
    (2, "garbage", _call(Hitch.GARBAGE, "F24 answer is garbage", (*LOOKS, *ORDERS))),
    (1, "swizzle", swizzle),
)  # fmt: skip
"""Weight, name, and what happens."""

BY_NAME: dict[str, Fault] = {name: fault for _, name, fault in FAULTS}
