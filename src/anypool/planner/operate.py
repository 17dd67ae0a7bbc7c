"""Plans for what a person asks of single VMs: create, start, migrate, and one-step deeds."""

from msgspec.structs import replace

from anypool.errors import Conflict, NoPlan
from anypool.model import Disk, HostId, Inventory, Vm, VmId, VmState, VmWish
from anypool.plan import (
    Action,
    Condition,
    CreateVm,
    HostOpen,
    MemoryFree,
    MigrateVm,
    Plan,
    Refusal,
    StartVm,
    Step,
    VmAbsent,
    VmIs,
    apply,
    describe,
    digest,
    hosts_of,
    names_in,
    reason,
    say,
    vm_of,
)
from anypool.planner.evacuate import MOVABLE
from anypool.planner.place import Choice, choose, pinned, refusal

STARTABLE = frozenset({VmState.STOPPED, VmState.CRASHED})


def plan_action(inventory: Inventory, action: Action, who: str) -> Plan:
    """Return a plan of one step asked for by `who`; raise `Conflict` if it cannot run now."""
    apply(action, inventory)
    vm = vm_of(action)
    valid: tuple[Condition, ...] = ()
    if vm is not None and vm in inventory.vms:
        states = frozenset({inventory.vms[vm].state})
        valid = (VmIs(vm=vm, host=hosts_of(action)[0], states=states),)
    step = Step(number=1, action=action, why=reason("asked", who=who), valid_while=valid)
    goal = describe(action, names_in(inventory))
    return Plan(goal=goal, steps=(step,), based_on=digest(inventory))


def plan_create(
    inventory: Inventory, wishes: tuple[VmWish, ...], *, host: HostId | None, start: bool
) -> Plan:
    """Return the steps that make (and start) VMs, each on the named or the best host.

    Memory is counted as each VM is placed, also for VMs that are not started. Raises
    `NoPlan` with each host's reason against the first VM that has no place.
    """
    steps: list[Step] = []
    rejected: list[Refusal] = []
    world = inventory
    for wish in wishes:
        vm = _wished(wish)
        choice = _choice(world, vm, host)
        if choice.host is None or choice.why is None:
            raise _no_place(inventory, vm, choice)
        rejected += choice.refused
        create = Step(
            number=len(steps) + 1,
            action=CreateVm(wish=wish, host=choice.host),
            why=choice.why,
            valid_while=(VmAbsent(vm=wish.id), HostOpen(host=choice.host)),
        )
        steps.append(create)
        if start:
            steps.append(_start_after(create, wish, choice.host))
        world = world.with_vm(replace(vm, host=choice.host, state=VmState.RUNNING))
    goal = f"create {_names([wish.name for wish in wishes])}"
    return Plan(goal=goal, steps=tuple(steps), rejected=tuple(rejected), based_on=digest(inventory))


def plan_start(inventory: Inventory, vm_id: VmId) -> Plan:
    """Return the step that starts a stopped VM where it is defined; `NoPlan` if it has no room."""
    vm = inventory.vm(vm_id)
    if vm.host is None or vm.state not in STARTABLE:
        raise Conflict(f"{vm.name} is {vm.state}", hint="only a stopped VM can be started")
    if vm.copies:
        where = ", ".join(inventory.host(copy.host).name for copy in vm.copies)
        raise Conflict(f"{vm.name} is also known on {where}", hint="remove the other copy first")
    why = refusal(inventory, vm, inventory.host(vm.host))
    if why is not None:
        place = inventory.host(vm.host).name
        raise NoPlan(f"{vm.name} cannot start on {place}: {say(why)}", refusals={place: say(why)})
    step = Step(
        number=1,
        action=StartVm(vm=vm_id, host=vm.host),
        why=reason("place.stays"),
        valid_while=(
            VmIs(vm=vm_id, host=vm.host, states=STARTABLE),
            HostOpen(host=vm.host),
            MemoryFree(host=vm.host, memory_mib=vm.memory_mib),
        ),
    )
    return Plan(goal=f"start {vm.name}", steps=(step,), based_on=digest(inventory))


def plan_migrate(inventory: Inventory, vm_id: VmId, *, target: HostId | None) -> Plan:
    """Return the step that migrates a running VM to the named or the best other host."""
    vm = inventory.vm(vm_id)
    if (bound := pinned(inventory, vm)) is not None:
        raise Conflict(f"{vm.name} cannot migrate: {say(bound)}")
    if vm.host is None:
        raise Conflict(f"{vm.name} is on no host")
    if target == vm.host:
        raise Conflict(f"{vm.name} is on {inventory.host(target).name} already")
    choice = _choice(inventory, vm, target, avoid=frozenset({vm.host}))
    if choice.host is None or choice.why is None:
        raise _no_place(inventory, vm, choice)
    step = Step(
        number=1,
        action=MigrateVm(vm=vm_id, source=vm.host, target=choice.host),
        why=choice.why,
        valid_while=(
            VmIs(vm=vm_id, host=vm.host, states=MOVABLE),
            HostOpen(host=choice.host),
            MemoryFree(host=choice.host, memory_mib=vm.memory_mib),
        ),
    )
    name = inventory.host(choice.host).name
    return Plan(
        goal=f"migrate {vm.name} to {name}",
        steps=(step,),
        rejected=choice.refused,
        based_on=digest(inventory),
    )


def _choice(
    inventory: Inventory,
    vm: Vm,
    named: HostId | None,
    *,
    avoid: frozenset[HostId] = frozenset(),
) -> Choice:
    if named is None:
        return choose(inventory, vm, avoid=avoid)
    why = refusal(inventory, vm, inventory.host(named))
    if why is None:
        return Choice(host=named, why=reason("place.chosen"), refused=())
    return Choice(host=None, why=None, refused=(Refusal(vm=vm.id, host=named, why=why),))


def _no_place(inventory: Inventory, vm: Vm, choice: Choice) -> NoPlan:
    refusals = {inventory.hosts[entry.host].name: say(entry.why) for entry in choice.refused}
    if not refusals:
        hint = "add a host with `anypool host add URI`"
        return NoPlan(f"no host for {vm.name}: the pool has no other host", hint=hint)
    first = "; ".join(f"{name}: {why}" for name, why in list(refusals.items())[:3])
    left = len(refusals) - 3
    more = f" (and {left} more host{'s' if left > 1 else ''})" if left > 0 else ""
    return NoPlan(
        f"no host can take {vm.name}: {first}{more}",
        hint="free memory, add a host or ask for less",
        refusals=refusals,
    )


def _wished(wish: VmWish) -> Vm:
    disks = tuple(
        Disk(target=disk.target, volume=disk.volume, datastore=disk.datastore)
        for disk in wish.disks
    )
    return Vm(
        id=wish.id,
        name=wish.name,
        host=None,
        vcpus=wish.vcpus,
        memory_mib=wish.memory_mib,
        cpu_model=wish.cpu_model,
        disks=disks,
        nics=wish.nics,
    )


def _start_after(create: Step, wish: VmWish, host: HostId) -> Step:
    return Step(
        number=create.number + 1,
        action=StartVm(vm=wish.id, host=host),
        why=reason("place.stays"),
        after=frozenset({create.number}),
        valid_while=(
            VmIs(vm=wish.id, host=host, states=STARTABLE),
            HostOpen(host=host),
            MemoryFree(host=host, memory_mib=wish.memory_mib),
        ),
    )


def _names(names: list[str]) -> str:
    return ", ".join(names) if len(names) <= 3 else f"{names[0]} to {names[-1]} ({len(names)} VMs)"
