"""Plans for what a person asks of single VMs: create, start, migrate, and one-step deeds."""

from msgspec.structs import replace

from anypool.errors import Conflict, NoPlan
from anypool.model import Disk, HostId, HostState, Inventory, Vm, VmId, VmState, VmWish
from anypool.plan import (
    Action,
    Condition,
    CreateVm,
    DeleteVm,
    HostOpen,
    MemoryFree,
    MigrateVm,
    Plan,
    Reason,
    Refusal,
    ResumeVm,
    StartVm,
    Step,
    StopVm,
    VmAbsent,
    VmIs,
    apply,
    check_runnable,
    digest,
    hosts_of,
    names_in,
    plain,
    reason,
    refuse,
    say,
    tell,
    vm_of,
)
from anypool.planner.evacuate import MOVABLE, no_plan
from anypool.planner.place import (
    OTHER_POOL,
    Choice,
    Wanted,
    choose,
    pinned,
    pools_with_room,
    refusal,
)
from anypool.planner.rules import NO_RULES, Rulebook

_NAMED = 3
ENDINGS = (DeleteVm, StopVm)
"""Actions that a protected VM is kept from."""
STARTABLE = frozenset({VmState.STOPPED, VmState.CRASHED})


def plan_action(inventory: Inventory, action: Action, who: str, rules: Rulebook = NO_RULES) -> Plan:
    """Return a plan of one step asked for by `who`; raise `Conflict` if it cannot run now."""
    apply(action, inventory)
    vm = vm_of(action)
    if vm is not None and vm in inventory.vms:
        check_single(inventory.vms[vm])
    if isinstance(action, ResumeVm):  # of two copies the paused one may be what a migration left
        check_alone(inventory, inventory.vm(action.vm))
    if isinstance(action, ENDINGS) and (kept := rules.protected(action.vm)) is not None:
        name = inventory.vm(action.vm).name
        raise refuse(Conflict, reason("no.ending", vm=name, why=kept))
    valid: tuple[Condition, ...] = ()
    if vm is not None and vm in inventory.vms:
        states = frozenset({inventory.vms[vm].state})
        valid = (VmIs(vm=vm, host=hosts_of(action)[0], states=states),)
    step = Step(number=1, action=action, why=reason("asked", who=who), valid_while=valid)
    aim = tell(action, names_in(inventory))
    return Plan(goal=say(aim), aim=aim, steps=(step,), based_on=digest(inventory))


def plan_create(
    inventory: Inventory,
    wishes: tuple[VmWish, ...],
    rules: Rulebook = NO_RULES,
    *,
    host: HostId | None,
    start: bool,
) -> Plan:
    """Return the steps that make (and start) VMs, each on the named or the best host.

    Memory is counted as each VM is placed, also for VMs that are not started. Raises
    `NoPlan` with each host's reason against the first VM that has no place.
    """
    steps: list[Step] = []
    rejected: list[Refusal] = []
    coming = tuple(wished(wish) for wish in wishes)
    world = inventory.patched_vms({vm.id: vm for vm in coming})
    known = any(vm.id in inventory.vms for vm in coming)
    rules = rules.bound_to(world) if known else rules.joined_by(coming, world)
    for wish in wishes:
        vm = wished(wish)
        choice = choice_of(world, vm, host, Wanted(rules=rules))
        if choice.host is None or choice.why is None:
            raise no_place(inventory, vm, choice, rules)
        rejected += choice.refused
        create = Step(
            number=len(steps) + 1,
            action=CreateVm(wish=wish, host=choice.host),
            why=choice.why,
            valid_while=(VmAbsent(vm=wish.id), HostOpen(host=choice.host)),
        )
        steps.append(create)
        if start:
            steps.append(start_after(create, wish, choice.host))
        world = world.with_vm(replace(vm, host=choice.host, state=VmState.RUNNING))
    aim = _creating([wish.name for wish in wishes])
    return Plan(
        goal=say(aim),
        aim=aim,
        steps=tuple(steps),
        rejected=tuple(rejected),
        based_on=digest(inventory),
    )


def plan_start(inventory: Inventory, vm_id: VmId, rules: Rulebook = NO_RULES) -> Plan:
    """Return the step that starts a stopped VM where it is defined; `NoPlan` if it has no room."""
    vm = inventory.vm(vm_id)
    if vm.host is None:
        raise refuse(Conflict, reason("is.nowhere", vm=vm.name))
    check_runnable(vm)
    if vm.state not in STARTABLE:
        why = reason("is.vm", vm=vm.name, state=vm.state)
        raise refuse(Conflict, why, reason("hint.only-stopped"))
    beside = check_alone_awake(inventory, vm)
    host = inventory.host(vm.host)
    against = refusal(inventory, vm, host) or rules.needs(inventory, vm).refusal(host)
    if against is not None:
        place = host.name
        why = reason("no.start", vm=vm.name, host=place, why=against)
        raise no_plan(why, reason("hint.free-memory"), [(plain(place), against)])
    step = Step(
        number=1,
        action=StartVm(vm=vm_id, host=vm.host),
        why=reason("place.stays-beside", hosts=beside) if beside else reason("place.stays"),
        valid_while=(
            VmIs(vm=vm_id, host=vm.host, states=STARTABLE),
            HostOpen(host=vm.host),
            MemoryFree(host=vm.host, memory_mib=vm.memory_mib),
        ),
    )
    aim = reason("aim.start", vm=vm.name)
    return Plan(goal=say(aim), aim=aim, steps=(step,), based_on=digest(inventory))


