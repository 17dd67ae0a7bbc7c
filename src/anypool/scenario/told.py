"""A played scenario as text: the plans as people read them, and how everything is afterwards."""

from collections.abc import Iterable, Iterator
from typing import TypeVar

from anypool.errors import AnypoolError, NoPlan
from anypool.model import (
    HOLDS_MEMORY,
    Claim,
    Failover,
    Host,
    HostState,
    Inventory,
    Server,
    Vm,
    VmId,
)
from anypool.model.units import format_mib
from anypool.plan import Reason, names_in, names_of, render, say
from anypool.plan.check import violations
from anypool.plan.rulecheck import breaches
from anypool.planner.failover import spares, told
from anypool.scenario.event import QUESTIONS
from anypool.scenario.play import Happening, Played
from anypool.scenario.racks import told_of

R = TypeVar("R", Host, Vm)


def plan_text(played: Played) -> str:
    """Return every event with the plan made for it, or why there is none; ends with a newline."""
    parts = [happening_text(one, played.world.inventory) for one in played.happenings]
    return "\n\n".join(parts) + "\n"


def happening_text(one: Happening, inventory: Inventory) -> str:
    """Return one event as it went, as lines."""
    lines = [f"{one.number}. {one.text}"]
    if one.plan is not None:
        lines += render(one.plan, names_of(one.plan, inventory)).splitlines()
    if one.refused is not None:
        lines += _refused(one.refused)
    return "\n".join([*lines, *one.notes])


def outcome_text(played: Played) -> str:
    """Return where everything is afterwards, what is broken then, and what was refused."""
    inventory = played.world.inventory
    sections = (
        ("Hosts", [_host(host, inventory) for host in _by_name(inventory.hosts.values())]),
        ("VMs", [_vm(vm, inventory) for vm in _by_name(inventory.vms.values())]),
        ("Servers", [told_of(one, inventory) for one in _servers(inventory)]),
        ("Policies", list(_policies(played))),
        ("Wrong", sorted(map(say, violations(inventory)))),
        ("Refused", list(_refusals(played))),
    )
    parts = [
        "\n".join([f"{title}:", *(f"  {line}" for line in lines)])
        for title, lines in sections
        if lines
    ]
    return "\n".join(parts) + "\n"


def _servers(inventory: Inventory) -> list[Server]:
    return sorted(inventory.servers.values(), key=lambda one: (one.name, one.id))


def _refused(error: AnypoolError) -> list[str]:
    lines = [f"Refused: {error.message}"]
    if isinstance(error, NoPlan):
        lines += [f"     {where}: {why}" for where, why in error.refusals.items()]
    return [*lines, f"     hint: {error.hint}"] if error.hint else lines


def _host(host: Host, inventory: Inventory) -> str:
    held = inventory.claims.get(host.id, Claim())
    running = sum(inventory.vms[vm].state in HOLDS_MEMORY for vm in held.vms)
    words = [str(host.state)] if host.state is not HostState.UP else []
    words += ["in maintenance"] if host.maintenance else []
    words += ["observe-only"] if host.observe_only else []
    words.append(f"{running} VM{'' if running == 1 else 's'}")
    words.append(f"{format_mib(held.memory_mib)} of {format_mib(host.memory_mib)}")
    return f"{host.name}: {', '.join(words)}"


def _vm(vm: Vm, inventory: Inventory) -> str:
    host = None if vm.host is None else inventory.hosts.get(vm.host)
    place = vm.host if host is None else host.name
    where = "nowhere" if place is None else f"on {place}"
    snapshots = "".join(f", snapshot {one.name}" for one in vm.snapshots)
    size = f"{format_mib(vm.memory_mib)}, {vm.vcpus} vCPU{'' if vm.vcpus == 1 else 's'}"
    return f"{vm.name}: {vm.state} {where}, {size}{snapshots}{_devices(vm)}"


def _devices(vm: Vm) -> str:
    """Return the disks and adapters of a VM that has not one of each, as most have."""
    disks = ", ".join(f"{disk.target} on {disk.datastore or 'no datastore'}" for disk in vm.disks)
    nics = ", ".join(f"{nic.mac} in {nic.network}" for nic in vm.nics)
    usual = (len(vm.disks), len(vm.nics)) == (1, 1)
    return "" if usual else f", disks: {disks or 'none'}, adapters: {nics or 'none'}"


def _policies(played: Played) -> Iterator[str]:
    world = played.world
    inventory, bounds = world.inventory, world.rules().bounds
    found = breaches(inventory, bounds)
    spared = {one.policy: told(one, inventory) for one in spares(inventory, bounds)}
    for policy in sorted(world.policies, key=lambda one: one.id):
        if not policy.enabled:
            yield f"{policy.id}: off"
            continue
        if isinstance(policy.rule, Failover):
            yield say(spared[policy.id]).removeprefix("policy ")
            continue
        broken = [", ".join(_who(why, world.inventory)) for why in found.get(policy.id, ())]
        yield f"{policy.id}: {'broken by ' + '; '.join(broken) if broken else 'kept'}"


def _who(why: Reason, inventory: Inventory) -> Iterator[str]:
    """Yield the names of those by whom a rule is broken."""
    name, who = names_in(inventory), dict(why.facts)["who"]
    assert isinstance(who, tuple)
    yield from (name(VmId(one)) for one in who if isinstance(one, str))


def _refusals(played: Played) -> Iterator[str]:
    for one in played.happenings:
        if one.refused is not None:
            yield f"{one.number}. {one.text}: {one.refused.message}"
        for note in () if one.verb in QUESTIONS else one.notes:
            yield f"{one.number}. {one.text}: {note}"


def _by_name(records: Iterable[R]) -> list[R]:
    return sorted(records, key=lambda record: (record.name, record.id))
