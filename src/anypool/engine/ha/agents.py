"""The agents inside guests that policies judge by: asked now and then, never waited for.

What is remembered is whether an agent answered since its VM runs, since when it is silent, and
since when its VM neither reads, writes nor sends. A question that could not be put says nothing:
silence begins anew after it. A manager that begins to lead has heard nobody yet.
"""

import threading
from collections.abc import Callable, Iterable
from functools import partial

from msgspec import Struct
from msgspec.structs import replace

from anypool.engine.engine import Engine
from anypool.engine.ha.rounds import Round
from anypool.engine.loads.load import LoadRate
from anypool.engine.threads import OnCall
from anypool.model import (
    AgentState,
    Capability,
    HostId,
    HostState,
    Inventory,
    PolicyId,
    Vm,
    VmId,
    VmState,
)
from anypool.plan import Reason
from anypool.search import vms_matching

EVERY_S = 10.0
AGAIN_S = 10.0
"""Which VMs match the query of a policy is looked for so often."""
THREADS = 8
BATCH = 16
"""So many agents of one host are asked in one question."""
WAIT_S = 20.0
"""No further agent of a batch is asked after so long."""


class AgentSight(Struct, frozen=True, kw_only=True, gc=False):
    """What is known of the agent of one VM; times are seconds since 1970, 0 for never.

    `heard` says whether it answered since its VM runs, `silent_since` when it was first found
    silent with no answer since, `why` what is thought of its silence. `judged` is false where no
    policy asks for it.
    """

    state: AgentState = AgentState.UNKNOWN
    judged: bool = False
    heard: bool = False
    asked_at: float = 0.0
    silent_since: float = 0.0
    why: Reason | None = None

    @property
    def silent_s(self) -> float:
        """For how long it was seen to be silent, until it was asked last."""
        return self.asked_at - self.silent_since if self.silent_since else 0.0


NOT_JUDGED = AgentSight()


class Members(Struct, frozen=True, gc=False):
    """The VMs that match the query of a policy, and when they were looked for."""

    query: str
    at: float
    vms: frozenset[VmId]


