"""Workers that hang, die, stop, write garbage or too much: one endpoint's trouble stays its own."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from anypool.clock import SystemClock
from anypool.drivers import Driver, process
from anypool.drivers.limits import DEADLINES_S, Limits
from anypool.drivers.remote import WorkerPool
from anypool.drivers.sim import Fault, FaultKind, Shape, World, build_world
from anypool.errors import (
    AnypoolError,
    Busy,
    Denied,
    Invalid,
    NotFound,
    OutcomeUnknown,
    Unreachable,
)
from anypool.model import Endpoint, EndpointId, EndpointState, HostId, Power, Vm, VmId, VmState

SHORT_S = 0.3
PAUSE_S = 0.05


def until(condition: Callable[[], bool], what: str, limit_s: float = 10.0) -> None:
    deadline = time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < deadline, f"never happened: {what}"
        time.sleep(0.01)


def runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().split(") ")[1][0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


class Scene:
    """One shared worker, and two endpoints each with a world in a file that we share."""

    def __init__(self, folder: Path, **deadlines_s: float) -> None:
        self.folder = folder
        limits = Limits(deadlines_s=DEADLINES_S | deadlines_s, pause_s=PAUSE_S)
        self.pool = WorkerPool(1, SystemClock(), limits=limits, log=folder / "workers.log")
        self.near = self.world("near")
        self.far = self.world("far")

    def world(self, name: str) -> World:
        return build_world(Shape(hosts=2, vms=4), name=name, path=self.folder / name)

    def driver(self, name: str, secret: str = "") -> Driver:
        uri = f"sim://{name}?hosts=2&vms=4&state={self.folder / name}"
        return self.pool.driver(Endpoint(id=EndpointId(name), driver="sim", uri=uri), secret)

    def hang(self, world: World, operation: str) -> None:
        world.inject(Fault(kind=FaultKind.HANG, operation=operation))

    def close(self) -> None:
        self.pool.close()
        self.near.close()
        self.far.close()


class Asked:
    """A call in a thread of its own, and what became of it."""

    def __init__(self, call: Callable[[], object]) -> None:
        self.result: object = None
        self.error: AnypoolError | None = None
        self._call = call
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        try:
            self.result = self._call()
        except AnypoolError as error:
            self.error = error

    def waits(self) -> bool:
        return self._thread.is_alive()

    def end(self) -> None:
        self._thread.join(10)
        assert not self._thread.is_alive()


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    scene = Scene(tmp_path, measure=SHORT_S, start_vm=SHORT_S)
    yield scene
    scene.close()


def a_stopped_vm(driver: Driver) -> Vm:
    for vm in driver.observe().vms:
        if vm.host is not None:
            driver.power_off_vm(vm.id, vm.host)
            return vm
    raise AssertionError("the world has no VM")


def start(driver: Driver, vm: Vm) -> None:
    assert vm.host is not None
    driver.start_vm(vm.id, vm.host)


def test_a_call_that_hangs_leaves_its_neighbour_alone(scene: Scene) -> None:
    near, far = scene.driver("near"), scene.driver("far")
    scene.hang(scene.far, "observe_vms")
    hung = Asked(lambda: far.observe_vms(()))
    until(lambda: not scene.far.faults, "the call hangs")
    for _ in range(50):
        near.changes("", 0)
    assert near.observe().vms
    assert hung.waits()
    assert len(scene.pool.workers()) == 1
    scene.pool.close()
    hung.end()
    assert isinstance(hung.error, Unreachable)


def test_overrun_of_a_deed_is_unknown_and_of_a_read_unreachable(scene: Scene) -> None:
    far = scene.driver("far")
    vm = a_stopped_vm(far)
    scene.hang(scene.far, "start_vm")
    with pytest.raises(OutcomeUnknown, match="within"):
        start(far, vm)
    health = scene.pool.health(EndpointId("far"))
    assert health.state is EndpointState.QUARANTINED
    assert "no answer" in health.message
    with pytest.raises(Unreachable, match="rests"):
        far.measure()
    scene.hang(scene.far, "measure")
    until(lambda: not _rests(far), "the pause ends")
    with pytest.raises(Unreachable, match="within"):
        far.measure()
    until(lambda: not _rests(far), "the second pause ends")
    assert far.observe_vms((vm.id,)).vms[0].state is VmState.STOPPED
    assert scene.pool.health(EndpointId("far")).state is EndpointState.CONNECTED


def test_power_is_switched_while_the_endpoint_rests(scene: Scene) -> None:
    far = scene.driver("far")
    host = far.observe().hosts[0].id
    scene.hang(scene.far, "measure")
    with pytest.raises(Unreachable, match="within"):
        far.measure()
    scene.pool._seats[EndpointId("far")].paused_until += 60
    assert _rests(far)
    assert far.power(host).power is Power.ON
    far.force_off_host(host)
    assert far.power(host).power is Power.OFF
    assert _rests(far)
    assert scene.pool.health(EndpointId("far")).state is EndpointState.QUARANTINED


def _rests(driver: Driver) -> bool:
    try:
        driver.info()
    except Unreachable as error:
        return "rests" in error.message
    return False


def test_only_the_guilty_endpoint_is_moved_and_neighbours_finish(scene: Scene) -> None:
    near, far = scene.driver("near"), scene.driver("far")
    cursor = near.changes("", 0).cursor
    (shared,) = scene.pool.workers()
    asked = Asked(lambda: near.changes(cursor, 10))
    vm = a_stopped_vm(far)
    scene.hang(scene.far, "start_vm")
    with pytest.raises(OutcomeUnknown):
        start(far, vm)
    assert asked.waits()
    assert near.info().hosts
    assert scene.pool.health(EndpointId("near")).state is EndpointState.CONNECTED
    assert runs(shared)
    scene.near.cut_host(near.observe().hosts[0].id)
    asked.end()
    assert asked.error is None
    until(lambda: not runs(shared), "the old worker is killed once it is drained")
    until(lambda: not _rests(far), "the pause ends")
    assert len(scene.pool.workers()) == 2
    near.info()
    assert len(scene.pool.workers()) == 2


def test_a_worker_killed_in_mid_call_is_replaced(scene: Scene) -> None:
    far = scene.driver("far")
    vm = a_stopped_vm(far)
    (first,) = scene.pool.workers()
    scene.hang(scene.far, "start_vm")
    deed = Asked(lambda: start(far, vm))
    scene.hang(scene.far, "observe_vms")
    read = Asked(lambda: far.observe_vms((vm.id,)))
    until(lambda: not scene.far.faults, "both calls hang")
    os.kill(first, signal.SIGKILL)
    deed.end()
    read.end()
    assert isinstance(deed.error, OutcomeUnknown)
    assert isinstance(read.error, Unreachable)
    assert far.observe_vms((vm.id,)).vms[0].state is VmState.STOPPED
    assert first not in scene.pool.workers()


def test_an_idle_worker_that_died_is_replaced_unnoticed(scene: Scene) -> None:
    near = scene.driver("near")
    near.info()
    (first,) = scene.pool.workers()
    os.kill(first, signal.SIGKILL)
    until(lambda: first not in scene.pool.workers(), "its end is seen")
    assert near.info().hosts


def test_a_stopped_worker_is_given_up_and_killed(scene: Scene) -> None:
    near, far = scene.driver("near"), scene.driver("far")
    near.info()
    (first,) = scene.pool.workers()
    os.kill(first, signal.SIGSTOP)
    with pytest.raises(Unreachable):
        far.measure()
    until(lambda: not runs(first), "the stopped worker is killed")
    assert near.observe().vms


def test_an_endpoint_that_kills_its_workers_is_put_alone(scene: Scene) -> None:
    near, far = scene.driver("near"), scene.driver("far")
    vm = a_stopped_vm(far)
    for _ in range(2):
        scene.hang(scene.far, "observe_vms")
        asked = Asked(lambda: far.observe_vms((vm.id,)))
        until(lambda: not scene.far.faults, "the call hangs")
        for pid in scene.pool.workers():
            os.kill(pid, signal.SIGKILL)
        asked.end()
    near.info()
    far.info()
    assert len(scene.pool.workers()) == 2


def test_errors_cross_with_message_and_hint(scene: Scene) -> None:
    near = scene.driver("near")
    host = near.info().hosts[0]
    with pytest.raises(NotFound, match="there is no VM"):
        near.start_vm(VmId("nobody"), host)
    with pytest.raises(Invalid) as caught:
        near.rename_vm(VmId("nobody"), host, "<name/>")
    assert "letters" in caught.value.hint


def test_arguments_of_wrong_types_are_refused_before_the_driver(scene: Scene) -> None:
    near = scene.driver("near")
    with pytest.raises(Invalid, match="reboot_vm"):
        near.reboot_vm(7, None)  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        near.reboot_vm()  # type: ignore[call-arg]


def test_an_answer_longer_than_the_limit_is_an_error(tmp_path: Path) -> None:
    limits = Limits(frame_bytes=100_000)
    pool = WorkerPool(1, SystemClock(), limits=limits)
    try:
        big = Endpoint(id=EndpointId("big"), driver="sim", uri="sim://big?hosts=3&vms=2000")
        driver = pool.driver(big)
        with pytest.raises(Unreachable, match="longer than 100000"):
            driver.observe()
        assert len(driver.info().hosts) == 3
    finally:
        pool.close()


def test_an_answer_of_more_than_ten_megabytes_crosses() -> None:
    pool = WorkerPool(1, SystemClock())
    try:
        uri = "sim://big?hosts=100&vms=20000&host_mib=1048576"
        driver = pool.driver(Endpoint(id=EndpointId("big"), driver="sim", uri=uri))
        assert len(driver.observe().vms) == 20000
    finally:
        pool.close()


@pytest.mark.parametrize(
    "script",
    [
        "import os; os.write(1, b'HTTP/1.1 200 OK' * 99); os.read(0, 1); os.read(0, 1)",
        "import os; os.write(1, b'\\xff\\xff\\xff\\xff'); import time; time.sleep(60)",
        "import os; os.write(1, b'\\0\\0\\0\\3abc'); import time; time.sleep(60)",
        "import os; os.write(1, b'\\0\\0\\1\\0abc'); os._exit(3)",
        "import os; os._exit(3)",
    ],
)
def test_garbage_from_a_worker_ends_it(monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    monkeypatch.setattr(process, "COMMAND", (sys.executable, "-c", script))
    pool = WorkerPool(1, SystemClock())
    try:
        driver = pool.driver(Endpoint(id=EndpointId("x"), driver="sim", uri="sim://x"))
        with pytest.raises(Unreachable, match="worker"):
            driver.info()
        until(lambda: not pool.workers(), "the worker ends")
    finally:
        pool.close()


def test_too_many_calls_of_one_endpoint_are_refused_at_once(scene: Scene) -> None:
    far, near = scene.driver("far"), scene.driver("near")
    calls = Limits().calls
    cursor = far.changes("", 0).cursor
    asked = [Asked(lambda: far.changes(cursor, 20)) for _ in range(calls)]
    until(lambda: _busy(far), "all slots are taken")
    assert near.info().hosts
    scene.far.cut_host(HostId("far-h1"))
    for call in asked:
        call.end()
        assert call.error is None


def _busy(driver: Driver) -> bool:
    try:
        driver.info()
    except Busy:
        return True
    return False


def test_secrets_stay_out_of_arguments_and_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANYPOOL_DATABASE", "postgresql://u:canary-1@db/x")
    pool = WorkerPool(1, SystemClock(), log=tmp_path / "log")
    try:
        endpoint = Endpoint(
            id=EndpointId("p"), driver="sim", uri="sim://p?password=canary-2&hosts=1"
        )
        with pytest.raises(Denied):
            pool.driver(endpoint, "wrong").info()
        assert pool.health(endpoint.id).state is EndpointState.UNREACHABLE
        assert pool.driver(endpoint, "canary-2").info().hosts
        (pid,) = pool.workers()
        for name in ("cmdline", "environ"):
            assert b"canary" not in Path(f"/proc/{pid}/{name}").read_bytes()
        assert (tmp_path / "log").read_bytes() == b""
        assert (tmp_path / "log").stat().st_mode & 0o777 == 0o600
    finally:
        pool.close()


MANAGER = """
import sys, time
from anypool.clock import SystemClock
from anypool.drivers.remote import WorkerPool
from anypool.model import Endpoint, EndpointId
pool = WorkerPool(1, SystemClock())
pool.driver(Endpoint(id=EndpointId("x"), driver="sim", uri="sim://x")).info()
print(pool.workers()[0], flush=True)
time.sleep(60)
"""


@pytest.mark.parametrize("stopped", [False, True])
def test_workers_end_with_the_manager(stopped: bool) -> None:
    manager = subprocess.Popen(
        [sys.executable, "-c", MANAGER], stdout=subprocess.PIPE, text=True, bufsize=1
    )
    with manager:
        assert manager.stdout is not None
        worker = int(manager.stdout.readline())
        if stopped:
            os.kill(worker, signal.SIGSTOP)
        manager.kill()
    until(lambda: not runs(worker), "the worker ends")


def test_forgetting_and_closing_are_harmless_twice(scene: Scene) -> None:
    near = scene.driver("near")
    near.info()
    near.close()
    near.close()
    assert scene.pool.health(EndpointId("near")).state is EndpointState.NEW
    assert scene.driver("near").info().hosts
    workers = scene.pool.workers()
    scene.pool.close()
    scene.pool.close()
    assert not any(runs(pid) for pid in workers)
    with pytest.raises(Unreachable):
        near.info()
