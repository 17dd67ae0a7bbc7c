"""Start and stop a service: its components in order, each step waiting for what it needs."""

from collections.abc import Iterable, Mapping
from graphlib import CycleError, TopologicalSorter
from types import MappingProxyType

from msgspec.structs import replace

from anypool.errors import Conflict, NoPlan
from anypool.model import (
    Component,
    HostId,
    Inventory,
    ReadyKind,
    Service,
    Vm,
    VmId,
    VmState,
    VmWish,
)
from anypool.model.service import found
from anypool.plan import (
    Action,
    AwaitReady,
    HostOpen,
    MemoryFree,
    Plan,
    StartVm,
    Step,
    StopVm,
    VmIs,
    digest,
    plain,
    reason,
    refuse,
    say,
)
from anypool.planner.evacuate import no_plan
from anypool.planner.operate import STARTABLE, check_alone_awake, plan_create
from anypool.planner.place import refusal
from anypool.planner.profiles.running import Borne, start_borne, stop_borne
from anypool.planner.rules import NO_RULES, Rulebook

Members = Mapping[str, tuple[Vm, ...]]
"""The VMs of each component, by the component's name."""

_ALIVE = frozenset({VmState.RUNNING, VmState.PAUSED})


def in_order(components: tuple[Component, ...]) -> tuple[Component, ...]:
    """Return components so that each comes after those it waits for; `Conflict` for a circle."""
    left, done, found = list(components), set[str](), list[Component]()
    while left:
        free = [one for one in left if set(one.after) <= done]
        if not free:
            names = tuple(one.name for one in left)
            raise refuse(Conflict, reason("serve.circle", components=names))
        found += free
        done |= {one.name for one in free}
        left = [one for one in left if one.name not in done]
    return tuple(found)


def check_across(service: Service, others: Iterable[Service], inventory: Inventory) -> None:
    """Raise `Conflict` if a service makes VMs wait for each other through other services.

    Each service may be in order and both together a circle: after a failure nobody could start.
    """
    several = (service, *(one for one in others if one.id != service.id))
    declared = frozenset(
        name for one in several for part in one.components for name in one.members(part)
    )
    ids = {name: str(vm.id) for name, vm in found(declared, inventory).items()}
    waits: dict[str, set[str]] = {}
    for one in several:
        members = {part.name: [ids.get(n, n) for n in one.members(part)] for part in one.components}
        for part in one.components:
            for vm in members[part.name]:
                before = (other for name in part.after for other in members.get(name, ()))
                waits.setdefault(vm, set()).update(before)
    try:
        TopologicalSorter(waits).prepare()
    except CycleError as error:
        circle = tuple(dict.fromkeys(_named(key, inventory) for key in error.args[1]))
        raise refuse(Conflict, reason("serve.circle-across", vms=circle)) from error


def _named(key: str, inventory: Inventory) -> str:
    known = inventory.vms.get(VmId(key))
    return key if known is None else known.name


def plan_service_make(
    inventory: Inventory, service: Service, wishes: tuple[VmWish, ...], rules: Rulebook = NO_RULES
) -> Plan:
    """Return the steps that make the VMs that a service lacks; none start. Raises `NoPlan`."""
    aim = reason("aim.make-service", service=service.id)
    made = plan_create(inventory, wishes, rules, host=None, start=False)
    return replace(made, goal=say(aim), aim=aim)


def plan_service_start(
    inventory: Inventory,
    service: Service,
    members: Members,
    rules: Rulebook = NO_RULES,
    borne: Mapping[str, Borne] = MappingProxyType({}),
) -> Plan:
    """Return the steps that start what does not run, in order, and wait until it is ready.

    Raises `Conflict` for a VM that cannot be started, `NoPlan` where there is no room.
    """
    steps: list[Step] = []
    last: dict[str, frozenset[int]] = {}
    world = inventory
    for component in in_order(service.components):
        before = frozenset[int]().union(*(last[name] for name in component.after))
        ends: set[int] = set()
        if component.name in borne:
            ends = _embedded(steps, start_borne(world, borne[component.name], rules), before)
        for vm in members.get(component.name, ()):
            host = _host_of(vm)
            after = before
            if vm.state not in _ALIVE:
                _check_start(world, vm, host, rules)
                steps.append(_start(len(steps) + 1, vm, host, after))
                after = frozenset({len(steps)})
                world = world.with_vm(replace(vm, state=VmState.RUNNING))
            if component.ready.when is not ReadyKind.RUNNING:
                steps.append(_await(len(steps) + 1, component, vm, after))
                after = frozenset({len(steps)})
            ends |= after
        last[component.name] = frozenset(ends) or before
    aim = reason("aim.start-service", service=service.id)
    return Plan(goal=say(aim), aim=aim, steps=tuple(steps), based_on=digest(inventory))


