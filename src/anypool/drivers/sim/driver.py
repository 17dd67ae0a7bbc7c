"""The driver of the simulated world: every operation of the protocol, with its faults."""

import threading
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import TypeVar

from msgspec.structs import replace

from anypool.drivers.digests import Digests
from anypool.drivers.doors import Doors
from anypool.drivers.names import check_name
from anypool.drivers.protocol import Migration, Spared
from anypool.drivers.sim import console, make, observe, operate, traces, transfer
from anypool.drivers.sim.content import SimContent
from anypool.drivers.sim.observe import View
from anypool.drivers.sim.operate import Place
from anypool.drivers.sim.racked import Racked
from anypool.drivers.sim.records import ABILITIES, BmcMood, Fault, FaultKind, Lost
from anypool.drivers.sim.state import State
from anypool.drivers.sim.world import World
from anypool.errors import Invalid, OutcomeUnknown, Rejected, Unreachable
from anypool.model import (
    VM_ALIVE,
    AgentReading,
    Changes,
    Console,
    DatastoreId,
    Digest,
    DigestOrder,
    DiskWish,
    EndpointId,
    EndpointInfo,
    Frame,
    HostId,
    Job,
    LabelChange,
    Load,
    Nic,
    Proof,
    Trace,
    VmChange,
    VmId,
    VmWish,
)

R = TypeVar("R")
SLOW_MIB_S = 64
"""What a migration that crawls copies in a second."""
_ENDPOINT = EndpointId("sim")
_LOST = {FaultKind.LOST_FINISH: Lost.FINISH_REPLY, FaultKind.LOST_MEMORY: Lost.MEMORY}


