"""Empty a host so that it can be serviced or switched off."""

from msgspec.structs import replace

from anypool.errors import Conflict, NoPlan
from anypool.model import Host, HostId, HostState, Inventory, Vm, VmState
from anypool.plan import (
    EnterMaintenance,
    HostOpen,
    MemoryFree,
    MigrateVm,
    Plan,
    Proven,
    Reason,
    Refusal,
    Step,
    VmIs,
    digest,
    plain,
    reason,
    refuse,
    say,
)
from anypool.planner import cancel
from anypool.planner.place import Choice, Wanted, choose, pinned, pools_with_room, refusal
from anypool.planner.rules import NO_RULES, Rulebook

SEARCH_NODES = 2000
SEARCH_LOOKS = 200_000
"""So often at most a search asks whether a VM fits on a host: some seconds."""
Stuck = tuple[str, Reason, Reason]
"""The name of a VM that finds no place, where, and why not."""

MOVABLE = frozenset({VmState.RUNNING, VmState.PAUSED})


def plan_evacuation(
    inventory: Inventory, host_id: HostId, rules: Rulebook = NO_RULES, *, tight: bool = False
) -> Plan:
    """Return the moves that empty a host, largest VM first, then its maintenance.

    Stopped VMs stay defined where they are. With `tight` the fullest hosts are filled first.
    Raises `Conflict` if the host is not up, `NoPlan` with every VM that cannot leave and
    each host's reason against it.
    """
    host = inventory.host(host_id)
    if host.state is not HostState.UP:
        why = reason("is.host", host=host.name, state=host.state)
        raise refuse(Conflict, why, reason("hint.answer"))
    if host.maintenance:
        raise refuse(Conflict, reason("is.maintenance-already", host=host.name))
    running = inventory.holding(host_id)
    stuck = [
        (vm.name, plain(vm.name), bound)
        for vm in running
        if (bound := pinned(inventory, vm) or rules.pinned(vm.id)) is not None
    ]
    homes = _homes(inventory, host_id, running, rules, tight) if not stuck else None
    if homes is None:
        stranded = _stranded(inventory, host_id, running, rules)
        stuck += _told(inventory, stranded)
        names = tuple(sorted({name for name, _, _ in stuck}))
        against = [(where, what) for _, where, what in stuck]
        why = reason("no.evacuation", host=host.name, vms=names)
        raise no_plan(why, _hint(inventory, stranded, rules), against)
    steps = [move_step(number, vm, host_id, choice) for number, (vm, choice) in enumerate(homes, 1)]
    rejected = [entry for _, choice in homes for entry in choice.refused]
    steps.append(_close(len(steps) + 1, host_id, host.name))
    aim = reason("aim.evacuate", host=host.name)
    return Plan(
        goal=say(aim),
        aim=aim,
        steps=tuple(steps),
        rejected=tuple(rejected),
        based_on=digest(inventory),
        bounds=(Proven(what="moves", reached=len(homes), bound=len(running)),),
    )


Homes = list[tuple[Vm, Choice]]


def assign(
    inventory: Inventory, source: HostId, vms: list[Vm], rules: Rulebook = NO_RULES
) -> Homes | None:
    """Return a home for every VM, largest first, or None if there is none.

    Spreading to the emptiest hosts is tried first; where it gets stuck, a depth-first
    search over the tightest fits decides (up to `SEARCH_NODES` placements, less among very
    many hosts). A VM that no host would take, were it alone, ends it at once.
    """
    order = _in_order(vms)
    homes, stuck = _spread(inventory, source, order, rules)
    return homes if not stuck else _search(inventory, source, order, rules)


def _homes(
    inventory: Inventory, source: HostId, vms: list[Vm], rules: Rulebook, tight: bool
) -> Homes | None:
    if tight and (found := _search(inventory, source, _in_order(vms), rules)) is not None:
        return found
    return assign(inventory, source, vms, rules)


def _in_order(vms: list[Vm]) -> list[Vm]:
    return sorted(vms, key=lambda vm: (-vm.memory_mib, vm.name, vm.id))


def _wanted(rules: Rulebook, source: HostId, after: list[Vm]) -> Wanted:
    leaving = frozenset(vm.id for vm in after)
    return Wanted(rules=rules, leaving=leaving, avoid=frozenset({source}))


