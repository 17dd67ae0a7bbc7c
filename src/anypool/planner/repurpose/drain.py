"""Emptying the hypervisors that are to bear something else, and filling them again: pure."""

from collections.abc import Iterable

from msgspec import Struct
from msgspec.structs import replace

from anypool.errors import AnypoolError
from anypool.model import Host, HostId, HostState, Inventory, Server, ServerId, Vm, VmId, VmState
from anypool.plan import (
    HostOpen,
    LeaveMaintenance,
    MemoryFree,
    MigrateVm,
    Plan,
    Reason,
    Refusal,
    Step,
    VerifyHost,
    VmIs,
    outcome,
    reason,
    why_of,
)
from anypool.planner.evacuate import MOVABLE, plan_evacuation
from anypool.planner.place import pinned, refusal
from anypool.planner.profiles.steps import Steps
from anypool.planner.repurpose.aim import BACK
from anypool.planner.repurpose.match import is_open
from anypool.planner.rules import Rulebook

RETURN_S = 1200.0
"""How long a hypervisor may take to boot, as after maintenance."""


class Drained(Struct, frozen=True):
    """The plan that empties each hypervisor, and the pool after all of them."""

    plans: dict[ServerId, Plan]
    world: Inventory


class Undrained(Struct, frozen=True):
    """A server that cannot be emptied, and why."""

    server: ServerId
    why: Reason


def drained(
    inventory: Inventory, servers: Iterable[Server], rules: Rulebook
) -> Drained | Undrained:
    """Return what empties servers one after the other; none of them takes the VMs of another."""
    some = [one for one in servers if is_open(inventory, one)]
    world, plans = inventory, dict[ServerId, Plan]()
    for server in some:
        others = [one for one in some if one.id != server.id and one.id not in plans]
        closed = world
        for other in others:
            closed = closed.with_host(replace(closed.hosts[other.host], maintenance=True))
        try:
            plan = plan_evacuation(closed, server.host, rules)
        except AnypoolError as error:
            why = reason("fail.not-emptied", server=server.name, why=why_of(error))
            return Undrained(server.id, why)
        plans[server.id] = plan
        world = outcome(plan, world)
    return Drained(plans, world)


def appended(steps: Steps, plan: Iterable[Step], gate: Iterable[int]) -> tuple[int, ...]:
    """Add the steps of a plan, of which the first wait for `gate`; return the last ones."""
    offset, waits = len(steps.made), tuple(gate)
    ends = set[int]()
    for step in plan:
        after = [number + offset for number in step.after] or waits
        number = steps.add(step.action, step.why, *after)
        steps.made[-1] = replace(steps.made[-1], valid_while=step.valid_while)
        ends = (ends - set(after)) | {number}
    return tuple(sorted(ends))


def opened(steps: Steps, host: Host, after: int) -> int:
    """Add what opens a hypervisor once it is seen up with what it had; return the last number."""
    verify = VerifyHost(
        host=host.id, within_s=RETURN_S, datastores=host.datastores, networks=host.networks
    )
    seen = steps.add(verify, reason("repurpose.verified"), after)
    why = reason("repurpose.opened", host=host.name)
    return steps.add(LeaveMaintenance(host=host.id), why, seen)


class Back(Struct):
    """VMs on their way home: the pool so far, and which could not return."""

    world: Inventory
    rules: Rulebook
    refused: list[Refusal] = []

    def fill(
        self, steps: Steps, opens: dict[HostId, int], away: Iterable[tuple[VmId, HostId]]
    ) -> None:
        """Add the moves that return VMs to hypervisors which were just opened."""
        for vm_id, home in away:
            if home not in opens:
                continue
            vm = self.world.vms.get(vm_id)
            if vm is None or vm.host in (None, home) or vm.state not in MOVABLE:
                continue
            if (why := self._against(vm, home)) is not None:
                self.refused.append(Refusal(vm=vm.id, host=home, why=why))
                continue
            assert vm.host is not None
            action = MigrateVm(vm=vm.id, source=vm.host, target=home)
            name = self.world.hosts[home].name
            steps.add(action, reason(BACK, host=name), opens[home])
            valid = (
                VmIs(vm=vm.id, host=vm.host, states=frozenset({VmState.RUNNING, VmState.PAUSED})),
                HostOpen(host=home),
                MemoryFree(host=home, memory_mib=vm.memory_mib),
            )
            steps.made[-1] = replace(steps.made[-1], valid_while=valid)
            self.world = self.world.with_vm(replace(vm, host=home))

    def _against(self, vm: Vm, home: HostId) -> Reason | None:
        host = self.world.hosts[home]
        why = pinned(self.world, vm) or self.rules.pinned(vm.id)
        why = why or refusal(self.world, vm, host)
        return why or self.rules.needs(self.world, vm).refusal(host)


def is_up_then(inventory: Inventory, host: HostId) -> Inventory:
    """Return the pool once a hypervisor is seen up and opened."""
    known = inventory.hosts[host]
    return inventory.with_host(replace(known, state=HostState.UP, maintenance=False))