class SimDriver(Racked):
    """An endpoint of a `World`: of all its hosts, or of some as one libvirtd is of one."""

    name = "sim"
    capabilities = ABILITIES

    def __init__(
        self,
        world: World,
        hosts: tuple[HostId, ...] | None = None,
        *,
        endpoint: EndpointId = _ENDPOINT,
        pool: str = "default",
    ) -> None:
        self._world = world
        self._endpoint = endpoint
        self._pool = pool
        self._only = None if hosts is None else frozenset(hosts)
        self._doors = Doors()
        self._digests = Digests(partial(SimContent, world))

    def info(self) -> EndpointInfo:
        """Return the world's name and the endpoint's hosts."""
        hosts = self._read("info", lambda state: tuple(sorted(self._hosts(state))))
        return EndpointInfo(product="anypool simulator", version="1", hosts=hosts)

    def observe(self) -> Frame:
        """Return everything at once."""
        return self._read("observe", lambda state: observe.full_frame(state, self._view(state)))

    def observe_vms(self, vms: tuple[VmId, ...]) -> Frame:
        """Return some VMs; those not there are missing."""
        return self._read(
            "observe_vms", lambda state: observe.partial_frame(state, vms, self._hosts(state))
        )

    def changes(self, since: str, wait_s: float) -> Changes:
        """Wait for changes of this endpoint's hosts."""
        self._read("changes", lambda state: None)
        found = self._world.changes(since, wait_s, self._watched())
        if (host := self._lone()) is not None:
            self._world.await_thaw(host)
        return found

    def measure(self) -> tuple[Load, ...]:
        """Return counters that grow evenly with time."""
        return self._read("measure", lambda state: observe.loads(state, self._hosts(state)))

    def agents(self, vms: tuple[VmId, ...], wait_s: float) -> tuple[AgentReading, ...]:
        """Return what the agents say; they answer at once or never."""
        return self._read("agents", lambda state: observe.agents(state, vms, self._hosts(state)))

    def console(self, vm: VmId, kind: str) -> Console:
        """Return the door to a console; also that of `vnc` has a path."""
        if kind not in ("vnc", "serial"):
            raise Invalid(f"there is no console '{kind}'", hint="vnc or serial")

        def find(state: State) -> tuple[str, HostId]:
            place = self._at(state, vm, host=None)
            return operate.alive(place).name, place.host

        name, host = self._read("console", find)
        lives = partial(self._lives, vm, host)
        serve = console.vnc if kind == "vnc" else partial(console.serial, name, lives)
        return Console(kind=kind, path=self._doors.open(serve))

    def close(self) -> None:
        """Send the visitors of consoles away, and read no volume any more."""
        self._doors.close()
        self._digests.close()

    def digest(self, order: DigestOrder, wait_s: float) -> Digest:
        """Tell the digest of a volume, which is read at once."""
        self._read("digest", lambda state: None)
        return self._digests.ask(order, wait_s)

    def create_vm(self, wish: VmWish, host: HostId, tag: str) -> None:
        """Make the volumes, then the VM."""

        def deed(place: Place, fault: Fault | None) -> None:
            if make.check_wish(place, wish):
                make.make_volumes(place.state, host, wish.disks, tag)
                _stop_half_way(fault)
            make.create(place, wish, tag)

        self._deed("create_vm", wish.id, host, deed)

    def delete_vm(self, vm: VmId, host: HostId, volumes: bool, spared: Spared = ()) -> None:
        """Forget a stopped VM."""
        self._deed("delete_vm", vm, host, lambda p, _: make.delete(p, volumes, spared))

    def discard_copy(self, vm: VmId, host: HostId) -> None:
        """End and forget one copy."""
        self._deed("discard_copy", vm, host, lambda place, _: operate.discard(place))

    def adopt_vm(self, wish: VmWish, host: HostId, tag: str, proof: Proof) -> None:
        """Define a VM anew, with the volumes it has, and start it."""

        def deed(place: Place, _: Fault | None) -> None:
            make.adopt(place, wish, tag)
            operate.start(place)

        self._deed("adopt_vm", wish.id, host, deed)

    def start_vm(self, vm: VmId, host: HostId) -> None:
        """Start a VM, unless it runs."""
        self._deed("start_vm", vm, host, lambda place, _: operate.start(place))

    def shut_down_vm(self, vm: VmId, host: HostId, wait_s: float) -> None:
        """Ask the guest, which obeys at once or not at all."""
        heard: list[bool] = []
        self._deed("shut_down_vm", vm, host, lambda p, _: heard.append(operate.shut_down(p)))
        if not heard[0]:
            self._world.clock.wait(threading.Event(), wait_s)
            raise Rejected(f"VM {vm} still runs after {wait_s:g} s", hint="power it off")

    def power_off_vm(self, vm: VmId, host: HostId) -> None:
        """Stop a VM at once."""
        self._deed("power_off_vm", vm, host, lambda place, _: operate.power_off(place))

    def reboot_vm(self, vm: VmId, host: HostId) -> None:
        """Restart the guest."""
        self._deed("reboot_vm", vm, host, lambda place, _: operate.restart(place))

    def reset_vm(self, vm: VmId, host: HostId) -> None:
        """Restart the guest."""
        self._deed("reset_vm", vm, host, lambda place, _: operate.restart(place))

    def pause_vm(self, vm: VmId, host: HostId) -> None:
        """Stop the CPUs."""
        self._deed("pause_vm", vm, host, lambda place, _: operate.pause(place))

    def resume_vm(self, vm: VmId, host: HostId) -> None:
        """Let the CPUs run on."""
        self._deed("resume_vm", vm, host, lambda place, _: operate.resume(place))

    def rename_vm(self, vm: VmId, host: HostId, name: str) -> None:
        """Rename a stopped VM."""
        check_name("VM", name)
        self._deed("rename_vm", vm, host, lambda place, _: operate.rename(place, name))

    def reconfigure_vm(self, vm: VmId, host: HostId, change: VmChange) -> None:
        """Change CPUs, memory or shares."""
        self._deed("reconfigure_vm", vm, host, lambda p, _: operate.reconfigure(p, change))

    def attach_disk(self, vm: VmId, host: HostId, disk: DiskWish, tag: str) -> None:
        """Make the volume, then attach it."""

        def deed(place: Place, fault: Fault | None) -> None:
            make.check_disk(disk)
            if all(old.target != disk.target for old in place.free().disks):
                make.make_volumes(place.state, host, (disk,), tag)
                _stop_half_way(fault)
            make.attach_disk(place, disk)

        self._deed("attach_disk", vm, host, deed)

    def detach_disk(self, vm: VmId, host: HostId, target: str) -> None:
        """Take a disk away."""
        self._deed("detach_disk", vm, host, lambda place, _: make.detach_disk(place, target))

    def attach_nic(self, vm: VmId, host: HostId, nic: Nic) -> None:
        """Attach an adapter."""

        def deed(place: Place, fault: Fault | None) -> None:
            make.check_nic(place.state, host, nic)
            make.attach_nic(place, nic)

        self._deed("attach_nic", vm, host, deed)

    def detach_nic(self, vm: VmId, host: HostId, mac: str) -> None:
        """Take an adapter away."""
        self._deed("detach_nic", vm, host, lambda place, _: make.detach_nic(place, mac))

    def move_disks(self, vm: VmId, host: HostId, datastore: DatastoreId) -> None:
        """Move the disks of a VM at once."""
        self._deed("move_disks", vm, host, lambda place, _: make.move_disks(place, datastore))

    def mark_template(self, vm: VmId, host: HostId, template: bool) -> None:
        """Mark a stopped VM, or a template."""
        self._deed("mark_template", vm, host, lambda place, _: operate.mark(place, template))

    def change_labels(self, host: HostId, vm: VmId | None, change: LabelChange) -> None:
        """Change the labels of a VM or a host."""
        if vm is None:
            self._store_deed("change_labels", lambda s: operate.label_host(s, host, change))
        else:
            self._deed("change_labels", vm, host, lambda place, _: operate.label(place, change))

    def create_snapshot(self, vm: VmId, host: HostId, name: str, tag: str) -> None:
        """Take a snapshot."""
        check_name("snapshot", name)
        self._deed("create_snapshot", vm, host, lambda p, _: make.create_snapshot(p, name, tag))

    def revert_snapshot(self, vm: VmId, host: HostId, name: str) -> None:
        """Return to a snapshot."""
        self._deed("revert_snapshot", vm, host, lambda p, _: make.revert_snapshot(p, name))

    def delete_snapshot(self, vm: VmId, host: HostId, name: str) -> None:
        """Forget a snapshot."""
        self._deed("delete_snapshot", vm, host, lambda p, _: make.delete_snapshot(p, name))

    def begin_migration(self, order: Migration) -> None:
        """Begin a migration to any host of the world."""

        def deed(place: Place, fault: Fault | None) -> None:
            lost = _LOST.get(fault.kind, Lost.NOTHING) if fault else Lost.NOTHING
            timing = self._world.timing
            if fault is not None and fault.kind is FaultKind.SLOW:
                timing = replace(timing, migrate_mib_s=SLOW_MIB_S)
            transfer.begin(place, order, timing, lost)

        self._deed("begin_migration", order.vm, order.source, deed)

    def migration(self, order: Migration) -> Job:
        """Return how a migration stands."""

        def read(state: State) -> Job:
            self._reachable(state, order.source)
            return transfer.job(state, order)

        return self._read("migration", read)

    def cancel_migration(self, order: Migration) -> None:
        """Stop a migration."""
        self._deed(
            "cancel_migration", order.vm, order.source, lambda p, _: transfer.cancel(p, order)
        )

    def delete_volume(self, datastore: DatastoreId, name: str) -> None:
        """Delete a volume that nothing uses."""
        self._store_deed(
            "delete_volume", lambda s: make.delete_volume(s, self._hosts(s), datastore, name)
        )

    def mark_datastore(self, datastore: DatastoreId) -> None:
        """Mark a datastore as shared."""
        self._store_deed("mark_datastore", lambda state: make.mark_datastore(state, datastore))

    def traces(self) -> tuple[Trace, ...]:
        """Return marks and tags."""
        return self._read("traces", lambda state: traces.found(state, self._hosts(state)))

    def erase_trace(self, trace: Trace) -> None:
        """Take a mark or a tag away."""
        self._store_deed(
            "erase_trace", lambda state: traces.erase(state, self._hosts(state), trace)
        )

    def _lives(self, vm: VmId, host: HostId) -> bool:
        with self._world.turn() as state, suppress(Unreachable):
            self._reachable(state, host)
            here = self._at(state, vm, host).find()
            return here is not None and here.state in VM_ALIVE
        return False

    def _hosts(self, state: State) -> frozenset[HostId]:
        if self._only is not None:
            return self._only
        return frozenset(HostId(host) for host in state.hosts.rows)

    def _view(self, state: State) -> View:
        return View(self._endpoint, self._pool, self._hosts(state), self._has_servers)

    def _at(self, state: State, vm: VmId, host: HostId | None) -> Place:
        hosts = self._hosts(state)
        if host is None:
            host = observe.shown_vm(state, vm, hosts).host if state.hosts_of(vm) else None
        return Place(state, hosts, vm, host or next(iter(sorted(hosts))))

    def _reachable(self, state: State, host: HostId) -> None:
        row = state.host(host)
        if host not in self._hosts(state) or not row.answers:
            raise Unreachable(f"{row.host.name} does not answer", hint="is it on?")

    def _answers(self, state: State) -> None:
        """Raise unless somebody answers here: a pool does, a lone dead host does not."""
        if self._only is not None and len(self._only) == 1:
            self._reachable(state, next(iter(self._only)))

    def _is_off(self, state: State) -> bool:
        """Return whether the only host here was switched off, which can be told without it."""
        lone = self._lone()
        row = None if lone is None else state.host(lone)
        return row is not None and not row.powered and row.bmc is BmcMood.NONE

    def _read(self, operation: str, action: Callable[[State], R]) -> R:
        fault = self._before(operation, None, self._lone())
        with self._world.turn() as state:
            if not self._is_off(state):
                self._answers(state)
            result = action(state)
        if fault is not None and fault.kind is FaultKind.LOST_ANSWER:
            raise Unreachable("simulated: the answer was lost")
        return result

    def _deed(
        self,
        operation: str,
        vm: VmId,
        host: HostId,
        action: Callable[[Place, Fault | None], None],
    ) -> None:
        fault = self._before(operation, vm, host)
        with self._world.turn() as state:
            self._reachable(state, host)
            action(self._at(state, vm, host), fault)
        _after(fault)

    def _store_deed(self, operation: str, action: Callable[[State], None]) -> None:
        fault = self._before(operation, None, self._lone())
        with self._world.turn() as state:
            self._answers(state)
            action(state)
        _after(fault)

    def _lone(self) -> HostId | None:
        if self._only is not None and len(self._only) == 1:
            return next(iter(self._only))
        return None

    def _before(self, operation: str, vm: VmId | None, host: HostId | None) -> Fault | None:
        if host is not None:
            self._world.await_thaw(host)
        fault = self._world.draw(operation, vm, host)
        if fault is None:
            return None
        if fault.kind is FaultKind.UNREACHABLE:
            raise Unreachable("simulated: nothing was sent")
        if fault.kind is FaultKind.REJECTED:
            raise Rejected("simulated: the platform said no")
        if fault.kind is FaultKind.HANG:
            self._world.hang()
        if fault.kind is FaultKind.DELAY:
            self._world.clock.wait(threading.Event(), fault.delay_s)
        return fault


def _stop_half_way(fault: Fault | None) -> None:
    if fault is not None and fault.kind is FaultKind.HALF_WAY:
        raise OutcomeUnknown("simulated: the endpoint died half-way")


def _after(fault: Fault | None) -> None:
    if fault is not None and fault.kind is FaultKind.LOST_ANSWER:
        raise OutcomeUnknown("simulated: the answer was lost")
