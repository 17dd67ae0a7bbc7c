"""The real platforms of the contract suite: libvirt's own test hypervisor, and QEMU in the lab."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from anypool.drivers import Driver
from anypool.drivers.registry import connect
from anypool.errors import AnypoolError
from anypool.model import (
    Boot,
    DatastoreId,
    Endpoint,
    EndpointId,
    Host,
    Vm,
    VmState,
    VmWish,
)
from tests.contract.harness import Harness, wait_until


class LibvirtTestHarness(Harness):
    """`test:///default`: one host in this process, with guests that always obey."""

    uri = "test:///default"

    def __init__(self) -> None:
        super().__init__()
        self.driver = self.again()
        (self.host,) = self.driver.observe().hosts

    def again(self) -> Driver:
        return connect(Endpoint(id=EndpointId("contract"), driver="libvirt", uri=self.uri), "")

    def target(self) -> tuple[Driver, Host]:
        raise NotImplementedError("there is one host")

    def settle(self, done: Callable[[], bool], what: str) -> None:
        wait_until(done, what)

    @property
    def datastore(self) -> DatastoreId:
        return min(self.host.datastores)

    def close(self) -> None:
        _remove(self.driver, self.host, self._made)
        self.driver.close()


class LibvirtQemuHarness(Harness):
    """Two hosts of the lab with a shared datastore; the test's thread is inside its network."""

    says = b"tick "

    def __init__(self, lab: Any) -> None:
        super().__init__()
        status = lab.status()
        self._image = status.image
        self._consoles = Path(status.console_dir)
        self._uris = [s.libvirt_uri for s in status.servers if s.role == "host"][:2]
        self.driver = self.again()
        (self.host,) = self.driver.observe().hosts
        self._target = self._connect(1)
        (self._target_host,) = self._target.observe().hosts
        self._share()

    def _connect(self, number: int) -> Driver:
        endpoint = EndpointId(f"contract{number}")
        options = (("console_log_dir", str(self._consoles)),)
        uri = self._uris[number]
        return connect(Endpoint(id=endpoint, driver="libvirt", uri=uri, options=options), "")

    def _share(self) -> None:
        """Mark the lab's shared datastore, so that both hosts know it by one id."""
        store = next(d for d in self.driver.observe().datastores if d.name == "shared")
        self.driver.mark_datastore(store.id)
        (self.host,) = self.driver.observe().hosts
        (self._target_host,) = self._target.observe().hosts

    def again(self) -> Driver:
        return self._connect(0)

    def target(self) -> tuple[Driver, Host]:
        return self._target, self._target_host

    def settle(self, done: Callable[[], bool], what: str) -> None:
        wait_until(done, what, 60)

    def wait_for_guest(self, vm: Vm) -> None:
        console = self._consoles / f"{vm.id}.log"
        self.settle(
            lambda: console.exists() and "tick " in console.read_text("utf-8", "replace"),
            "it ticks",
        )

    @property
    def datastore(self) -> DatastoreId:
        return min(self.host.datastores & self._target_host.datastores)

    def wish(self, *, disks: int = 1, nics: int = 1) -> VmWish:
        wish = super().wish(disks=disks, nics=nics)
        boot = Boot(
            kernel=self._image.kernel, initrd=self._image.initrd, cmdline=self._image.cmdline
        )
        return replace(wish, boot=boot, memory_mib=self._image.memory_mib)

    def close(self) -> None:
        for driver, host in ((self.driver, self.host), (self._target, self._target_host)):
            _remove(driver, host, self._made)
            driver.close()


def _remove(driver: Driver, host: Host, made: list[Any]) -> None:
    for vm in driver.observe_vms(tuple(made)).vms:
        try:
            if vm.state not in (VmState.STOPPED, VmState.CRASHED):
                driver.power_off_vm(vm.id, host.id)
            for snapshot in vm.snapshots:
                driver.delete_snapshot(vm.id, host.id, snapshot.name)
            driver.delete_vm(vm.id, host.id, True)
        except AnypoolError as error:
            print(f"left behind: {vm.name}: {error}")
