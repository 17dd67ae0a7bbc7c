"""What must never be, judged by the simulated world and by what passed on the wires.

It shares no code with whoever decides, and never asks a manager or its database what is so.
What is promised is in docs/explanation/simulation.md.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from anypool.drivers.sim import World
from anypool.drivers.sim.records import SimCopy
from anypool.drivers.sim.state import State
from anypool.model import (
    Frame,
    HighAvailability,
    HostId,
    HostState,
    Power,
    StateReason,
    Vm,
    VmId,
    VmState,
)
from anypool.plan import Plan
from anypool.store import Tx
from tests.simulation.trial import foreseen

if TYPE_CHECKING:
    from tests.simulation.trial.timed_manager import Manager

EXECUTES = frozenset({VmState.RUNNING, VmState.PAUSED, VmState.SUSPENDED})
STARTS = ("start_vm", "adopt_vm", "resume_vm")
PLACES = ("start_vm", "adopt_vm", "begin_migration")
STOPS = ("shut_down_vm", "power_off_vm")
APART_S = 0.9
"""Two readings of the power that are nearer to each other are one."""


class Wrong(BaseException):
    """Something is so that must never be; no error, so that nobody who is judged can catch it."""


class Rules(Struct, frozen=True, kw_only=True):
    """What people demanded of the pool: who guards it, and which VMs never share a host."""

    guard: HighAvailability
    apart: tuple[frozenset[VmId], ...] = ()


class Oracle:
    """Listens to everything; raises `Wrong` at the first thing that is wrong."""

    def __init__(self, world: World, hosts: list[HostId]) -> None:
        self.world = world
        self.hosts = hosts
        self.rules = Rules(guard=HighAvailability())
        self.free: set[VmId] = set()
        self.deeds = 0
        self._ran_until: dict[tuple[HostId, VmId], float] = {}
        self._not_there_at: dict[tuple[HostId, VmId], float] = {}
        self._off_read_at: dict[HostId, float] = {}
        self._told_at: dict[tuple[str, HostId], float] = {}
        self._silent: dict[str, set[HostId]] = defaultdict(set)
        self._placed_at: dict[tuple[HostId, VmId], float] = {}
        self.epoch = 0
        self._brake_from = 0
        self._fenced_by_s = 0.0
        self._allowed: set[foreseen.Deed] = set()
        self._asked: set[foreseen.Deed] = set()
        self._by_policy: set[foreseen.Deed] = set()
        self._stopped: set[VmId] = set()
        self._judged = 0
        with world.turn() as state:
            self._listen(state)
            for host in hosts:
                for vm in state.vms_on(host):
                    self._copy(host, vm, state.copy(host, vm))

    # What happens in the world.

    def _listen(self, state: State) -> None:
        put = state.put_copy

        def heard(host: HostId, vm: VmId, copy: SimCopy | None) -> None:
            self._copy(host, vm, copy)
            put(host, vm, copy)

        state.put_copy = heard  # type: ignore[method-assign]

    def _copy(self, host: HostId, vm: VmId, copy: SimCopy | None) -> None:
        key = (host, vm)
        if copy is not None and copy.vm.state in EXECUTES:
            self._ran_until[key] = float("inf")
            self._stopped.discard(vm)
            self._placed_at.setdefault(key, self._now())
        else:
            self._placed_at.pop(key, None)
            if self._ran_until.get(key) == float("inf"):
                self._ran_until[key] = self._now()

    # What is heard on the wires.

    def frame(self, manager: "Manager", host: HostId, frame: Frame) -> None:
        """A host was read, and its answer arrived."""
        now = self._now()
        there = {vm.id for vm in frame.vms if vm.state in EXECUTES}
        asked: Iterable[VmId] = frame.missing + tuple(vm.id for vm in frame.vms)
        lives = not frame.full or any(one.state is HostState.UP for one in frame.hosts)
        if frame.full:
            asked = {vm for place, vm in self._ran_until if place == host}
            self._told_at[manager.name, host] = now
            self._silent[manager.name].discard(host)
        for vm in asked:
            if vm not in there:
                self._not_there_at[host, vm] = now
        here = {vm.id: vm for vm in frame.vms if vm.host == host}
        for place, vm in self._ran_until:
            if vm in here and place != host and self._was_last(here[vm], host, place):
                self._not_there_at[place, vm] = now  # it has left there: two would have been seen
        if lives:
            self.life(host)

    def silence(self, manager: "Manager", host: HostId) -> None:
        """A host was asked how it is, and did not answer."""
        self._silent[manager.name].add(host)

    def is_silent(self, manager: "Manager", host: HostId) -> bool:
        """Return whether a manager heard nothing of a host when it last asked."""
        return host in self._silent[manager.name]

    def life(self, host: HostId) -> None:
        """A host showed life, so what was read of its power before proves nothing."""
        self._off_read_at.pop(host, None)

    def power(self, host: HostId, power: Power) -> None:
        """The power of a host was read."""
        now = self._now()
        if power is Power.ON:
            self.life(host)
        elif power is Power.OFF:
            first = self._off_read_at.setdefault(host, now)
            if now - first >= APART_S:
                self.proven(host)

    def proven(self, host: HostId) -> None:
        """It is shown that nothing runs on a host: by its power, or by a person's word."""
        now = self._now()
        for place, vm in self._ran_until:
            if place == host:
                self._not_there_at[host, vm] = now

    # What managers do.

    def begins(self, plan: Plan, by: str) -> None:
        """Somebody lets a plan begin, which was stored for all to see."""
        deeds = foreseen.deeds_of(plan)
        self._allowed |= deeds
        (self._by_policy if by.startswith("policy:") else self._asked).update(deeds)

    def commits(self, manager: "Manager", tx: Tx) -> None:
        """A manager is about to commit a transaction that writes."""
        lease = foreseen.lease_of(tx)
        if lease > self.epoch:
            self.epoch = lease
            if manager.clock.wrong_s > self._fenced_by_s:
                self._brake_from = len(self.world.fences)
        mine = manager.epoch
        if mine is not None and not manager.taking and mine < self.epoch:
            raise Wrong(f"epoch: {manager.name} writes as {mine}, and {self.epoch} was given")

    @contextmanager
    def deed(
        self, manager: "Manager", operation: str, host: HostId, arguments: tuple[Any, ...]
    ) -> Iterator[None]:
        """A manager's order arrives at a host; it takes effect unless it raises."""
        epoch = manager.epoch or 0
        self.deeds += 1
        if operation == "force_off_host":
            self._fenced_by_s = manager.clock.wrong_s
        deed = foreseen.deed_of(operation, host, arguments)
        suspicion = self._suspicion(operation, deed)
        crowd = self._crowd(manager, operation, deed) if operation in PLACES else ""
        if operation in STARTS and deed.vm in self._stopped and deed not in self._asked:
            suspicion = suspicion or f"stopped: {deed}, which somebody stopped"
        if epoch < self.epoch:
            raise Wrong(f"lease: {manager.name} orders {deed} as {epoch}, {self.epoch} was given")
        yield
        if deed not in self._allowed:
            raise Wrong(f"preview: {deed} is in no plan that was begun")
        if suspicion or crowd:
            raise Wrong(suspicion or crowd)
        self._wants(operation, deed)
        self._at_once()

    def _wants(self, operation: str, deed: foreseen.Deed) -> None:
        """Take note of what people want of a VM, now that they have it."""
        if deed not in self._asked:
            return
        if operation == "start_vm":
            self.free.discard(deed.vm)
        if operation not in STOPS:
            return
        self.free.add(deed.vm)
        if deed not in self._by_policy and not self._runs(deed.vm):
            self._stopped.add(deed.vm)

    def _suspicion(self, operation: str, deed: foreseen.Deed) -> str:
        """Return what is wrong with a start; nothing if it runs there already."""
        if operation not in STARTS or self._executes(deed.host, deed.vm, only=VmState.RUNNING):
            return ""
        for (host, vm), until in self._ran_until.items():
            if vm != deed.vm or host == deed.host:
                continue
            if until == float("inf"):
                return f"twice: {deed} while {host} has it"
            if self._not_there_at.get((host, vm), -1.0) < until:
                return f"proof: {deed}, and nothing shows that {host} does not run it"
        return ""

    def _crowd(self, manager: "Manager", operation: str, deed: foreseen.Deed) -> str:
        """Return which rule a placement breaks by what the manager had been told of the host."""
        host = deed.target or deed.host
        told = self._told_at.get((manager.name, host), -1.0)
        known = {vm for (place, vm), at in self._placed_at.items() if place == host and at < told}
        known = {vm for vm in known - {deed.vm} if self._executes(host, vm, VmState.RUNNING)}
        for group in self.rules.apart:
            if deed.vm in group and known & group:
                return f"apart: {deed}, where {sorted(known & group)} was"
        return ""

    # Looks at the whole.

    def judge(self, managers: Iterable["Manager"]) -> None:
        """Look at everything that can be looked at now."""
        self._judged += 1
        self._at_once()
        self._brake()
        for manager in managers:
            if manager.leads:
                self._unknown(manager)

    def _at_once(self) -> None:
        if self.world.double_runs or self.world.losses:
            raise Wrong(f"twice: {self.world.double_runs} lost: {self.world.losses}")
        with self.world.turn() as state:
            for host in self.hosts:
                copies = (state.copy(host, vm) for vm in state.vms_on(host))
                used = sum(c.vm.memory_mib for c in copies if c and c.vm.state in EXECUTES)
                if used > state.host(host).host.memory_mib:
                    raise Wrong(f"capacity: {host} holds {used} MiB")

    def _brake(self) -> None:
        """A manager that begins with a clock ahead of the last one's cannot know better."""
        rule = self.rules.guard
        fences = self.world.fences[self._brake_from :]
        most = max(1, int(len(self.hosts) * rule.fences_percent // 100))
        for at, _ in fences[-3:]:
            within = {host for then, host in fences if at <= then < at + rule.fences_within_s}
            if len(within) > most:
                raise Wrong(f"brake: {within} were switched off within {rule.fences_within_s} s")

    def _unknown(self, manager: "Manager") -> None:
        """What does not answer must not be shown as if it did."""
        inventory = manager.engine.inventory
        for host in self._silent[manager.name]:
            known = inventory.hosts.get(host)
            if known is None or known.state is HostState.OFF:
                continue
            if known.state is not HostState.UNKNOWN:
                raise Wrong(f"unknown: {manager.name} shows {host} as {known.state}")
            for vm in inventory.vms_on(host):
                if vm.state is not VmState.UNKNOWN:
                    raise Wrong(f"unknown: {manager.name} shows {vm.name} on {host} as {vm.state}")

    def _runs(self, vm: VmId) -> bool:
        return any(one == vm and end == float("inf") for (_, one), end in self._ran_until.items())

    def _was_last(self, vm: Vm, host: HostId, place: HostId) -> bool:
        """Return whether a host shows by its copy that a VM was there after it was elsewhere.

        It runs, or its disk failed it; or it crashed there, and did not run elsewhere since.
        """
        if vm.state is VmState.CRASHED:
            ended = self._ran_until.get((host, vm.id), 0.0)
            return self._ran_until[place, vm.id] <= ended
        stuck = vm.state is VmState.PAUSED and vm.reason is StateReason.IO_ERROR
        return stuck or vm.state is VmState.RUNNING

    def _executes(self, host: HostId, vm: VmId, only: VmState) -> bool:
        with self.world.turn() as state:
            copy = state.copy(host, vm)
        return copy is not None and copy.vm.state is only

    def _now(self) -> float:
        return self.world.clock.monotonic()
