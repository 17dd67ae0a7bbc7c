"""What the contract suite needs of a platform, and the simulated platforms.

A harness owns one endpoint, with the host under test, and perhaps a second host to
migrate to. Every VM it makes is one of `wish()`; ids are fresh, so that tests may share
a platform that lives longer than they do.
"""

import itertools
import socket
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import UUID

from anypool.clock import ManualClock, SystemClock
from anypool.drivers import Driver, Migration
from anypool.drivers.remote import WorkerPool
from anypool.drivers.sim import Fault, FaultKind, Shape, SimDriver, Timing, World, build_world
from anypool.model import (
    DatastoreId,
    DiskWish,
    Endpoint,
    EndpointId,
    Host,
    HostId,
    NetworkId,
    Nic,
    Vm,
    VmId,
    VmState,
    VmWish,
)

MIB = 1 << 20
_serial = itertools.count(1)


class Harness(ABC):
    """One platform under test; `close` leaves it as it was found."""

    driver: Driver
    host: Host
    says = b"is simulated"
    """What a VM that runs says on its serial console, again and again or as a greeting."""

    def __init__(self) -> None:
        self._made: list[VmId] = []
        self.discarded: set[VmId] = set()

    @abstractmethod
    def again(self) -> Driver:
        """Return a second connection to the same endpoint."""

    @abstractmethod
    def target(self) -> tuple[Driver, Host]:
        """Return the second host, reached by its own endpoint or the same one."""

    @abstractmethod
    def settle(self, done: Callable[[], bool], what: str) -> None:
        """Wait until something is so; fail the test if it does not come."""

    @abstractmethod
    def close(self) -> None:
        """Remove what the test left."""

    def wait_for_guest(self, vm: Vm) -> None:
        """Wait until the OS in a VM that was started listens; at once where there is none."""
        assert vm.state is VmState.RUNNING

    @property
    @abstractmethod
    def datastore(self) -> DatastoreId:
        """Return where volumes of `wish` lie; shared with the target if there is one."""

    @property
    def elsewhere(self) -> DatastoreId:
        """Return another datastore of the host under test."""
        return max(self.host.datastores - {self.datastore})

    @property
    def network(self) -> NetworkId | None:
        """Return a network of the host under test, None if it has none."""
        return min(self.host.networks, default=None)

    def wish(self, *, disks: int = 1, nics: int = 1) -> VmWish:
        """Return a small VM with a new name and id."""
        number = next(_serial)
        vm = VmId(str(UUID(int=0xC0DE_0000_0000_4000_8000_0000_0000_0000 + number)))
        self._made.append(vm)
        return VmWish(
            id=vm,
            name=f"contract{number}",
            memory_mib=64,
            disks=tuple(self.disk(number, n) for n in range(disks)),
            nics=tuple(self.nic(number, n) for n in range(nics)),
        )

    def disk(self, number: int, position: int, *, base: str = "") -> DiskWish:
        """Return an empty disk for a VM."""
        target = self.place(position)
        return DiskWish(
            target=target,
            datastore=self.datastore,
            size_bytes=MIB,
            volume=f"contract{number}-{target}.qcow2",
            base=base,
        )

    def place(self, position: int) -> str:
        """Return what the disk at a position is called inside its VM."""
        return "vd" + "abcdef"[position]

    def nic(self, number: int, position: int) -> Nic:
        """Return an adapter with an address of its own."""
        mac = f"52:54:00:{position:02x}:{number // 256:02x}:{number % 256:02x}"
        return Nic(mac=mac, network=self.network)

    def create(self, *, started: bool = False, booted: bool = False, disks: int = 1) -> Vm:
        """Make a VM, start it if asked, wait for its guest if asked, and return it as observed."""
        wish = self.wish(disks=disks)
        self.driver.create_vm(wish, self.host.id, tag_of(wish))
        if started or booted:
            self.driver.start_vm(wish.id, self.host.id)
        if booted:
            self.wait_for_guest(self.look(wish.id))
        return self.look(wish.id)

    def look(self, vm: VmId) -> Vm:
        """Return a VM as the endpoint under test reports it now."""
        (found,) = self.driver.observe_vms((vm,)).vms
        return found

    def gone(self, vm: VmId) -> bool:
        """Return whether the endpoint under test knows a VM no more."""
        return self.driver.observe_vms((vm,)).missing == (vm,)

    def volumes(self) -> frozenset[str]:
        """Return the names of all volumes the endpoint under test knows."""
        return frozenset(volume.name for volume in self.driver.observe().volumes)

    def order(self, vm: VmId, *, start_paused: bool = False) -> Migration:
        """Return an order to migrate a VM to the target."""
        _, target = self.target()
        return Migration(
            vm=vm,
            source=self.host.id,
            target=target.id,
            peer_uri=target.peer_uri,
            peer_address=target.peer_address,
            start_paused=start_paused,
        )

    @contextmanager
    def visit(self, vm: Vm) -> Iterator[socket.socket]:
        """Go in by the door of a VM's serial console."""
        with socket.socket(socket.AF_UNIX) as visitor:
            visitor.connect(self.driver.console(vm.id, "serial").path)
            yield visitor

    def lose_answer(self, operation: str) -> None:
        """Let the answer of the next such call be lost after its effect; sim only."""
        raise NotImplementedError


