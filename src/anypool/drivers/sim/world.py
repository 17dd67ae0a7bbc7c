"""The simulated world: state behind a lock, with time, faults, events and an oracle."""

import random
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import msgspec
from msgspec.structs import replace

from anypool.clock import Clock, SystemClock
from anypool.drivers.sim import migrate
from anypool.drivers.sim.journal import Change, Journal
from anypool.drivers.sim.records import (
    BmcMood,
    DoubleRun,
    Fault,
    FaultKind,
    Loss,
    SimCopy,
    SimGuest,
)
from anypool.drivers.sim.state import State
from anypool.drivers.sim.timing import USUAL, Timing
from anypool.drivers.sim.wardens import SimWarden, Wardens
from anypool.errors import Unreachable
from anypool.model import AgentState, Changes, HostId, StateReason, VmId, VmState, WatchdogKind

_REMEMBERED = 20_000
_POLL_S = 0.2


class World:
    """Hosts, VMs, storage and networks in memory, for any number of `SimDriver`s and threads.

    `fault_rate` is the chance that a call fails before or after its effect, drawn from
    `seed`. With `path` the world is kept in a file, survives its process and may be
    shared by several. `double_runs` and `losses` are what the oracle saw.
    """

    def __init__(
        self,
        name: str = "sim",
        *,
        clock: Clock | None = None,
        timing: Timing = USUAL,
        seed: int = 0,
        path: Path | None = None,
    ) -> None:
        self.name = name
        self.timing = timing
        self.clock: Clock = clock or SystemClock()
        self.fault_rate = 0.0
        self.fences: list[tuple[float, HostId]] = []
        self.wardens = Wardens(_die_all, _end_vms)
        self._random = random.Random(seed)
        self._lock = threading.RLock()
        self._state = State()
        self._journal = Journal(path) if path else None
        self._released = threading.Event()
        self._closed = False
        self._waiters: set[threading.Event] = set()
        self._epoch = uuid4().hex[:8]
        self._number = 0
        self._forgotten = 0
        self._news: deque[tuple[int, VmId | None, HostId]] = deque()

    @contextmanager
    def turn(self) -> Iterator[State]:
        """Hold the world still: what is read is true, what is changed is kept and announced."""
        with self._lock:
            if self._journal is None:
                yield from self._settled_turn()
                return
            with self._journal.locked():
                self._read_news(self._journal.news())
                yield from self._settled_turn()

    def _settled_turn(self) -> Iterator[State]:
        self._state.now = self.clock.now()
        migrate.advance(self._state)
        self.wardens.advance(self._state)
        try:
            yield self._state
        finally:
            self._publish()

    def _read_news(self, changes: list[Change]) -> None:
        tables = dict(self._state.tables)
        for name, key, encoded in changes:
            tables[name].load(key, encoded)
            if name == "copies":
                host, _, vm = key.partition("/")
                self._state.index_copy(HostId(host), VmId(vm))
        self._announce()
        for table in tables.values():
            table.dirty.clear()

    def _publish(self) -> None:
        changed = [(name, table) for name, table in self._state.tables if table.dirty]
        if self._journal is not None and changed:
            self._journal.append(
                [
                    (name, key, msgspec.msgpack.encode(row) if (row := table.get(key)) else b"")
                    for name, table in changed
                    for key in sorted(table.dirty)
                ]
            )
        if changed:
            self._announce()
        for _, table in changed:
            table.dirty.clear()

    def _announce(self) -> None:
        for key in sorted(self._state.copies.dirty):
            host, _, vm = key.partition("/")
            self._note(VmId(vm), HostId(host))
        for host in sorted(self._state.hosts.dirty | self._state.servers.dirty):
            self._note(None, HostId(host))

    def _note(self, vm: VmId | None, host: HostId) -> None:
        self._number += 1
        self._news.append((self._number, vm, host))
        if len(self._news) > _REMEMBERED:
            self._forgotten = self._news.popleft()[0]
        for waiter in self._waiters:
            waiter.set()

    def changes(self, since: str, wait_s: float, hosts: frozenset[HostId] | None) -> Changes:
        """Return what changed on `hosts` (None is all) after a cursor; wait for the first."""
        deadline = self.clock.now() + wait_s
        waiter = threading.Event()
        with self._lock:
            self._waiters.add(waiter)
        try:
            while True:
                waiter.clear()
                with self.turn() as state:
                    found = self._since(since, hosts)
                    left = self._nap(state, deadline)
                if found.resync or found.vms or found.host or left <= 0:
                    return found
                self.clock.wait(waiter, left)
        finally:
            with self._lock:
                self._waiters.discard(waiter)

    def _nap(self, state: State, deadline: float) -> float:
        left = deadline - state.now
        moment = migrate.next_moment(state)
        if moment is not None:
            left = min(left, max(moment - state.now, 0.001)) if left > 0 else left
        return min(left, _POLL_S) if self._journal is not None else left

    def _since(self, since: str, hosts: frozenset[HostId] | None) -> Changes:
        cursor = f"{self._epoch}:{self._number}"
        if not since:
            return Changes(cursor=cursor)
        epoch, _, number = since.partition(":")
        if epoch != self._epoch or not number.isdigit() or int(number) < self._forgotten:
            return Changes(cursor=cursor, resync=True)
        vms: set[VmId] = set()
        host_changed = False
        for at, vm, host in reversed(self._news):
            if at <= int(number):
                break
            if hosts is not None and host not in hosts:
                continue
            host_changed |= vm is None
            vms |= {vm} if vm is not None else set()
        return Changes(cursor=cursor, vms=frozenset(vms), host=host_changed)

    def lose_events(self) -> None:
        """Forget all changes so far: whoever has not read them is told to resync."""
        with self._lock:
            self._news.clear()
            self._number += 1
            self._forgotten = self._number

    def inject(self, fault: Fault) -> None:
        """Let a fault wait for the calls it fits."""
        with self.turn() as state:
            key = max((int(key) for key in state.faults.rows), default=-1) + 1
            state.faults.put(str(key), fault)

    @property
    def faults(self) -> tuple[Fault, ...]:
        """Return the faults that still wait."""
        with self.turn() as state:
            return tuple(state.faults.rows.values())

    def clear_faults(self) -> None:
        """Withdraw all waiting faults, and let go of calls that hang."""
        with self.turn() as state:
            for key in tuple(state.faults.rows):
                state.faults.put(key, None)
            self.fault_rate = 0.0
        self.release()

    def release(self) -> None:
        """Let go of every call that hangs."""
        with self._lock:
            self._released.set()
            self._released = threading.Event()

    def hang(self) -> None:
        """Block the caller until `release`."""
        with self._lock:
            released = self._released
        released.wait()

    def draw(self, operation: str, vm: VmId | None, host: HostId | None) -> Fault | None:
        """Return and use up the fault that strikes this call, if any."""
        with self.turn() as state:
            for key, fault in state.faults.rows.items():
                if fault.fits(operation, vm, host):
                    left = fault.times - 1
                    if fault.times > 0:
                        state.faults.put(key, replace(fault, times=left) if left else None)
                    return fault
            return self._draw_by_chance(operation)

    def _draw_by_chance(self, operation: str) -> Fault | None:
        if not self.fault_rate or self._random.random() >= self.fault_rate:
            return None
        kinds = [FaultKind.UNREACHABLE, FaultKind.LOST_ANSWER]
        if operation == "begin_migration":
            kinds += [FaultKind.LOST_FINISH, FaultKind.LOST_MEMORY]
        return Fault(kind=self._random.choice(kinds))

    def kill_host(self, host: HostId) -> None:
        """Let a host die: everything on it ends, nobody answers until `boot_host`."""
        with self.turn() as state:
            _die_all(state, host)

    def boot_host(self, host: HostId) -> None:
        """Let a dead host come back; its VMs are defined and stopped."""
        with self.turn() as state:
            state.hosts.put(host, replace(state.host(host), alive=True, powered=True))

    def switch_host_off(self, host: HostId) -> None:
        """Take the power from a host: everything on it ends, and its endpoint says so."""
        self.kill_host(host)
        with self.turn() as state:
            state.hosts.put(host, replace(state.host(host), powered=False))

    def fence_host(self, host: HostId) -> None:
        """Switch a host off as its BMC does; `fences` remembers when."""
        self.fences.append((self.clock.now(), host))
        self.switch_host_off(host)

    def set_warden(self, host: HostId, kind: WatchdogKind) -> None:
        """Give a host a warden with such a watchdog; it is not kept in the world's file."""
        with self.turn():
            self.wardens.known[host] = SimWarden(kind)

    def still_host(self, host: HostId, *, still: bool = True) -> None:
        """Let a host with a warden stand still and answer nobody, or go on where it was."""
        with self.turn() as state:
            self.wardens.known[host].still = still
            state.hosts.put(host, replace(state.host(host), reachable=not still, heard=not still))

    def cut_storage(self, host: HostId, *, stored: bool = False) -> None:
        """Cut a host with a warden off from its storage, or mend that."""
        with self.turn():
            self.wardens.known[host].stored = stored

    def set_agent(self, vm: VmId, *, hangs: bool = False) -> None:
        """Give a guest an agent; one that hangs does nothing any more until it is reset."""
        with self.turn() as state:
            guest = state.guests.get(vm) or SimGuest()
            at = state.now if hangs else 0.0
            state.guests.put(vm, replace(guest, agent=AgentState.ANSWERS, hung_at=at))

    def silence_agent(self, vm: VmId) -> None:
        """End the agent in a guest, which goes on."""
        with self.turn() as state:
            guest = state.guests.get(vm) or SimGuest()
            state.guests.put(vm, replace(guest, agent=AgentState.SILENT))

    def set_bmc(self, host: HostId, mood: BmcMood) -> None:
        """Give a host a BMC of its own, or another mood."""
        with self.turn() as state:
            state.hosts.put(host, replace(state.host(host), bmc=mood))

    def glitch(self, host: HostId) -> bool:
        """Return whether a BMC is to say off once although it is not; it works from then on."""
        with self.turn() as state:
            row = state.host(host)
            state.hosts.put(host, replace(row, bmc=BmcMood.WORKS))
            return row.bmc is BmcMood.GLITCH

    def deafen(self, host: HostId, *, heard: bool = False) -> None:
        """Cut a host off on its other network, or mend that."""
        with self.turn() as state:
            state.hosts.put(host, replace(state.host(host), heard=heard))

    def hears(self, host: HostId) -> bool:
        """Return whether a host answers on its other network."""
        with self.turn() as state:
            row = state.host(host)
            return row.lives and row.heard and not row.frozen_at

    def freeze_host(self, host: HostId) -> None:
        """Let a host stand still: whoever asks it waits until `thaw_host`."""
        with self.turn() as state:
            row = state.host(host)
            state.hosts.put(host, replace(row, frozen_at=row.frozen_at or state.now))

    def thaw_host(self, host: HostId) -> None:
        """Let a frozen host go on where it was."""
        with self.turn() as state:
            row = state.host(host)
            if row.frozen_at:
                migrate.thaw(state, host)
                state.hosts.put(host, replace(row, frozen_at=0.0))

    def await_thaw(self, host: HostId) -> None:
        """Block the caller while a host stands still; quiet if there is no such host.

        Raise `Unreachable` when it has not answered for as long as a connection is kept.
        """
        until = self.clock.monotonic() + self.timing.keepalive_s
        while not self._closed:
            with self.turn() as state:
                row = state.hosts.get(host)
                if row is None or not row.frozen_at:
                    return
            if self.clock.monotonic() >= until:
                raise Unreachable(f"{host} said nothing for {self.timing.keepalive_s:g} s")
            self.clock.wait(threading.Event(), _POLL_S)

    def cut_host(self, host: HostId) -> None:
        """Cut a host off from us; its VMs run on."""
        with self.turn() as state:
            state.hosts.put(host, replace(state.host(host), reachable=False))

    def heal_host(self, host: HostId) -> None:
        """Undo `cut_host`."""
        with self.turn() as state:
            state.hosts.put(host, replace(state.host(host), reachable=True))

    @property
    def double_runs(self) -> tuple[DoubleRun, ...]:
        """Return every moment at which two copies of a VM ran at once."""
        with self.turn() as state:
            return tuple(state.double_runs.rows.values())

    @property
    def losses(self) -> tuple[Loss, ...]:
        """Return every VM whose last copy vanished undeleted."""
        with self.turn() as state:
            return tuple(state.losses.rows.values())

    def close(self) -> None:
        """Let hanging calls go and close the file."""
        self._closed = True
        self.release()
        with self._lock:
            if self._journal is not None:
                self._journal.close()
                self._journal = None


def _die_all(state: State, host: HostId) -> None:
    state.hosts.put(host, replace(state.host(host), alive=False, frozen_at=0.0))
    _end_vms(state, host)


def _end_vms(state: State, host: HostId) -> None:
    for vm in state.vms_on(host):
        copy = state.copy(host, vm)
        if copy is not None and (copy.started_at or not state.host(host).alive):
            _die(state, host, vm)


def _die(state: State, host: HostId, vm: VmId) -> None:
    move = state.moves.get(vm)
    if move is not None and host == move.source and move.phase != "lost":
        state.moves.put(vm, None)
        state.vanish(move.target, vm)
    elif move is not None and host == move.target and move.phase != "lost":
        migrate.abandon(state, vm, StateReason.MIGRATION_FAILED)
    copy = state.copy(host, vm)
    if copy is not None:
        stopped = replace(copy.vm, state=VmState.STOPPED, reason=StateReason.NONE)
        state.put_copy(host, vm, SimCopy(vm=stopped))
