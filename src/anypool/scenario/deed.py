"""What somebody asks for, as the plans that the real planners make of it."""

from collections.abc import Callable
from typing import NamedTuple

from msgspec.structs import replace

from anypool.errors import Conflict, Invalid
from anypool.model import (
    DatastoreId,
    DiskWish,
    EndpointId,
    HostId,
    Inventory,
    NetworkId,
    Nic,
    PolicyId,
    RolloutWish,
    Service,
    Trace,
    TraceKind,
    Vm,
    VmChange,
    VmId,
    VmWish,
)
from anypool.plan import (
    Action,
    AttachDisk,
    AttachNic,
    CreateSnapshot,
    DeleteSnapshot,
    DeleteVm,
    DetachDisk,
    DetachNic,
    EnterMaintenance,
    LeaveMaintenance,
    MigrateVm,
    PauseVm,
    Plan,
    PowerOffHost,
    PowerOnHost,
    ReconfigureVm,
    RenameVm,
    RestartVm,
    ResumeVm,
    RevertSnapshot,
    StartVm,
    Step,
    StopHow,
    StopVm,
    digest,
    plain,
    reason,
    refuse,
)
from anypool.planner import (
    plan_action,
    plan_create,
    plan_evacuation,
    plan_leave,
    plan_migrate,
    plan_service_start,
    plan_service_stop,
    plan_start,
)
from anypool.planner.fewest import Wish, plan_consolidation
from anypool.planner.pack import plan_packing
from anypool.planner.rebalance import Aim, plan_rebalance
from anypool.planner.rolling import forecast
from anypool.planner.saving import plan_saving, plan_wake_proof
from anypool.scenario.event import DEEDS, Event, event_of
from anypool.scenario.page import Item, instead
from anypool.scenario.power import order_of
from anypool.scenario.words import there, vm_of, words_of
from anypool.scenario.world import World

BY_HAND = ("by-hand", "plan-by-hand")
WHO = "the scenario"
_GIB = 1 << 30


class Asked(NamedTuple):
    """A deed with the world it is asked in."""

    world: World
    item: Item
    words: tuple[str, ...]

    @property
    def inventory(self) -> Inventory:
        """The pool of the moment."""
        return self.world.inventory

    def vm(self, name: str) -> Vm:
        """Return a VM by name or id; raise `Invalid` with the line if there is none."""
        vms = self.inventory.vms
        if (found := vms.get(VmId(name))) is not None:
            return found
        for vm in vms.values():
            if vm.name == name:
                return vm
        raise self.item.wrong(
            f"there is no VM {name!r} now", hint=instead(name, (vm.name for vm in vms.values()))
        )

    def host(self, name: str) -> HostId:
        """Return the id of a host by name or id; raise `Invalid` with the line."""
        hosts = self.inventory.hosts
        for host in hosts.values():
            if name in (host.name, host.id):
                return host.id
        names = [host.name for host in hosts.values()]
        raise self.item.wrong(f"there is no host {name!r} now", hint=instead(name, names))

    def after(self, word: str) -> str:
        """Return the word that follows `word`, "" if it is not there; raise `Invalid`."""
        if word not in self.words:
            return ""
        at = self.words.index(word)
        if at + 1 == len(self.words):
            raise self.item.wrong(f"nothing follows {word!r}", hint=f"such as {word} h1")
        return self.words[at + 1]

    def place(self) -> HostId:
        """Return the host after `on`, or the one the VM is on; raise `Conflict` for neither."""
        if name := self.after("on"):
            return self.host(name)
        vm = self.vm(self.words[0])
        if vm.host is None:
            raise refuse(Conflict, reason("is.nowhere", vm=vm.name))
        return vm.host

    def service(self) -> Service:
        """Return the service that is named; raise `Invalid` with the line."""
        for service in self.world.services:
            if service.id == self.words[0]:
                return service
        names = [str(service.id) for service in self.world.services]
        hint = instead(self.words[0], names) if names else "the pool file has no services"
        raise self.item.wrong(f"there is no service {self.words[0]!r}", hint=hint)


def plan_of(world: World, event: Event) -> Plan:
    """Return the plan for a deed; raise what its planner raises, `Invalid` for a bad name."""
    if event.verb in BY_HAND:
        return _by_hand(world, event.item)
    asked = Asked(world, event.item, event.words)
    if event.verb in _PLANNERS:
        return _PLANNERS[event.verb](asked)
    return plan_action(world.inventory, action_of(asked, event.verb), WHO, world.rules())


def _create(asked: Asked) -> Plan:
    lines = [part.split() for part in " ".join(asked.words).split(", ") if part.strip()]
    hosts = {line[line.index("on") + 1] for line in lines if "on" in line[:-1]}
    if len(hosts) > 1:
        raise asked.item.wrong("VMs of one plan go to one host, or to the best ones")
    wishes = tuple(_wish(asked, line) for line in lines)
    return plan_create(
        asked.inventory,
        wishes,
        asked.world.rules(),
        host=asked.host(hosts.pop()) if hosts else None,
        start=not any("stopped" in line for line in lines),
    )