def plan_service_stop(
    inventory: Inventory,
    service: Service,
    members: Members,
    rules: Rulebook = NO_RULES,
    borne: Mapping[str, Borne] = MappingProxyType({}),
) -> Plan:
    """Return the steps that shut down what runs, those first that others do not wait for.

    Raise `Conflict` if a rule keeps one of its VMs from being stopped.
    """
    steps: list[Step] = []
    last: dict[str, frozenset[int]] = {}
    for component in reversed(in_order(service.components)):
        users = [one.name for one in service.components if component.name in one.after]
        before = frozenset[int]().union(*(last[name] for name in users))
        ends: set[int] = set()
        if component.name in borne:
            profile = inventory.profile(borne[component.name].profile)
            ends = _embedded(steps, stop_borne(inventory, profile), before)
        for vm in members.get(component.name, ()):
            host = _host_of(vm)
            if vm.state not in _ALIVE:
                continue
            if (kept := rules.protected(vm.id)) is not None:
                raise refuse(Conflict, reason("no.ending", vm=vm.name, why=kept))
            why = reason("serve.stop-after", components=tuple(users))
            if not users:
                why = reason("serve.stop-first")
            condition = VmIs(vm=vm.id, host=host, states=_ALIVE)
            number = len(steps) + 1
            action: Action = StopVm(vm=vm.id, host=host)
            steps.append(
                Step(number=number, action=action, why=why, after=before, valid_while=(condition,))
            )
            ends.add(number)
        last[component.name] = frozenset(ends) or before
    aim = reason("aim.stop-service", service=service.id)
    return Plan(goal=say(aim), aim=aim, steps=tuple(steps), based_on=digest(inventory))


def _embedded(steps: list[Step], some: tuple[Step, ...], before: frozenset[int]) -> set[int]:
    """Add the steps of another plan after some; return the numbers of its last ones."""
    offset = len(steps)
    waited: set[int] = set()
    for step in some:
        after = frozenset(number + offset for number in step.after) or before
        steps.append(replace(step, number=step.number + offset, after=after))
        waited |= step.after
    return {step.number + offset for step in some if step.number not in waited}


def _start(number: int, vm: Vm, host: HostId, after: Iterable[int]) -> Step:
    waits = frozenset(after)
    return Step(
        number=number,
        action=StartVm(vm=vm.id, host=host),
        why=reason("serve.in-turn") if waits else reason("serve.first"),
        after=waits,
        valid_while=(
            VmIs(vm=vm.id, host=host, states=STARTABLE),
            HostOpen(host=host),
            MemoryFree(host=host, memory_mib=vm.memory_mib),
        ),
    )


def _await(number: int, component: Component, vm: Vm, after: frozenset[int]) -> Step:
    action = AwaitReady(
        vm=vm.id, host=_host_of(vm), name=vm.name, ready=component.ready, probe=component.probe
    )
    why = reason("serve.ready", component=component.name)
    return Step(number=number, action=action, why=why, after=after)


def _check_start(world: Inventory, vm: Vm, host: HostId, rules: Rulebook) -> None:
    if vm.state not in STARTABLE:
        raise refuse(Conflict, reason("is.vm", vm=vm.name, state=vm.state))
    check_alone_awake(world, vm)
    there = world.host(host)
    against = refusal(world, vm, there) or rules.needs(world, vm).refusal(there)
    if against is not None:
        place = world.host(host).name
        why = reason("no.start", vm=vm.name, host=place, why=against)
        raise no_plan(why, reason("hint.free-memory"), [(plain(place), against)])


def _host_of(vm: Vm) -> HostId:
    if vm.host is None:
        raise refuse(NoPlan, reason("is.nowhere", vm=vm.name))
    return vm.host
