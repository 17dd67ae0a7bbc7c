"""A simulated vCenter as a platform of the contract suite: one endpoint for all of its hosts."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from anypool.drivers import Driver
from anypool.drivers.registry import connect
from anypool.errors import AnypoolError, Busy, Rejected, UnderWay
from anypool.lab.vcsim import Vcsim
from anypool.model import (
    DatastoreId,
    DiskWish,
    Endpoint,
    EndpointId,
    Host,
    JobOrder,
    JobState,
    NetworkId,
    Nic,
    VmState,
)
from tests.contract.harness import MIB, Harness, wait_until

TASK_S = 60.0


class Patient:
    """A driver whose deeds return when their tasks end: for who keeps no journal."""

    def __init__(self, driver: Driver, host: str) -> None:
        self._driver = driver
        self._host = host

    def __getattr__(self, name: str) -> Any:
        operation = getattr(self._driver, name)

        def patient(*given: Any, **named: Any) -> Any:
            try:
                return operation(*given, **named)
            except UnderWay as begun:
                self._finish(name, begun.handle)
                return None

        return patient

    def _finish(self, name: str, handle: str) -> None:
        order = JobOrder(operation=name, host=self._host, handle=handle)  # type: ignore[arg-type]
        deadline = time.monotonic() + TASK_S
        while (job := self._driver.job(order)).state is JobState.RUNNING:
            assert time.monotonic() < deadline, f"{handle} does not end"
            time.sleep(0.02)
        if job.state is not JobState.DONE:
            raise (Busy if job.busy else Rejected)(job.message)


class VcsimHarness(Harness):
    """Two hosts of one cluster in a simulated vCenter that other tests use too."""

    def __init__(self, running: Vcsim) -> None:
        super().__init__()
        self._running = running
        self._opened: list[Driver] = []
        self.driver = self.again()
        frame = self.driver.observe()
        here = sorted((h for h in frame.hosts if h.cluster), key=lambda host: host.name)
        self.host, self._target = here[0], here[1]
        self._stores = {one.id: Path(one.path) for one in frame.datastores}

    def again(self) -> Driver:
        options = (("fingerprint", self._running.fingerprint),)
        endpoint = Endpoint(
            id=EndpointId("contract"), driver="vsphere", uri=self._running.uri, options=options
        )
        made = connect(endpoint, self._running.password)
        self._opened.append(made)
        return Patient(made, "contract")

    def target(self) -> tuple[Driver, Host]:
        return self.driver, self._target

    def settle(self, done: Callable[[], bool], what: str) -> None:
        wait_until(done, what)

    @property
    def datastore(self) -> DatastoreId:
        return min(self.host.datastores)

    @property
    def network(self) -> NetworkId | None:
        return NetworkId("VM Network")

    def place(self, position: int) -> str:
        return f"scsi0:{position}"

    def disk(self, number: int, position: int, *, base: str = "") -> DiskWish:
        made = super().disk(number, position, base=base)
        return replace(
            made, target=self.place(position), volume=f"contract{number}-{position}.vmdk",
            size_bytes=MIB, format="vmdk",
        )  # fmt: skip

    def nic(self, number: int, position: int) -> Nic:
        return replace(super().nic(number, position), model="vmxnet3")

    def volumes(self) -> frozenset[str]:
        """Return what lies on the datastore itself, whoever uses it."""
        folder = self._stores[self.datastore]
        found = (str(path.relative_to(folder)) for path in folder.rglob("*.vmdk"))
        return frozenset(name for name in found if not name.endswith("-flat.vmdk"))

    def close(self) -> None:
        for vm in self._made:
            for found in self.driver.observe_vms((vm,)).vms:
                assert found.host is not None
                if found.state is not VmState.STOPPED:
                    self.driver.power_off_vm(vm, found.host)
                self.driver.delete_vm(vm, found.host, True)
        for made in self._opened:
            try:
                made.close()
            except AnypoolError as error:
                print(error)
