"""What a simulated hypervisor does to the life of a VM."""

from msgspec.structs import replace

from anypool.drivers.sim import migrate
from anypool.drivers.sim.records import SimCopy
from anypool.drivers.sim.state import State
from anypool.drivers.sim.usage import note_vm
from anypool.errors import Conflict, NotFound, Rejected
from anypool.model import (
    VM_ALIVE,
    VM_DOWN,
    HostId,
    LabelChange,
    StateReason,
    Vm,
    VmChange,
    VmId,
    VmState,
    field_of,
)


class Place:
    """One VM on one host, as an endpoint that sees `hosts` is asked about it."""

    def __init__(self, state: State, hosts: frozenset[HostId], vm: VmId, host: HostId) -> None:
        self.state = state
        self.hosts = hosts
        self.vm = vm
        self.host = host

    def elsewhere(self) -> tuple[HostId, ...]:
        """Return the other hosts of this endpoint that know the VM."""
        known = self.state.hosts_of(self.vm)
        return tuple(host for host in known if host != self.host and host in self.hosts)

    def find(self) -> Vm | None:
        """Return the VM as this host knows it, or None."""
        copy = self.state.copy(self.host, self.vm)
        return copy.vm if copy else None

    def get(self) -> Vm:
        """Return the VM; raise `Conflict` if it is elsewhere, `NotFound` if nowhere."""
        if (vm := self.find()) is not None:
            return vm
        if other := self.elsewhere():
            raise Conflict(
                f"VM {self.vm} is on {other[0]}, not on {self.host}",
                hint="observe it and plan again",
            )
        raise NotFound(f"there is no VM {self.vm} on {self.host}")

    def free(self) -> Vm:
        """Return the VM; raise `Rejected` while a migration holds it."""
        vm = self.get()
        move = self.state.moves.get(self.vm)
        if move and (self.host == move.source or move.phase in ("copy", "switch")):
            raise Rejected(f"{vm.name} is held by a migration")
        return vm

    def put(self, vm: Vm) -> None:
        """Change the VM on this host."""
        old = self.state.copy(self.host, self.vm)
        started = old.started_at if old else 0.0
        if vm.state not in VM_ALIVE:
            started = 0.0
        elif not started:
            started = self.state.now
        self.state.put_copy(self.host, self.vm, SimCopy(vm=vm, started_at=started))

    def set_state(self, to: VmState, reason: StateReason = StateReason.NONE) -> None:
        """Change only the VM's state."""
        self.put(replace(self.get(), state=to, reason=reason))

    def may_run(self) -> None:
        """Raise if the VM runs elsewhere, as far as this endpoint sees, or a disk is locked."""
        vm = self.get()
        for host in self.elsewhere():
            copy = self.state.copy(host, self.vm)
            if copy is not None and copy.vm.state in VM_ALIVE:
                raise Conflict(f"{vm.name} is {copy.vm.state} on {host}")
        if self.state.locked(self.vm, self.host):
            raise Rejected(f"{vm.name}: failed to get the write lock of a disk")


def start(place: Place) -> None:
    """Start a VM; quiet if it runs here."""
    vm = place.free()
    if vm.state is VmState.RUNNING:
        return
    if vm.state not in VM_DOWN:
        raise Conflict(f"{vm.name} is {vm.state}", hint="resume it instead")
    if vm.template:
        raise Conflict(f"{vm.name} is a template", hint="make a VM of it")
    place.may_run()
    need_memory(place.state, place.host, vm.memory_mib, vm.name)
    _boot(place)


def power_off(place: Place) -> None:
    """Stop a VM at once; quiet if it is stopped. A migration from here dies with it."""
    vm = place.get()
    if vm.state in VM_DOWN:
        return
    move = place.state.moves.get(place.vm)
    if move and move.phase in ("copy", "switch"):
        migrate.abandon(place.state, place.vm, StateReason.MIGRATION_FAILED)
        if place.host == move.target:
            return
    place.set_state(VmState.STOPPED)


def shut_down(place: Place) -> bool:
    """Ask the guest to stop; return whether it listens."""
    vm = place.free()
    if vm.state in VM_DOWN:
        return True
    guest = place.state.guests.get(place.vm)
    if vm.state is not VmState.RUNNING or (guest and (guest.deaf or guest.hung_at)):
        return False
    place.set_state(VmState.STOPPED)
    return True


def restart(place: Place) -> None:
    """Restart the guest of a VM that runs."""
    vm = place.free()
    if vm.state not in VM_ALIVE:
        raise Conflict(f"{vm.name} is {vm.state}, so it cannot be restarted")
    place.may_run()
    place.put(replace(vm, state=VmState.STOPPED))
    _boot(place)


def _boot(place: Place) -> None:
    """Let a guest begin; one that hung hangs no more."""
    note_vm(place.state, place.get())
    place.set_state(VmState.RUNNING)
    guest = place.state.guests.get(place.vm)
    if guest is not None and guest.hung_at:
        place.state.guests.put(place.vm, replace(guest, hung_at=0.0))


