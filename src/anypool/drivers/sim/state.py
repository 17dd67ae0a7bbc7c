"""The tables of the simulated world: rows by key, what changed, and the always-on oracle."""

from typing import Generic, TypeVar

import msgspec
from msgspec import Struct

from anypool.drivers.sim.records import (
    DoubleAddress,
    DoubleRun,
    Fault,
    Loss,
    Move,
    SimCopy,
    SimDatastore,
    SimGuest,
    SimHost,
    SimJob,
    SimServer,
    SimVolume,
)
from anypool.errors import NotFound
from anypool.model import DatastoreId, HostId, Network, VmId, VmState

R = TypeVar("R", bound=Struct)


class Table(Generic[R]):
    """Rows of one kind by key; `dirty` names those changed since it was last emptied."""

    def __init__(self, kind: type[R]) -> None:
        self.rows: dict[str, R] = {}
        self.dirty: set[str] = set()
        self._decoder = msgspec.msgpack.Decoder(kind)

    def put(self, key: str, row: R | None) -> None:
        """Insert or replace a row; None removes it."""
        if row is None:
            self.rows.pop(key, None)
        else:
            self.rows[key] = row
        self.dirty.add(key)

    def get(self, key: str) -> R | None:
        """Return a row, or None."""
        return self.rows.get(key)

    def load(self, key: str, encoded: bytes) -> None:
        """Take a row as another process wrote it; no bytes remove it."""
        self.put(key, self._decoder.decode(encoded) if encoded else None)


class State:
    """All tables; one writer at a time, which `World.turn` sees to."""

    def __init__(self) -> None:
        self.hosts = Table(SimHost)
        self.servers = Table(SimServer)
        self.copies = Table(SimCopy)
        self.guests = Table(SimGuest)
        self.volumes = Table(SimVolume)
        self.datastores = Table(SimDatastore)
        self.networks = Table(Network)
        self.moves = Table(Move)
        self.jobs = Table(SimJob)
        self.faults = Table(Fault)
        self.double_runs = Table(DoubleRun)
        self.losses = Table(Loss)
        self.double_addresses = Table(DoubleAddress)
        self.now = 0.0
        self._host_busy: dict[HostId, tuple[float, int]] = {}
        self._hosts_of: dict[VmId, tuple[HostId, ...]] = {}
        self._vms_on: dict[HostId, set[VmId]] = {}
        self.tables: tuple[tuple[str, Table[Struct]], ...] = tuple(
            (name, value) for name, value in vars(self).items() if isinstance(value, Table)
        )
        """Every table with its name."""

    def host(self, host: HostId) -> SimHost:
        """Return a host; raise `NotFound`."""
        if (found := self.hosts.get(host)) is None:
            raise NotFound(f"there is no host {host} here")
        return found

    def copy(self, host: HostId, vm: VmId) -> SimCopy | None:
        """Return a VM as one host knows it, or None."""
        return self.copies.get(copy_key(host, vm))

    def hosts_of(self, vm: VmId) -> tuple[HostId, ...]:
        """Return the hosts that know a VM, in order."""
        return self._hosts_of.get(vm, ())

    def vms_on(self, host: HostId) -> tuple[VmId, ...]:
        """Return the VMs that a host knows, in order."""
        return tuple(sorted(self._vms_on.get(host, ())))

    def all_vms(self) -> tuple[VmId, ...]:
        """Return every VM that any host knows."""
        return tuple(self._hosts_of)

    def put_copy(self, host: HostId, vm: VmId, copy: SimCopy | None) -> None:
        """Change what a host knows of a VM; the oracle looks at every such change."""
        self.copies.put(copy_key(host, vm), copy)
        self.index_copy(host, vm)
        running = self.running(vm)
        if len(running) > 1 and copy is not None and copy.vm.state is VmState.RUNNING:
            found = DoubleRun(vm=vm, hosts=running, at=self.now)
            self.double_runs.put(str(len(self.double_runs.rows)), found)

    def index_copy(self, host: HostId, vm: VmId) -> None:
        """Bring the indexes up to date after a change of one copy."""
        here = set(self._hosts_of.get(vm, ()))
        vms = self._vms_on.setdefault(host, set())
        if self.copy(host, vm) is None:
            here.discard(host)
            vms.discard(vm)
        else:
            here.add(host)
            vms.add(vm)
        if here:
            self._hosts_of[vm] = tuple(sorted(here))
        else:
            self._hosts_of.pop(vm, None)

    def vanish(self, host: HostId, vm: VmId) -> None:
        """Remove a copy other than by deleting the VM; losing the last one is recorded."""
        if self.copy(host, vm) is None:
            return
        self.put_copy(host, vm, None)
        if not self.hosts_of(vm):
            self.losses.put(str(len(self.losses.rows)), Loss(vm=vm, at=self.now))

    def running(self, vm: VmId) -> tuple[HostId, ...]:
        """Return the hosts on which copies of a VM execute."""
        found = []
        for host in self._hosts_of.get(vm, ()):
            copy = self.copy(host, vm)
            if copy is not None and copy.vm.state is VmState.RUNNING:
                found.append(host)
        return tuple(found)

    def host_busy_ns(self, host: HostId, rate: float) -> int:
        """Return a host's CPU counter after it ran at `rate` ns a second since the last call."""
        at, busy = self._host_busy.get(host, (self.now, 0))
        busy += int(max(self.now - at, 0.0) * rate)
        self._host_busy[host] = (self.now, busy)
        return busy

    def locked(self, vm: VmId, host: HostId) -> bool:
        """Return whether the locks of its disks keep a copy on `host` from running.

        A lock is held by a copy that runs elsewhere and has a disk, not shareable, on a
        datastore that locks.
        """
        copy = self.copy(host, vm)
        if copy is None or all(other == host for other in self.running(vm)):
            return False
        return any(
            not disk.shareable and disk.datastore is not None and self._locks(disk.datastore)
            for disk in copy.vm.disks
        )

    def _locks(self, datastore: DatastoreId) -> bool:
        found = self.datastores.get(datastore)
        return found is not None and found.locks


def copy_key(host: HostId, vm: VmId) -> str:
    """Return the key of a copy in its table."""
    return f"{host}/{vm}"


def volume_key(datastore: DatastoreId, name: str) -> str:
    """Return the key of a volume in its table."""
    return f"{datastore}/{name}"
