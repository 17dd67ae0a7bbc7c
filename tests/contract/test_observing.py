"""An endpoint that is observe-only: no operation that writes gets through, at any border."""

import inspect
from pathlib import Path
from typing import Any, cast

import pytest
from msgspec import Raw

from anypool.clock import SystemClock
from anypool.drivers import Driver, worker
from anypool.drivers.observing import DEEDS, LOOKS, SEEING, ObservingDriver, guarded
from anypool.drivers.registry import connect
from anypool.drivers.remote import RemoteDriver, WorkerPool
from anypool.drivers.wire import ENCODER, Call, Open
from anypool.errors import NotSupported
from anypool.model import Capability, Endpoint, EndpointId
from tests.contract.harness import Harness
from tests.contract.test_declared import LIBVIRT, operations_of, sample_arguments

URI = "sim://watched?hosts=2&vms=4&seed=3"
ENDPOINT = Endpoint(id=EndpointId("watched"), driver="sim", uri=URI, observe_only=True)


class Spy:
    """Stands for a driver and notes what is asked of it."""

    def __init__(self, driver: Driver) -> None:
        self._driver = driver
        self.asked: list[str] = []

    def __getattr__(self, name: str) -> Any:
        self.asked.append(name)
        return getattr(self._driver, name)


def test_every_operation_of_the_protocol_is_a_look_or_a_deed() -> None:
    operations = operations_of(Driver)
    assert operations == LOOKS | DEEDS, "say in drivers/observing.py what the new one is"
    assert not LOOKS & DEEDS


def test_the_driver_that_looks_has_no_deed_of_its_own() -> None:
    own = {name for name, _ in inspect.getmembers(ObservingDriver, inspect.isfunction)}
    defined = {name for name in own if name in vars(ObservingDriver) and not name.startswith("_")}
    assert defined - {"refuse"} == LOOKS


def test_looks_go_through_and_deeds_ask_nothing_of_the_platform(harness: Harness) -> None:
    spy = Spy(harness.driver)
    driver = guarded(ENDPOINT, cast(Driver, spy))
    for operation in sorted(DEEDS):
        with pytest.raises(NotSupported, match="observe-only") as refused:
            getattr(driver, operation)(*sample_arguments(operation))
        assert "--observe-only false" in refused.value.hint
    assert spy.asked == []
    frame = driver.observe()
    assert frame.vms == harness.driver.observe().vms
    assert driver.info().hosts == harness.driver.info().hosts
    driver.changes("", 0.0)
    if Capability.STATISTICS in harness.host.capabilities:
        driver.measure()
    driver.observe_vms(tuple(vm.id for vm in frame.vms))
    assert set(spy.asked) <= LOOKS
    for host in frame.hosts:
        assert host.observe_only
        assert host.capabilities <= SEEING
        assert host.abilities == harness.host.capabilities
        assert not host.withheld & host.capabilities


def test_an_endpoint_that_may_be_operated_has_its_own_driver(harness: Harness) -> None:
    free = Endpoint(id=EndpointId("free"), driver="sim", uri=URI)
    assert guarded(free, harness.driver) is harness.driver


@pytest.mark.parametrize("uri", [URI] + (["test:///default"] if LIBVIRT else []))
def test_the_registry_gives_out_nothing_that_writes(uri: str) -> None:
    kind = uri.partition(":")[0].replace("test", "libvirt")
    driver = connect(
        Endpoint(id=EndpointId("w"), driver=kind, uri=uri, observe_only=True), secret=""
    )
    try:
        assert isinstance(driver, ObservingDriver)
        assert driver.observe().vms
        for operation in sorted(DEEDS):
            with pytest.raises(NotSupported, match="observe-only"):
                getattr(driver, operation)(*sample_arguments(operation))
    finally:
        driver.close()


def test_the_worker_refuses_what_a_mistaken_manager_sends(monkeypatch: pytest.MonkeyPatch) -> None:
    """The manager is broken here: it sends every deed. The worker does not even connect."""
    monkeypatch.setattr(worker.registry, "connect", lambda *_: pytest.fail("it connected"))
    serving = worker.Worker(lambda _: None, 1 << 20)
    serving.take(ENCODER.encode(Open(key="k", endpoint=ENDPOINT, secret="")))
    for number, operation in enumerate(sorted(DEEDS)):
        arguments = ENCODER.encode(tuple(sample_arguments(operation)))
        call = Call(number=number, key="k", operation=operation, arguments=Raw(arguments))
        with pytest.raises(NotSupported, match="observe-only"):
            serving._do(call)


def test_the_manager_sends_no_deed(worker_pool: WorkerPool) -> None:
    driver = worker_pool.driver(ENDPOINT)
    assert isinstance(driver, ObservingDriver)
    seat = worker_pool._seats[ENDPOINT.id]
    for operation in sorted(DEEDS):
        with pytest.raises(NotSupported):
            getattr(driver, operation)(*sample_arguments(operation))
        with pytest.raises(NotSupported):
            getattr(RemoteDriver(worker_pool, seat), operation)(*sample_arguments(operation))
    assert seat.worker is None, "a worker was asked"
    assert driver.observe().vms
    worker_pool.forget(ENDPOINT.id)


def test_a_driver_of_before_the_switch_is_of_no_use(tmp_path: Path) -> None:
    pool = WorkerPool(1, SystemClock())
    try:
        free = Endpoint(id=ENDPOINT.id, driver="sim", uri=f"{URI}&state={tmp_path}/world")
        before = pool.driver(free)
        frame = before.observe()
        vm = next(vm for vm in frame.vms if vm.state == "running" and vm.host)
        watched = Endpoint(id=free.id, driver="sim", uri=free.uri, observe_only=True)
        after = pool.driver(watched)
        assert vm.host is not None
        with pytest.raises(Exception, match="changed meanwhile"):
            before.power_off_vm(vm.id, vm.host)
        (seen,) = after.observe_vms((vm.id,)).vms
        assert seen.state == "running"
        pool.driver(free).power_off_vm(vm.id, vm.host)
    finally:
        pool.close()
