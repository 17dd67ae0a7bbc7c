"""Empty a host so that it can be serviced or switched off."""

from msgspec.structs import replace

from anypool.errors import Conflict, NoPlan
from anypool.model import HOLDS_MEMORY, HostId, HostState, Inventory, Vm, VmState
from anypool.plan import (
    EnterMaintenance,
    HostOpen,
    MemoryFree,
    MigrateVm,
    Plan,
    Refusal,
    Step,
    VmIs,
    digest,
    reason,
    say,
)
from anypool.planner.place import Choice, choose, pinned, refusal

SEARCH_NODES = 2000
MOVABLE = frozenset({VmState.RUNNING, VmState.PAUSED})


def plan_evacuation(inventory: Inventory, host_id: HostId) -> Plan:
    """Return the moves that empty a host, largest VM first, then its maintenance.

    Stopped VMs stay defined where they are. Raises `Conflict` if the host is not up,
    `NoPlan` with every VM that cannot leave and each host's reason against it.
    """
    host = inventory.host(host_id)
    if host.state is not HostState.UP:
        raise Conflict(f"host {host.name} is {host.state}", hint="it must answer to be evacuated")
    if host.maintenance:
        raise Conflict(f"host {host.name} is in maintenance already")
    running = [vm for vm in inventory.vms_on(host_id) if vm.state in HOLDS_MEMORY]
    stuck = {vm.name: say(why) for vm in running if (why := pinned(inventory, vm)) is not None}
    homes = assign(inventory, host_id, running) if not stuck else None
    if homes is None:
        stuck |= _homeless(inventory, host_id, running)
        names = ", ".join(sorted({key.split(" on ")[0] for key in stuck}))
        raise NoPlan(
            f"{host.name} cannot be emptied: no place for {names}",
            hint="stop these VMs, free memory elsewhere or add a host",
            refusals=stuck,
        )
    steps = [_move(number, vm, host_id, choice) for number, (vm, choice) in enumerate(homes, 1)]
    rejected = [entry for _, choice in homes for entry in choice.refused]
    steps.append(_close(len(steps) + 1, host_id, host.name))
    return Plan(
        goal=f"evacuate {host.name}",
        steps=tuple(steps),
        rejected=tuple(rejected),
        based_on=digest(inventory),
    )


def assign(inventory: Inventory, source: HostId, vms: list[Vm]) -> list[tuple[Vm, Choice]] | None:
    """Return a home for every VM, largest first, or None if there is none.

    Spreading to the emptiest hosts is tried first; where it gets stuck, a depth-first
    search over the tightest fits decides (up to `SEARCH_NODES` placements).
    """
    order = sorted(vms, key=lambda vm: (-vm.memory_mib, vm.name, vm.id))
    world, homes = inventory, []
    for vm in order:
        choice = choose(world, vm, avoid=frozenset({source}))
        if choice.host is None:
            return _search(inventory, source, order)
        homes.append((vm, choice))
        world = world.with_vm(replace(vm, host=choice.host))
    return homes


def _search(
    inventory: Inventory, source: HostId, order: list[Vm]
) -> list[tuple[Vm, Choice]] | None:
    others = [host for key, host in sorted(inventory.hosts.items()) if key != source]
    nodes = 0

    def place(world: Inventory, index: int) -> list[tuple[Vm, Choice]] | None:
        nonlocal nodes
        if index == len(order):
            return []
        vm = order[index]
        refused = {host.id: refusal(world, vm, host) for host in others}
        fits = [host.id for host in others if refused[host.id] is None]
        for host in sorted(fits, key=lambda key: (world.memory_free_mib(key), key)):
            nodes += 1
            if nodes > SEARCH_NODES:
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


def _homeless(inventory: Inventory, source: HostId, vms: list[Vm]) -> dict[str, str]:
    """Return why each VM that finds no place in its turn is refused by each other host."""
    world, stuck = inventory, dict[str, str]()
    for vm in sorted(vms, key=lambda vm: (-vm.memory_mib, vm.name, vm.id)):
        if pinned(world, vm) is not None:
            continue
        choice = choose(world, vm, avoid=frozenset({source}))
        if choice.host is None:
            stuck |= _refusals(inventory, vm, choice)
        else:
            world = world.with_vm(replace(vm, host=choice.host))
    return stuck


def _move(number: int, vm: Vm, source: HostId, choice: Choice) -> Step:
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


def _refusals(inventory: Inventory, vm: Vm, choice: Choice) -> dict[str, str]:
    if not choice.refused:
        return {vm.name: "there is no other host"}
    return {
        f"{vm.name} on {inventory.hosts[entry.host].name}": say(entry.why)
        for entry in choice.refused
    }