class Agents:
    """What is known of all; `of` may be called from any thread, the rest by one at a time.

    `submit` has a question put on a thread, for it may take long.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._lock = threading.Lock()
        self._on_call = OnCall(THREADS)
        self.submit: Callable[[Callable[[], None]], object] = self._on_call.submit
        self.forget()

    def start(self) -> None:
        """Have threads for the questions."""
        self._on_call.start()

    def stop(self) -> None:
        """Put no more questions."""
        self._on_call.stop()

    def forget(self) -> None:
        """Know nothing of before."""
        with self._lock:
            self._seen: dict[VmId, AgentSight] = {}
            self._asking: set[VmId] = set()
        self._still: dict[VmId, float] = {}
        self._members: dict[PolicyId, Members] = {}
        self._judged: dict[VmId, float] = {}

    def begun(self, vm: VmId) -> None:
        """Note that a guest is made to begin anew: its agent has not been heard since."""
        with self._lock:
            if vm in self._seen:
                self._seen[vm] = replace(self._seen[vm], heard=False, silent_since=0.0, why=None)

    def of(self, vm: VmId) -> AgentSight:
        """Return what is known of the agent of a VM."""
        with self._lock:
            return self._seen.get(vm, NOT_JUDGED)

    def still_s(self, vm: VmId, now: float) -> float | None:
        """Return for how long a VM was seen to move nothing, None if nobody measures that."""
        since = self._still.get(vm)
        return None if since is None else now - since

    def think(self, vm: VmId, why: Reason) -> None:
        """Note what is thought of a silent agent."""
        with self._lock:
            if vm in self._seen:
                self._seen[vm] = replace(self._seen[vm], why=why)

    def judged(self, round_: Round, now: float) -> list[Vm]:
        """Return the VMs that a policy judges by their agents, which are asked from now on."""
        rule, inventory = round_.rule, round_.inventory
        if not rule.agent_silent_s:
            return []
        every_s = min(EVERY_S, rule.agent_silent_s / 4)
        members = self._members.get(round_.policy.id)
        if members is None or members.query != rule.agent_vms or now - members.at > AGAIN_S:
            every = inventory.vms.keys()
            vms = vms_matching(rule.agent_vms, inventory) if rule.agent_vms else frozenset(every)
            members = self._members[round_.policy.id] = Members(rule.agent_vms, now, vms)
        found = [
            vm for key in members.vms if (vm := _runs(key, inventory)) and vm.host in round_.hosts
        ]
        for vm in found:
            self._judged[vm.id] = min(every_s, self._judged.get(vm.id, every_s))
        return found

    def ask(self, inventory: Inventory, now: float) -> None:
        """Put the questions that are due about the VMs that were judged since the last time."""
        judged, self._judged = self._judged, {}
        for task in self._tasks(judged, inventory, now):
            self.submit(task)

    def _tasks(
        self, judged: dict[VmId, float], inventory: Inventory, now: float
    ) -> list[Callable[[], None]]:
        running = {vm: every for vm, every in judged.items() if _runs(vm, inventory) is not None}
        due: dict[HostId, list[VmId]] = {}
        with self._lock:
            self._seen = {vm: self._seen.get(vm, AgentSight(judged=True)) for vm in running}
            for vm, every_s in running.items():
                host = inventory.vms[vm].host
                assert host is not None
                if vm not in self._asking and now - self._seen[vm].asked_at >= every_s:
                    due.setdefault(host, []).append(vm)
        self._watch(running, now)
        able = {host: vms for host, vms in due.items() if _may_ask(host, inventory)}
        return [
            self._task(host, tuple(vms[start : start + BATCH]))
            for host, vms in able.items()
            for start in range(0, len(vms), BATCH)
        ]

    def _task(self, host: HostId, vms: tuple[VmId, ...]) -> Callable[[], None]:
        with self._lock:
            self._asking |= set(vms)
        return partial(self._ask, host, vms)

    def _ask(self, host: HostId, vms: tuple[VmId, ...]) -> None:
        try:
            found = self._engine.vitals.ask_agents(host, vms, WAIT_S)
        finally:
            with self._lock:
                self._asking -= set(vms)
        said = {one.vm: one.state for one in found}
        now = self._engine.vitals.moments.now()
        with self._lock:
            for vm in vms:
                if (before := self._seen.get(vm)) is not None:
                    self._seen[vm] = heard(before, said.get(vm, AgentState.UNKNOWN), now)

    def _watch(self, running: Iterable[VmId], now: float) -> None:
        """Take note of what moves bytes: since when each VM has not, as far as is measured."""
        loads = self._engine.loads()
        still: dict[VmId, float] = {}
        for vm in running:
            load = loads.get(vm)
            if load is not None:
                still[vm] = now if moves(load) else self._still.get(vm, now)
        self._still = still


def heard(before: AgentSight, state: AgentState, now: float) -> AgentSight:
    """Return what is known of an agent after it was asked once more."""
    silent = state is AgentState.SILENT
    return replace(
        before,
        state=state,
        heard=before.heard or state is AgentState.ANSWERS,
        asked_at=now,
        silent_since=(before.silent_since or now) if silent else 0.0,
        why=before.why if silent else None,
    )


def moves(load: LoadRate) -> bool:
    """Return whether a VM reads or writes its disks, or sends."""
    return any((load.disk_read_bytes_s, load.disk_written_bytes_s, load.net_sent_bytes_s))


def _runs(key: VmId, inventory: Inventory) -> Vm | None:
    """Return a VM that runs in one place, None for any other."""
    known = inventory.vms.get(key)
    if known is None or known.state is not VmState.RUNNING or known.host is None:
        return None
    return None if known.copies else known


def _may_ask(host: HostId, inventory: Inventory) -> bool:
    there = inventory.hosts.get(host)
    if there is None or there.state is not HostState.UP:
        return False
    return Capability.GUEST_AGENT in there.capabilities