def tag_of(wish: VmWish) -> str:
    """Return the tag that the tests make a VM with."""
    return f"run-1/{wish.name}"


class SimHarness(Harness):
    """A simulated pool of two hosts behind one endpoint, in this process, in simulated time."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = ManualClock()
        shape = Shape(hosts=2, vms=3, datastores=1, seed=7)
        self.world: World = build_world(shape, name="contract", clock=self.clock)
        self.driver = self.again()
        self.host = self._host("h1")

    def _host(self, name: str) -> Host:
        return next(h for h in SimDriver(self.world).observe().hosts if h.name == name)

    def again(self) -> Driver:
        return SimDriver(self.world)

    def target(self) -> tuple[Driver, Host]:
        return self.driver, self._host("h2")

    def settle(self, done: Callable[[], bool], what: str) -> None:
        for _ in range(100):
            if done():
                return
            self.clock.advance(1)
        raise AssertionError(f"never happened: {what}")

    @contextmanager
    def visit(self, vm: Vm) -> Iterator[socket.socket]:
        """Go in by the door of a VM's serial console."""
        with socket.socket(socket.AF_UNIX) as visitor:
            visitor.connect(self.driver.console(vm.id, "serial").path)
            yield visitor

    def lose_answer(self, operation: str) -> None:
        self.world.inject(Fault(kind=FaultKind.LOST_ANSWER, operation=operation))

    @property
    def datastore(self) -> DatastoreId:
        return DatastoreId("contract-shared1")

    def close(self) -> None:
        assert self.world.double_runs == ()
        assert {loss.vm for loss in self.world.losses} == self.discarded
        self.driver.close()
        self.world.close()


class SimHostsHarness(SimHarness):
    """The same, with an endpoint per host, as libvirt has it."""

    def again(self) -> Driver:
        return SimDriver(self.world, (HostId("contract-h1"),))

    def target(self) -> tuple[Driver, Host]:
        host = self._host("h2")
        return SimDriver(self.world, (host.id,)), host


class SimRemoteHarness(SimHarness):
    """The same again, behind a process border: every record crosses it."""

    def __init__(self, pool: WorkerPool, folder: Path) -> None:
        Harness.__init__(self)
        self._pool = pool
        self._path = folder / "world"
        self._number = 0
        timing = Timing(migrate_mib_s=1 << 20, hold_s=0.0)
        self.world = build_world(
            Shape(hosts=2, vms=3, seed=7), name="contract", timing=timing, path=self._path
        )
        self.driver = self.again()
        self.host = self._host("h1")

    def again(self) -> Driver:
        self._number += 1
        endpoint = EndpointId(f"{self._path}-{self._number}")
        uri = f"sim://contract?hosts=2&vms=3&migrate_mib_s=1048576&state={self._path}"
        return self._pool.driver(Endpoint(id=endpoint, driver="sim", uri=uri))

    def settle(self, done: Callable[[], bool], what: str) -> None:
        wait_until(done, what)

    def close(self) -> None:
        super().close()
        for number in range(1, self._number + 1):
            self._pool.forget(EndpointId(f"{self._path}-{number}"))


def wait_until(done: Callable[[], bool], what: str, limit_s: float = 30.0) -> None:
    """Poll a condition in real time."""
    clock = SystemClock()
    deadline = clock.monotonic() + limit_s
    while not done():
        assert clock.monotonic() < deadline, f"never happened: {what}"
        clock.wait(threading.Event(), 0.02)


ALL = SimDriver.capabilities