def pause(place: Place) -> None:
    """Stop the CPUs of a VM; quiet if they are stopped."""
    vm = place.free()
    if vm.state is VmState.PAUSED:
        return
    if vm.state is not VmState.RUNNING:
        raise Conflict(f"{vm.name} is {vm.state}, so it cannot be paused")
    place.set_state(VmState.PAUSED, StateReason.BY_USER)


def resume(place: Place) -> None:
    """Let a paused VM run on; quiet if it runs."""
    vm = place.free()
    if vm.state is VmState.RUNNING:
        return
    if vm.state not in VM_ALIVE:
        raise Conflict(f"{vm.name} is {vm.state}, so it cannot be resumed")
    place.may_run()
    place.set_state(VmState.RUNNING)


def rename(place: Place, name: str) -> None:
    """Rename a stopped VM; quiet if it bears the name."""
    vm = place.free()
    if vm.name == name:
        return
    if vm.state not in VM_DOWN:
        raise Conflict(f"{vm.name} is {vm.state}", hint="stop it before renaming it")
    need_free_name(place, name)
    place.put(replace(vm, name=name))


def reconfigure(place: Place, change: VmChange) -> None:
    """Change CPUs, memory or shares; a VM that runs only as far as it was made to grow."""
    vm = place.free()
    wanted = replace(
        vm,
        vcpus=vm.vcpus if change.vcpus is None else change.vcpus,
        memory_mib=vm.memory_mib if change.memory_mib is None else change.memory_mib,
        resources=vm.resources if change.resources is None else change.resources,
    )
    if wanted.vcpus < 1 or wanted.memory_mib < 1:
        raise Rejected(f"{vm.name} needs at least one CPU and some memory")
    if vm.state in VM_ALIVE:
        guest = place.state.guests.get(place.vm)
        most_vcpus = max(guest.max_vcpus if guest else 0, vm.vcpus)
        most_memory = max(guest.max_memory_mib if guest else 0, vm.memory_mib)
        if wanted.vcpus > most_vcpus or wanted.memory_mib > most_memory:
            raise Rejected(
                f"{vm.name} can grow to {most_vcpus} CPUs and {most_memory} MiB while it runs",
                hint="shut it down first",
            )
        need_memory(place.state, place.host, wanted.memory_mib - vm.memory_mib, vm.name)
    place.put(wanted)


def discard(place: Place) -> None:
    """End and forget one copy; quiet if there is none. A migration it takes part in dies."""
    if place.find() is None:
        return
    move = place.state.moves.get(place.vm)
    if move and move.phase in ("copy", "switch") and place.host in (move.source, move.target):
        migrate.abandon(place.state, place.vm, StateReason.MIGRATION_FAILED)
    place.state.vanish(place.host, place.vm)


def alive(place: Place) -> Vm:
    """Return a VM that lives; raise `Conflict` for one that does not."""
    vm = place.get()
    if vm.state not in VM_ALIVE:
        raise Conflict(f"{vm.name} is {vm.state} and has no console", hint="start it")
    return vm


def need_memory(state: State, host: HostId, more_mib: int, name: str) -> None:
    """Raise `Rejected` unless a host can hold so much more."""
    record = state.host(host).host
    copies = (state.copy(host, vm) for vm in state.vms_on(host))
    held = sum(copy.vm.memory_mib for copy in copies if copy and copy.vm.state in VM_ALIVE)
    if held + more_mib > record.memory_mib:
        short = held + more_mib - record.memory_mib
        raise Rejected(f"{record.name} is {short} MiB short of memory for {name}")


def need_free_name(place: Place, name: str) -> None:
    """Raise `Conflict` if another VM of the host bears a name."""
    for vm in place.state.vms_on(place.host):
        copy = place.state.copy(place.host, vm)
        if vm != place.vm and copy is not None and copy.vm.name == name:
            raise Conflict(f"{place.host} has a VM named {name} already", hint="choose another")


def mark(place: Place, template: bool) -> None:
    """Make a template of a stopped VM, or a VM of a template; quiet if it is so."""
    vm = place.free()
    if vm.template is template:
        return
    if vm.state not in VM_DOWN:
        raise Conflict(f"{vm.name} is {vm.state}", hint="stop it first")
    place.put(replace(vm, template=template))


def label(place: Place, change: LabelChange) -> None:
    """Change the labels of a VM."""
    vm = place.get()
    place.put(replace(vm, labels=_relabelled(vm.labels, vm.name, change)))


def label_host(state: State, host: HostId, change: LabelChange) -> None:
    """Change the labels of a host."""
    row = state.host(host)
    labels = _relabelled(row.host.labels, row.host.name, change)
    state.hosts.put(host, replace(row, host=replace(row.host, labels=labels)))


def _relabelled(labels: frozenset[str], name: str, change: LabelChange) -> frozenset[str]:
    for new in set(change.add) - labels:
        field = field_of(new)
        old = next((one for one in labels if field and field_of(one) == field), None)
        if old is not None and not change.replace:
            raise Rejected(f"{name} has {old} already", hint="--replace writes over it")
    return change.applied(labels)
