"""What happens without us: hosts die and come back, others change things, policies change."""

from collections.abc import Callable

from msgspec.structs import replace

from anypool.errors import Conflict, Invalid
from anypool.model import Host, HostId, HostState, PolicyId, Power, Vm, VmState
from anypool.plan import reason, refuse
from anypool.planner.rules import bind, contradiction
from anypool.scenario.deed import Asked
from anypool.scenario.event import Event
from anypool.scenario.page import instead
from anypool.scenario.pool import policy_of, sound
from anypool.scenario.racks import with_power
from anypool.scenario.words import host_of, vm_of
from anypool.scenario.world import World


def happened(world: World, event: Event) -> World:
    """Return the world after an event that no plan is made for; raise `Conflict` or `Invalid`."""
    if event.verb == "add-policy":
        return _add_policy(world, event)
    return _HAPPENINGS[event.verb](Asked(world, event.item, event.words))


def _dies(asked: Asked) -> World:
    """A host does not answer: what it ran may still run, and nobody knows."""
    host = asked.inventory.host(asked.host(asked.words[0]))
    there = asked.inventory.vms_on(host.id)
    silent = {vm.id: replace(vm, state=VmState.UNKNOWN) for vm in there}
    inventory = asked.inventory.with_host(replace(host, state=HostState.UNKNOWN))
    asleep = (*(vm for vm in asked.world.asleep if vm.id not in silent), *there)
    return replace(asked.world, inventory=inventory.patched_vms(silent), asleep=asleep)


def _answers(asked: Asked) -> World:
    """A host answers again, and its VMs are as they were; not those that run elsewhere by now."""
    host = asked.inventory.host(asked.host(asked.words[0]))
    mine = {vm.id: vm for vm in asked.world.asleep if vm.host == host.id}
    vms = asked.inventory.vms
    awake = {key: vm for key, vm in mine.items() if key in vms and vms[key].host == host.id}
    inventory = asked.inventory.with_host(replace(host, state=HostState.UP))
    asleep = tuple(vm for vm in asked.world.asleep if vm.id not in mine)
    return replace(asked.world, inventory=inventory.patched_vms(awake), asleep=asleep)


def _is_off(asked: Asked) -> World:
    """Somebody saw that a host has no power: nothing runs there."""
    host = asked.inventory.host(asked.host(asked.words[0]))
    down = {vm.id: replace(vm, state=VmState.STOPPED) for vm in asked.inventory.vms_on(host.id)}
    inventory = asked.inventory.with_host(replace(host, state=HostState.OFF))
    asleep = tuple(vm for vm in asked.world.asleep if vm.id not in down)
    return replace(asked.world, inventory=inventory.patched_vms(down), asleep=asleep)


def _joins(asked: Asked) -> World:
    name, *words = asked.words
    if HostId(name) in asked.inventory.hosts:
        raise asked.item.wrong(f"there is a host {name!r} already")
    host: Host = host_of(name, asked.item, " ".join(words), asked.world)
    return replace(asked.world, inventory=asked.inventory.with_host(host))


def _leaves(asked: Asked) -> World:
    host = asked.host(asked.words[0])
    return replace(asked.world, inventory=asked.inventory.without_host(host))


def _crashes(asked: Asked) -> World:
    return _with_vm(asked, replace(asked.vm(asked.words[0]), state=VmState.CRASHED))


def _appears(asked: Asked) -> World:
    name, *words = asked.words
    return _with_vm(asked, vm_of(name, asked.item, " ".join(words), asked.world))


def _disappears(asked: Asked) -> World:
    vm = asked.vm(asked.words[0])
    return replace(asked.world, inventory=asked.inventory.without_vm(vm.id))


def _moves(asked: Asked) -> World:
    vm = asked.vm(asked.words[0])
    return _with_vm(asked, replace(vm, host=asked.host(asked.words[1])))


def _is_tagged(asked: Asked) -> World:
    name, *words = asked.words
    strange = [word for word in words if word[0] not in "+-" or len(word) < 2]
    if strange:
        raise asked.item.wrong(f"{strange[0]!r} is no tag", hint="+web adds it, -web takes it away")
    plus = {word[1:] for word in words if word[0] == "+"}
    minus = {word[1:] for word in words if word[0] == "-"}
    for host in asked.inventory.hosts.values():
        if host.name == name:
            host = replace(host, tags=(host.tags | plus) - minus)
            return replace(asked.world, inventory=asked.inventory.with_host(host))
    vm = asked.vm(name)
    return _with_vm(asked, replace(vm, tags=(vm.tags | plus) - minus))


def _with_vm(asked: Asked, vm: Vm) -> World:
    return replace(asked.world, inventory=asked.inventory.with_vm(vm))


def _add_policy(world: World, event: Event) -> World:
    """Keep a policy as the manager would: not if it contradicts the others."""
    ((name, item),) = event.item.mapping().items()
    if any(policy.id == name for policy in world.policies):
        raise item.wrong(f"there is a policy {name!r} already", hint="choose another name")
    policy = policy_of(name, item)
    try:
        sound(policy, world)
    except Invalid as error:
        raise Conflict(error.message, hint=error.hint) from error
    return _possible(replace(world, policies=(*world.policies, policy)))


def _possible(world: World) -> World:
    found = contradiction(bind(world.policies, world.inventory), world.inventory)
    if found is None:
        return world
    vm = world.inventory.vms[found.vm].name
    why = reason("no.policy", policies=found.policies, vm=vm)
    raise refuse(Conflict, why, reason("hint.policies"))


def _drop(asked: Asked) -> World:
    wanted = _policy(asked)
    left = tuple(policy for policy in asked.world.policies if policy.id != wanted)
    return replace(asked.world, policies=left)


def _switched(asked: Asked, *, enabled: bool) -> World:
    wanted = _policy(asked)
    changed = tuple(
        replace(policy, enabled=enabled) if policy.id == wanted else policy
        for policy in asked.world.policies
    )
    return _possible(replace(asked.world, policies=changed))


def _policy(asked: Asked) -> PolicyId:
    names = [str(policy.id) for policy in asked.world.policies]
    if asked.words[0] not in names:
        hint = instead(asked.words[0], names) if names else "there are none"
        raise asked.item.wrong(f"there is no policy {asked.words[0]!r}", hint=hint)
    return PolicyId(asked.words[0])


_HAPPENINGS: dict[str, Callable[[Asked], World]] = {
    "dies": _dies,
    "answers": _answers,
    "is-off": _is_off,
    "joins": _joins,
    "leaves": _leaves,
    "crashes": _crashes,
    "appears": _appears,
    "disappears": _disappears,
    "moves": _moves,
    "is-tagged": _is_tagged,
    "loses-power": with_power(Power.OFF),
    "is-mute": with_power(Power.UNKNOWN),
    "drop-policy": _drop,
    "disable-policy": lambda asked: _switched(asked, enabled=False),
    "enable-policy": lambda asked: _switched(asked, enabled=True),
}