def check_alone(inventory: Inventory, vm: Vm) -> None:
    """Return quietly for a VM that one host knows; raise `Conflict` if others know it too."""
    check_single(vm)
    if vm.copies:
        where = tuple(inventory.host(copy.host).name for copy in vm.copies)
        why = reason("is.known-on", vm=vm.name, hosts=where)
        raise refuse(Conflict, why, reason("hint.other-copy"))


def check_alone_awake(inventory: Inventory, vm: Vm) -> tuple[str, ...]:
    """Return the names of the hosts without power that know a VM too; `Conflict` for others.

    A copy there runs nothing. That they have none is asked twice before the VM is started.
    """
    off, silent = [], []
    for host in sorted(copy.host for copy in vm.copies):
        known = inventory.hosts.get(host)
        if known is not None and known.state is HostState.OFF:
            off.append(known.name)
        elif known is not None and known.state is HostState.UNKNOWN:
            silent.append(known.name)
    if len(off) == len(vm.copies):
        check_single(vm)
        return tuple(off)
    if silent:
        why = reason("is.known-on", vm=vm.name, hosts=tuple(silent))
        raise refuse(Conflict, why, reason("hint.silent-copy", hosts=tuple(silent)))
    check_alone(inventory, vm)
    return ()


def check_single(vm: Vm) -> None:
    """Return quietly for a VM with an id of its own; raise `Conflict` if it is shared."""
    if vm.twins:
        twins = reason("vm.twins", vm=vm.name, count=len(vm.twins))
        raise refuse(Conflict, twins, reason("hint.twins"))


def plan_migrate(
    inventory: Inventory, vm_id: VmId, rules: Rulebook = NO_RULES, *, target: HostId | None
) -> Plan:
    """Return the step that migrates a running VM to the named or the best other host."""
    vm = inventory.vm(vm_id)
    if (bound := pinned(inventory, vm)) is not None:
        raise refuse(Conflict, bound)  # it names the VM itself
    if (ruled := rules.pinned(vm_id)) is not None:
        raise refuse(Conflict, reason("no.migration", vm=vm.name, why=ruled))
    if vm.host is None:
        raise refuse(Conflict, reason("is.nowhere", vm=vm.name))
    if target == vm.host:
        there = inventory.host(target).name
        raise refuse(Conflict, reason("is.there-already", vm=vm.name, host=there))
    wanted = Wanted(rules=rules, avoid=frozenset({vm.host}))
    choice = choice_of(inventory, vm, target, wanted)
    if choice.host is None or choice.why is None:
        raise no_place(inventory, vm, choice, rules)
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
    aim = reason("aim.migrate", vm=vm.name, host=inventory.host(choice.host).name)
    return Plan(
        goal=say(aim),
        aim=aim,
        steps=(step,),
        rejected=choice.refused,
        based_on=digest(inventory),
    )


def choice_of(
    inventory: Inventory,
    vm: Vm,
    named: HostId | None,
    wanted: Wanted,
) -> Choice:
    """Return the named host or why not that one, the best one where none is named."""
    if named is None:
        return choose(inventory, vm, wanted)
    host = inventory.host(named)
    why = refusal(inventory, vm, host, named=True)
    why = why or wanted.rules.needs(inventory, vm).refusal(host)
    if why is None:
        return Choice(host=named, why=reason("place.chosen"), refused=())
    return Choice(host=None, why=None, refused=(Refusal(vm=vm.id, host=named, why=why),))


def no_place(inventory: Inventory, vm: Vm, choice: Choice, rules: Rulebook = NO_RULES) -> NoPlan:
    """Return the error that says why a VM has no place, each host with its reason.

    Hosts of the VM's own pool come first; where only others have room, the hint names them.
    """
    if not choice.refused:
        return no_plan(reason("no.other-host", vm=vm.name), reason("hint.add-host"), [])
    refused = sorted(choice.refused, key=lambda entry: entry.why.code == OTHER_POOL)
    against = [(inventory.hosts[entry.host].name, entry.why) for entry in refused]
    first = tuple(reason("no.place-of", host=name, why=why) for name, why in against[:_NAMED])
    more = len(against) - _NAMED
    why = reason("no.place", vm=vm.name, refusals=first)
    if more > 0:
        why = reason("no.place-more", vm=vm.name, refusals=first, more=more)
    named = [(plain(name), why) for name, why in against]
    pools = pools_with_room(inventory, vm, rules, refused)
    hint = reason("hint.other-pool", pools=pools) if pools else reason("hint.free-memory")
    return no_plan(why, hint, named)


def wished(wish: VmWish) -> Vm:
    """Return a VM as it will be once it is made."""
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
        tags=wish.tags,
    )


def start_after(create: Step, wish: VmWish, host: HostId) -> Step:
    """Return the step that starts a VM once it is made."""
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


def _creating(names: list[str]) -> Reason:
    if len(names) <= _NAMED:
        return reason("aim.create", vms=tuple(names))
    return reason("aim.create-many", first=names[0], last=names[-1], count=len(names))
