"""An independent judge of inventories and plans.

It shares no code with the planners, the simulator or the indexes of the inventory: it
counts everything anew from the records, so that a mistake there is seen here. The
engine asks it before the first step of every plan, tests after every step.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator

from anypool.model import Bound, Inventory
from anypool.plan.action import (
    Action,
    AwaitReady,
    CreateSnapshot,
    CreateVm,
    DeleteVm,
    EnterMaintenance,
    EraseTrace,
    FenceHost,
    ForgetCopy,
    HandOver,
    LeaveMaintenance,
    MigrateVm,
    PowerOffHost,
    PowerOnHost,
    ReconfigureVm,
    RemoveCopy,
    RevertSnapshot,
    StartAfterFailure,
    StartVm,
    StopVm,
    VerifyHost,
    vm_of,
)
from anypool.plan.diskcheck import of_disks
from anypool.plan.markcheck import of_templates
from anypool.plan.plan import Plan
from anypool.plan.powercheck import of_capacity
from anypool.plan.reason import Reason, reason
from anypool.plan.rulecheck import of_rules
from anypool.plan.serveraction import JoinHost, LeaveHost, PowerOffServer, PowerOnServer
from anypool.plan.servercheck import of_addresses, of_servers, with_comers

_HOLDS = ("running", "paused", "suspended", "unknown")
_NAMED = ("place.chosen", "asked")
"""The reasons of steps whose host a person named."""


def violations(inventory: Inventory) -> frozenset[Reason]:
    """Return each rule an inventory breaks."""
    broken: set[Reason] = set()
    need: dict[str, int] = defaultdict(int)
    macs: dict[str, set[str]] = defaultdict(set)
    for vm in inventory.vms.values():
        for nic in vm.nics:
            macs[nic.mac].add(vm.id)
        if vm.host is None or vm.state not in _HOLDS:
            continue
        need[vm.host] += vm.memory_mib
        host = inventory.hosts.get(vm.host)
        if host is None:
            broken.add(reason("check.no-host", vm=vm.id, host=vm.host))
        elif host.maintenance:
            broken.add(reason("check.maintenance", vm=vm.id, host=vm.host))
    for host in inventory.hosts.values():
        if need[host.id] > host.usable_mib:
            broken.add(reason("check.overbooked", host=host.id))
    broken |= {
        reason("check.mac", mac=mac, count=len(vms)) for mac, vms in macs.items() if len(vms) > 1
    }
    return frozenset(broken) | frozenset(of_addresses(inventory))


def objections(
    plan: Plan, inventory: Inventory, bounds: tuple[Bound, ...] = ()
) -> tuple[Reason, ...]:
    """Return what speaks against running a plan on an inventory; empty if nothing does.

    Steps are judged in their order, which is one of the orders the engine may take. Of the
    rules `bounds` it matters what the plan would break that is not broken already.
    """
    known, inventory = inventory, with_comers(plan, inventory)
    return (
        *_of_places(plan, inventory),
        *_of_pools(plan, inventory),
        *_of_images(plan, inventory),
        *_of_twins(plan, inventory),
        *_of_platforms(plan, inventory),
        *of_disks(plan, inventory),
        *of_templates(plan, inventory),
        *(of_rules(plan, inventory, bounds) if bounds else ()),
        *of_capacity(plan, inventory, bounds),
        *of_servers(plan, known),
    )


def _of_places(plan: Plan, inventory: Inventory) -> tuple[Reason, ...]:
    ledger = _Ledger(inventory)
    ledger.closed |= {s.action.server for s in plan.steps if isinstance(s.action, JoinHost)}
    found: list[Reason] = []
    for step in plan.steps:
        match step.action:
            case MigrateVm(vm=vm, source=source, target=target):
                found += ledger.leave(vm, source) + ledger.arrive(vm, target, running=True)
            case StartVm(vm=vm, host=host):
                found += ledger.arrive(vm, host, running=True)
            case StopVm(vm=vm, host=host):
                found += ledger.leave(vm, host)
            case CreateVm(wish=wish, host=host):
                ledger.memory[wish.id] = wish.memory_mib
                found += ledger.arrive(wish.id, host, running=False)
            case EnterMaintenance(host=host):
                found += ledger.close(host)
            case LeaveMaintenance(host=host):
                found += ledger.open(host)
            case _:
                found += _lesser(step.action, ledger)
    return tuple(found)


def _of_pools(plan: Plan, inventory: Inventory) -> list[Reason]:
    """Return which VMs would leave their pool for a host that nobody named."""
    found: list[Reason] = []
    for step in plan.steps:
        if not isinstance(step.action, MigrateVm) or step.why.code in _NAMED:
            continue
        source = inventory.hosts.get(step.action.source)
        target = inventory.hosts.get(step.action.target)
        if source is not None and target is not None and source.pool != target.pool:
            facts = {"vm": step.action.vm, "host": target.id, "pool": target.pool}
            found.append(reason("check.pool", **facts))
    return found


def _of_platforms(plan: Plan, inventory: Inventory) -> Iterator[Reason]:
    """Yield each migration to a host that cannot run what the VM is made for."""
    for step in plan.steps:
        if not isinstance(step.action, MigrateVm):
            continue
        source = inventory.hosts.get(step.action.source)
        target = inventory.hosts.get(step.action.target)
        if source is not None and target is not None and source.platform != target.platform:
            yield reason("check.platform", vm=step.action.vm, host=target.id)


def _of_twins(plan: Plan, inventory: Inventory) -> tuple[Reason, ...]:
    """Return what would be done to a VM that nobody can tell from another one."""
    touched = dict.fromkeys(vm_of(step.action) for step in plan.steps)
    known = (inventory.vms.get(vm) for vm in touched if vm is not None)
    return tuple(reason("check.twins", vm=vm.id) for vm in known if vm is not None and vm.twins)


def _of_images(plan: Plan, inventory: Inventory) -> tuple[Reason, ...]:
    """Return what would write to the master of VMs, or delete it."""
    if not inventory.images:
        return ()
    masters = {
        copy.place: image.name
        for image in inventory.images.values()
        for version in image.versions
        for copy in version.copies
    }
    found: list[Reason] = []
    for step in plan.steps:
        match step.action:
            case StartVm(vm=vm) | CreateSnapshot(vm=vm) | RevertSnapshot(vm=vm):
                code = "check.writes-image"
            case DeleteVm(vm=vm, volumes=True):
                code = "check.is-image"
            case _:
                continue
        known = inventory.vms.get(vm)
        for disk in () if known is None else known.disks:
            image = masters.get((disk.datastore, disk.volume)) if disk.datastore else None
            if image is not None and not disk.readonly:
                found.append(reason(code, vm=vm, image=image))
    return tuple(found)


def _lesser(action: Action, ledger: "_Ledger") -> list[Reason]:
    """Return what speaks against an action that brings no VM anywhere."""
    match action:
        case AwaitReady(vm=vm, host=host):
            return ledger.runs_on(vm, host)
        case HandOver(host=host):
            return ledger.hand_over(host)
        case VerifyHost(host=host):
            return ledger.verify(host)
        case PowerOffHost(host=host):
            return ledger.power_off(host)
        case PowerOnHost(host=host):
            return ledger.power_on(host)
        case PowerOffServer(server=server) | PowerOnServer(server=server):
            return ledger.switch(server, on=isinstance(action, PowerOnServer))
        case EraseTrace(host=host, trace=trace):
            return ledger.reach(host, trace.vm, trace.name)
        case ReconfigureVm(vm=vm, change=change):
            return ledger.resize(vm, change.memory_mib)
        case _:
            return _of_failure(action, ledger)


def _of_failure(action: Action, ledger: "_Ledger") -> list[Reason]:
    """Return what speaks against an action by which a host joins or leaves, or after a failure."""
    match action:
        case JoinHost(server=host):
            return ledger.join(host)
        case LeaveHost(server=host):
            return ledger.part(host)
        case FenceHost(host=host):
            return ledger.fence(host)
        case StartAfterFailure():
            return ledger.start_after(action)
        case ForgetCopy(vm=vm, host=host, lives_on=lives_on):
            return ledger.forget(vm, host, lives_on)
        case RemoveCopy(vm=vm, host=host, keeps=keeps):
            return ledger.remove_copy(vm, host, keeps)
        case _:
            return []


class _Ledger:
    """Who runs where, and what is free, in plain dictionaries."""

    def __init__(self, inventory: Inventory) -> None:
        self.memory: dict[str, int] = {vm.id: vm.memory_mib for vm in inventory.vms.values()}
        self.runs: dict[str, str] = {}
        self.free: dict[str, int] = {}
        self.closed: set[str] = set()
        self.stopped: Counter[str] = Counter()
        self.handed: set[str] = set()
        self.off: set[str] = set()
        self.up: set[str] = set()
        self.ours: set[str] = set()
        for host in inventory.hosts.values():
            self.free[host.id] = host.usable_mib
            if host.maintenance or host.state != "up":
                self.closed.add(host.id)
            if host.state == "up":
                self.up.add(host.id)
            if host.state == "off":
                self.off.add(host.id)
            if host.power_saved:
                self.ours.add(host.id)
        for vm in inventory.vms.values():
            if vm.host is not None and vm.state in _HOLDS:
                self.runs[vm.id] = vm.host
                if vm.host in self.free:
                    self.free[vm.host] -= vm.memory_mib
            elif vm.host is not None:
                self.stopped[vm.host] += 1

    def leave(self, vm: str, host: str) -> list[Reason]:
        if self.runs.get(vm) != host:
            return [reason("check.runs-not", vm=vm, host=host)]
        del self.runs[vm]
        self.free[host] += self.memory[vm]
        return []

    def arrive(self, vm: str, host: str, *, running: bool) -> list[Reason]:
        if host not in self.free:
            return [reason("check.host-gone", host=host)]
        found = [reason("check.closed", host=host)] if host in self.closed else []
        if not running:
            return found
        if vm in self.runs:
            found.append(reason("check.twice", vm=vm, host=self.runs[vm]))
        self.runs[vm] = host
        self.free[host] -= self.memory.get(vm, 0)
        if self.free[host] < 0:
            found.append(reason("check.overbooked-by", host=host, short=-self.free[host]))
        return found

    def resize(self, vm: str, memory_mib: int | None) -> list[Reason]:
        if memory_mib is None:
            return []
        more, self.memory[vm] = memory_mib - self.memory.get(vm, 0), memory_mib
        if (host := self.runs.get(vm)) is None:
            return []
        self.free[host] -= more
        short = -self.free[host]
        return [reason("check.overbooked-by", host=host, short=short)] if more > 0 < short else []

    def runs_on(self, vm: str, host: str) -> list[Reason]:
        if self.runs.get(vm) == host:
            return []
        return [reason("check.runs-not", vm=vm, host=host)]

    def reach(self, host: str, vm: str | None, name: str) -> list[Reason]:
        if host not in self.free:
            return [reason("check.host-gone", host=host)]
        elsewhere = vm is not None and self.runs.get(vm, host) != host
        return [reason("check.runs-not", vm=name, host=host)] if elsewhere else []

    def open(self, host: str) -> list[Reason]:
        self.closed.discard(host)
        if host in self.off:
            return [reason("check.opened-off", host=host)]
        return [reason("check.unverified", host=host)] if host in self.handed else []

    def join(self, host: str) -> list[Reason]:
        """Take a host as open: it joins only once it answers, so it is seen up."""
        self.closed.discard(host)
        self.handed.discard(host)
        return []

    def part(self, host: str) -> list[Reason]:
        found = [] if host in self.closed else [reason("check.leaves-open", server=host)]
        left = self.stopped[host] + sum(place == host for place in self.runs.values())
        self.free.pop(host, None)
        return [*found, reason("check.leaves-vms", server=host, count=left)] if left else found

    def hand_over(self, host: str) -> list[Reason]:
        self.handed.add(host)
        if host not in self.free:
            return [reason("check.host-gone", host=host)]
        if host not in self.closed:
            return [reason("check.handed-open", host=host)]
        runs = host in self.runs.values()
        return [reason("check.unserviced", host=host)] if runs else []

    def verify(self, host: str) -> list[Reason]:
        self.handed.discard(host)
        return [] if host in self.free else [reason("check.host-gone", host=host)]

    def power_off(self, host: str) -> list[Reason]:
        if host not in self.free:
            return [reason("check.host-gone", host=host)]
        found = [] if host in self.closed else [reason("check.off-open", host=host)]
        if host in self.off:
            found.append(reason("check.not-ours", host=host))
        self.off.add(host)
        self.ours.add(host)
        left = sorted(vm for vm, place in self.runs.items() if place == host)
        return [*found, *(reason("check.still-runs", vm=vm, host=host) for vm in left)]

    def power_on(self, host: str) -> list[Reason]:
        known = host in self.off and host in self.ours
        self.off.discard(host)
        self.handed.add(host)
        return [] if known else [reason("check.not-ours", host=host)]

    def switch(self, server: str, *, on: bool) -> list[Reason]:
        """Take a server that is a host as off, or as on and not seen up yet."""
        if server in self.free:
            (self.off.discard if on else self.off.add)(server)
            self.handed |= {server} if on else set()
        return []

    def fence(self, host: str) -> list[Reason]:
        if host not in self.free:
            return [reason("check.host-gone", host=host)]
        self.off.add(host)
        return [reason("check.fences-alive", host=host)] if host in self.up else []

    def start_after(self, action: StartAfterFailure) -> list[Reason]:
        vm, home = action.vm, action.home
        about = getattr(action.proof, "vm", vm), action.proof.host
        found = [] if about == (vm, home) else [reason("check.unproven", vm=vm, host=home)]
        if action.host == home:
            found.append(reason("check.starts-at-home", vm=vm, host=home))
        if self.runs.get(vm, home) != home:
            return [*found, reason("check.twice", vm=vm, host=self.runs[vm])]
        if self.runs.pop(vm, None) is not None:
            self.free[home] = self.free.get(home, 0) + self.memory[vm]
        return found + self.arrive(vm, action.host, running=True)

    def forget(self, vm: str, host: str, lives_on: str) -> list[Reason]:
        if host == lives_on or self.runs.get(vm) != lives_on:
            return [reason("check.runs-not", vm=vm, host=lives_on)]
        return []

    def remove_copy(self, vm: str, host: str, keeps: str) -> list[Reason]:
        found = [] if host != keeps else [reason("check.only-copy", vm=vm, host=host)]
        if host not in self.up or keeps not in self.up:
            found.append(reason("check.host-gone", host=keeps if host in self.up else host))
        if self.runs.get(vm) == host:
            found.append(reason("check.still-runs", vm=vm, host=host))
        return found

    def close(self, host: str) -> list[Reason]:
        self.closed.add(host)
        left = sorted(vm for vm, place in self.runs.items() if place == host)
        return [reason("check.still-runs", vm=vm, host=host) for vm in left]