def _wish(asked: Asked, line: list[str]) -> VmWish:
    if "on" in line:
        at = line.index("on")
        line = line[:at] + line[at + 2 :]
    if not line:
        raise asked.item.wrong("a name is wanted", hint="create web3 2GiB on h1")
    vm = vm_of(line[0], asked.item, " ".join(line[1:]), asked.world)
    disks = tuple(
        DiskWish(
            target=disk.target, datastore=disk.datastore, size_bytes=10 * _GIB, volume=disk.volume
        )
        for disk in vm.disks
        if disk.datastore is not None
    )
    return VmWish(
        id=vm.id,
        name=vm.name,
        vcpus=vm.vcpus,
        memory_mib=vm.memory_mib,
        cpu_model=vm.cpu_model,
        disks=disks,
        nics=vm.nics,
        tags=vm.tags,
    )


def _migrate(asked: Asked) -> Plan:
    to = asked.after("to")
    vm = asked.vm(asked.words[0])
    target = asked.host(to) if to else None
    return plan_migrate(asked.inventory, vm.id, asked.world.rules(), target=target)


_SWITCHES = ("across", "shut-down", "ignore-failover", "stay")


def _maintain(asked: Asked) -> Plan:
    """Return the forecast of a rolling maintenance: every wave of it, in one plan."""
    most, kind = asked.after("together"), asked.after("apart")
    if most and not most.isdigit():
        raise asked.item.wrong(f"{most!r} is no number of hosts", hint="together 2")
    own = ("together", most, "apart", kind, *_SWITCHES)
    names = [word for word in asked.words if word not in own]
    wish = RolloutWish(
        hosts=tuple(asked.host(name) for name in names),
        max_hosts=int(most or 1),
        domain=kind or "rack",
        put_back="stay" not in asked.words,
        across="across" in asked.words,
        shut_down="shut-down" in asked.words,
        waive="ignore-failover" in asked.words,
    )
    return forecast(asked.inventory, wish, "of the scenario", asked.world.rules()).plan


def _balance(asked: Asked) -> Plan:
    """Return the moves that make the hosts of a pool alike, as `anypool pool balance` does."""
    inventory, rules = asked.inventory, asked.world.rules()
    name = asked.words[0] if asked.words else "default"
    hosts = frozenset(host.id for host in inventory.hosts.values() if host.pool == name)
    if not hosts:
        names = [host.pool for host in inventory.hosts.values()]
        raise asked.item.wrong(f"there is no pool {name!r}", hint=instead(name, names))
    alone = rules.left_alone(inventory.vms)
    aim = Aim(hosts=hosts, name=name, rules=rules, usages=asked.world.usages, left_alone=alone)
    return plan_rebalance(inventory, aim)


def _save_power(asked: Asked) -> Plan:
    """Return which host is closed or woken, as `anypool pool save-power` does."""
    rules = asked.world.rules()
    try:
        order = order_of(asked.words, asked.inventory, rules, dict(asked.world.usages))
    except Invalid as error:
        raise asked.item.wrong(error.message, hint=error.hint) from error
    return plan_saving(asked.inventory, order, rules)


def _leave(asked: Asked) -> Plan:
    """Return how an endpoint is left where all that is there bears traces of ours."""
    inventory, endpoint = asked.inventory, EndpointId(asked.words[0])
    knowing: dict[DatastoreId, set[EndpointId]] = {}
    for host in inventory.hosts.values():
        for store in host.datastores:
            knowing.setdefault(store, set()).add(host.endpoint)
    for key, who in knowing.items():
        inventory = inventory.with_datastore(
            replace(inventory.datastores[key], endpoints=frozenset(who))
        )
    traces = [
        Trace(kind=TraceKind.MARKER, name="marker", datastore=key, place=key)
        for key in sorted(knowing)
        if endpoint in knowing[key]
    ]
    for vm in sorted(inventory.vms.values(), key=lambda one: one.id):
        if vm.host is not None and inventory.host(vm.host).endpoint == endpoint:
            traces.append(Trace(kind=TraceKind.VM, name=vm.name, vm=vm.id))
            traces += [
                Trace(kind=TraceKind.SNAPSHOT, name=one.name, place=vm.name, vm=vm.id)
                for one in vm.snapshots
            ]
    return plan_leave(inventory, endpoint, traces)


def _consolidate(asked: Asked) -> Plan:
    failures, headroom = (asked.after(word) or "0" for word in ("survive", "headroom"))
    if not (failures.isdecimal() and headroom.isdecimal() and int(headroom) < 100):
        raise asked.item.wrong("failures and percents are numbers", hint="consolidate survive 1")
    rules = asked.world.rules()
    wish = Wish(
        hosts=frozenset(asked.inventory.hosts),
        name="the pool",
        rules=rules,
        curves=asked.world.curves,
        failures=int(failures),
        headroom_percent=float(headroom),
        left_alone=rules.left_alone(asked.inventory.vms),
        close="closing" in asked.words,
    )
    return plan_consolidation(asked.inventory, wish)