def _spread(
    inventory: Inventory, source: HostId, order: list[Vm], rules: Rulebook
) -> tuple[Homes, Homes]:
    """Return the VMs that found a home in their turn, and those that did not."""
    world, homes, stuck = inventory, Homes(), Homes()
    for index, vm in enumerate(order):
        choice = choose(world, vm, _wanted(rules, source, order[index + 1 :]))
        (stuck if choice.host is None else homes).append((vm, choice))
        if choice.host is not None:
            world = world.with_vm(replace(vm, host=choice.host))
    return homes, stuck


def _search(inventory: Inventory, source: HostId, order: list[Vm], rules: Rulebook) -> Homes | None:
    others = [host for key, host in sorted(inventory.hosts.items()) if key != source]
    if any(_is_hopeless(inventory, vm, others) for vm in order):
        return None
    most = min(SEARCH_NODES, SEARCH_LOOKS // max(1, len(others)))
    nodes = 0

    def place(world: Inventory, index: int) -> Homes | None:
        nonlocal nodes
        if index == len(order):
            return []
        vm = order[index]
        needs = rules.needs(world, vm, frozenset(later.id for later in order[index + 1 :]))
        refused = {h.id: refusal(world, vm, h) or needs.refusal(h) for h in others}
        fits = [host.id for host in others if refused[host.id] is None]
        for host in sorted(fits, key=lambda key: (world.memory_free_mib(key), key)):
            cancel.check()
            nodes += 1
            if nodes > most:
                return None
            rest = place(world.with_vm(replace(vm, host=host)), index + 1)
            if rest is not None:
                entries = (
                    Refusal(vm=vm.id, host=key, why=why)
                    for key, why in refused.items()
                    if why is not None
                )
                why = reason("place.tight")
                return [(vm, Choice(host=host, why=why, refused=tuple(entries))), *rest]
        return None

    return place(inventory, 0)


def _is_hopeless(inventory: Inventory, vm: Vm, others: list[Host]) -> bool:
    """Return whether no host takes a VM before anything moved: later they have less room."""
    return all(refusal(inventory, vm, host) is not None for host in others)


def homeless(inventory: Inventory, source: HostId, vms: list[Vm], rules: Rulebook) -> list[Stuck]:
    """Return why each VM that finds no place in its turn is refused by each other host."""
    return _told(inventory, _stranded(inventory, source, vms, rules))


def _stranded(inventory: Inventory, source: HostId, vms: list[Vm], rules: Rulebook) -> Homes:
    able = [vm for vm in vms if (pinned(inventory, vm) or rules.pinned(vm.id)) is None]
    return _spread(inventory, source, _in_order(able), rules)[1]


def _told(inventory: Inventory, stranded: Homes) -> list[Stuck]:
    return [entry for vm, choice in stranded for entry in _refusals(inventory, vm, choice)]


def _hint(inventory: Inventory, stranded: Homes, rules: Rulebook) -> Reason:
    """Return what to do next: where each VM has room in another pool, that is a person's choice."""
    found = [pools_with_room(inventory, vm, rules, choice.refused) for vm, choice in stranded]
    if not found or not all(found):
        return reason("hint.make-room")
    return reason("hint.other-pool", pools=tuple(sorted({pool for some in found for pool in some})))


def move_step(number: int, vm: Vm, source: HostId, choice: Choice) -> Step:
    """Return the step that moves a VM to the host that was chosen for it."""
    assert choice.host is not None
    assert choice.why is not None
    return Step(
        number=number,
        action=MigrateVm(vm=vm.id, source=source, target=choice.host),
        why=choice.why,
        valid_while=(
            VmIs(vm=vm.id, host=source, states=MOVABLE),
            HostOpen(host=choice.host),
            MemoryFree(host=choice.host, memory_mib=vm.memory_mib),
        ),
    )


def _close(number: int, host: HostId, name: str) -> Step:
    moves = frozenset(range(1, number))
    why = reason("evacuate.closed") if moves else reason("evacuate.already", host=name)
    return Step(number=number, action=EnterMaintenance(host=host), why=why, after=moves)


def _refusals(inventory: Inventory, vm: Vm, choice: Choice) -> list[Stuck]:
    if not choice.refused:
        return [(vm.name, plain(vm.name), reason("place.no-other"))]
    hosts = inventory.hosts
    return [
        (
            vm.name,
            reason("plan.place", vm=vm.name, host=hosts[entry.host].name),
            entry.why,
        )
        for entry in choice.refused
    ]


def no_plan(why: Reason, hint: Reason, against: list[tuple[Reason, Reason]]) -> NoPlan:
    """Return the error that says why there is no plan, with what is against each candidate."""
    refusals = {say(where): say(what) for where, what in against}
    return refuse(NoPlan, why, hint, refusals=refusals, against=tuple(against))