_PLANNERS: dict[str, Callable[[Asked], Plan]] = {
    "create": _create,
    "migrate": _migrate,
    "start": lambda a: plan_start(a.inventory, a.vm(a.words[0]).id, a.world.rules()),
    "evacuate": lambda a: plan_evacuation(a.inventory, a.host(a.words[0]), a.world.rules()),
    "maintain": _maintain,
    "balance": _balance,
    "save-power": _save_power,
    "prove-wake": lambda a: plan_wake_proof(a.inventory, a.host(a.words[0]), a.world.rules()),
    "leave": _leave,
    "pack": lambda a: plan_packing(a.inventory, PolicyId(a.words[0]), a.world.rules()),
    "consolidate": _consolidate,
    "start-service": lambda a: plan_service_start(
        a.inventory, a.service(), a.world.members(a.service()), a.world.rules()
    ),
    "stop-service": lambda a: plan_service_stop(
        a.inventory, a.service(), a.world.members(a.service()), a.world.rules()
    ),
}


def _by_hand(world: World, item: Item) -> Plan:
    """Return the plan whose steps somebody wrote; nobody planned it, so the checker must judge."""
    steps: list[Step] = []
    for one in item.entries():
        event = event_of(one, one.text())
        if event.verb not in DEEDS:
            raise one.wrong(f"{event.text!r} is no step", hint="such as: migrate web1 to h2")
        action = action_of(Asked(world, one, event.words), event.verb)
        steps.append(Step(number=len(steps) + 1, action=action, why=reason("asked", who=WHO)))
    aim = plain("by hand")
    return Plan(goal="by hand", aim=aim, steps=tuple(steps), based_on=digest(world.inventory))


def action_of(asked: Asked, verb: str) -> Action:
    """Return the one action of a deed, on the host after `on` or where the VM is."""
    if verb in ("close", "open"):
        kind = EnterMaintenance if verb == "close" else LeaveMaintenance
        return kind(host=asked.host(asked.words[0]))
    if verb in ("switch-off", "switch-on"):
        switch = PowerOffHost if verb == "switch-off" else PowerOnHost
        return switch(host=asked.host(asked.words[0]))
    if verb not in _ACTIONS:
        raise asked.item.wrong(f"{verb} is no single step", hint=f"one of {', '.join(_ACTIONS)}")
    vm = asked.vm(asked.words[0])
    return _ACTIONS[verb](asked, vm.id, asked.place())


def _migration(asked: Asked, vm: VmId, host: HostId) -> Action:
    source = asked.after("from")
    return MigrateVm(
        vm=vm,
        source=asked.host(source) if source else host,
        target=asked.host(asked.after("to")),
    )


def _new_disk(asked: Asked) -> DiskWish:
    name, target, store = asked.words[:3]
    key = there(asked.item, store, asked.inventory.datastores, "datastore")
    volume = f"{name}-{target}.qcow2"
    return DiskWish(target=target, datastore=DatastoreId(key), size_bytes=10 * _GIB, volume=volume)


def _new_nic(asked: Asked) -> Nic:
    key = there(asked.item, asked.words[2], asked.inventory.networks, "network")
    return Nic(mac=asked.words[1], network=NetworkId(key))


def _resizing(asked: Asked, vm: VmId, host: HostId) -> Action:
    rest = " ".join(word for word in asked.words[1:] if word not in ("on", asked.after("on")))
    said = words_of(asked.item, rest, (), ())
    change = VmChange(vcpus=said.counts.get("v"), memory_mib=said.size_mib(0) or None)
    return ReconfigureVm(vm=vm, host=host, change=change)


_ACTIONS: dict[str, Callable[[Asked, VmId, HostId], Action]] = {
    "start": lambda _, vm, host: StartVm(vm=vm, host=host),
    "stop": lambda _, vm, host: StopVm(vm=vm, host=host),
    "power-off": lambda _, vm, host: StopVm(vm=vm, host=host, how=StopHow.POWER_OFF),
    "restart": lambda _, vm, host: RestartVm(vm=vm, host=host),
    "pause": lambda _, vm, host: PauseVm(vm=vm, host=host),
    "resume": lambda _, vm, host: ResumeVm(vm=vm, host=host),
    "delete": lambda _, vm, host: DeleteVm(vm=vm, host=host),
    "rename": lambda a, vm, host: RenameVm(vm=vm, host=host, name=a.words[1]),
    "resize": _resizing,
    "snapshot": lambda a, vm, host: CreateSnapshot(vm=vm, host=host, name=a.words[1]),
    "revert": lambda a, vm, host: RevertSnapshot(vm=vm, host=host, name=a.words[1]),
    "forget-snapshot": lambda a, vm, host: DeleteSnapshot(vm=vm, host=host, name=a.words[1]),
    "add-disk": lambda a, vm, host: AttachDisk(vm=vm, host=host, disk=_new_disk(a)),
    "drop-disk": lambda a, vm, host: DetachDisk(vm=vm, host=host, target=a.words[1]),
    "add-nic": lambda a, vm, host: AttachNic(vm=vm, host=host, nic=_new_nic(a)),
    "drop-nic": lambda a, vm, host: DetachNic(vm=vm, host=host, mac=a.words[1]),
    "migrate": _migration,
}
