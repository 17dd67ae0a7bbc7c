"""Hosts that only their BMC can switch, by the real engine under simulated time.

The BMC here is a double of our own: it keeps the orders it got, and misbehaves when told to.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import pytest

from anypool.drivers import BaseDriver, Driver
from anypool.drivers.observing import guarded
from anypool.drivers.sim import Shape, SimDriver
from anypool.drivers.sim.state import State
from anypool.engine.runs.powering import AGAIN_S
from anypool.errors import AnypoolError, Denied, OutcomeUnknown, StoreFailed, Unreachable
from anypool.model import (
    Bmc,
    Capability,
    Endpoint,
    EndpointInfo,
    Frame,
    HostId,
    HostState,
    Power,
    PowerReading,
    VmId,
    VmState,
)
from anypool.plan import Plan, PowerOffHost, PowerOnHost, Step, digest, reason
from anypool.planner.saving import plan_wake_proof
from anypool.store import secrets
from anypool.store.records import HostFacts, RunState, StepState
from tests.simulation.pool import SimPool
from tests.simulation.yard import Yard

R = TypeVar("R")
HOST = HostId("sim-h1")
SHAPE = Shape(hosts=2, vms=2, running_percent=100)


@dataclass
class Board:
    """What all BMCs have in common: the orders they got, and how they misbehave."""

    orders: list[str] = field(default_factory=list)
    ignores: list[str] = field(default_factory=list)
    loses: list[str] = field(default_factory=list)
    silent: bool = False
    locked: bool = False
    asked: int = 0
    says: Power | None = None


class Host(SimDriver):
    """A host that says nothing while it is off, as real ones do."""

    def _read(self, operation: str, action: Callable[[State], R]) -> R:
        with self._world.turn() as state:
            if self._is_off(state):
                raise Unreachable("no route to host")
        return super()._read(operation, action)

    def power_off_host(self, host: HostId) -> None:
        raise AssertionError("it has a BMC")

    power_on_host = power_off_host


class Double(BaseDriver):
    """A BMC of one host of the world."""

    name = "double"
    capabilities = frozenset({Capability.HOST_POWER})

    def __init__(self, pool: "Bmcs") -> None:
        self._pool = pool

    def info(self) -> EndpointInfo:
        raise NotImplementedError

    def observe(self) -> Frame:
        raise NotImplementedError

    def observe_vms(self, vms: tuple[VmId, ...]) -> Frame:
        raise NotImplementedError

    def power(self, host: HostId) -> PowerReading:
        board = self._pool.board
        board.asked += 1
        if board.locked:
            raise Denied("a wrong password")
        if board.silent:
            raise Unreachable("the BMC hangs")
        with self._pool.world.turn() as state:
            power = Power.ON if state.host(host).powered else Power.OFF
        return PowerReading(power=board.says or power, watts=100.0)

    def power_off_host(self, host: HostId) -> None:
        self._order("off", lambda: self._pool.world.switch_host_off(host))

    def force_off_host(self, host: HostId) -> None:
        self._order("force", lambda: self._pool.world.switch_host_off(host))

    def power_on_host(self, host: HostId) -> None:
        self._order("on", lambda: self._pool.world.boot_host(host))

    def _order(self, kind: str, deed: Callable[[], None]) -> None:
        board = self._pool.board
        board.orders.append(kind)
        if kind in board.ignores:
            board.ignores.remove(kind)
        else:
            deed()
        if kind in board.loses:
            board.loses.remove(kind)
            raise OutcomeUnknown("the answer was lost")


class Bmcs(SimPool):
    """Hosts that answer while they are on, and a BMC for each."""

    board: Board

    def driver(self, endpoint: Endpoint, secret: str = "") -> Driver:
        if endpoint.driver == "redfish":
            return guarded(endpoint, Double(self))
        if endpoint not in self._drivers:
            host = HostId(endpoint.uri.rpartition("/")[2])
            self.forget(endpoint.id)
            self._drivers[endpoint] = Host(self.world, (host,), endpoint=endpoint.id)
        return guarded(endpoint, self._drivers[endpoint])


class Racks(Yard):
    """A yard whose hosts have BMCs."""

    def __init__(self, folder: Path) -> None:
        self.board = Board()
        super().__init__(folder, shape=SHAPE)
        for host in sorted(self.engine.inventory.hosts):
            bmc = Bmc(host=host, url=f"https://{host}", user="u", system="/s", fingerprint="f")
            self.engine.bmcs.put(bmc, "secret", PowerReading(power=Power.ON), "test")

    def _pool(self) -> SimPool:
        pool = Bmcs(self.world)
        pool.board = self.board
        return pool

    def driver_of(self, host: HostId) -> Driver:
        endpoint = self.engine.inventory.hosts[host].endpoint
        return self._pool().driver(
            next(one for one in self.engine.endpoints() if one.id == endpoint)
        )


@pytest.fixture
def racks(tmp_path: Path) -> Iterator[Racks]:
    made = Racks(tmp_path)
    yield made
    made.check_safe()
    made.close()


def prove(racks: Racks) -> RunState:
    return racks.finish(racks.begin(plan_wake_proof(racks.engine.inventory, HOST))).state


def one(racks: Racks, action: PowerOffHost | PowerOnHost) -> tuple[RunState, StepState]:
    """Carry one step out and return how run and step ended."""
    step = Step(number=1, action=action, why=reason("saving.closed"))
    plan = Plan(goal="switch", steps=(step,), based_on=digest(racks.engine.inventory))
    run = racks.begin(plan)
    return racks.finish(run).state, racks.steps(run)[0].state


def close(racks: Racks) -> None:
    """Empty the host and close it."""
    assert racks.finish(racks.evacuate(HOST)).state is RunState.DONE


def saved(racks: Racks) -> tuple[HostState, bool]:
    host = racks.engine.inventory.hosts[HOST]
    return host.state, host.power_saved


def test_a_bmc_is_asked_again_as_soon_as_its_password_can_be_read(
    racks: Racks, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The database was away, of which the BMC knows nothing; no pause is due."""

    def away(*_: object) -> str:
        raise StoreFailed("the database is away")

    with monkeypatch.context() as patch:
        patch.setattr(secrets, "get", away)
        for _ in range(3):
            assert racks.engine.vitals.read_power(HOST) is Power.UNKNOWN
    assert racks.engine.vitals.read_power(HOST) is Power.ON


def test_a_host_is_switched_by_its_bmc_and_seen_off_and_up(racks: Racks) -> None:
    assert prove(racks) is RunState.DONE
    assert racks.board.orders == ["off", "on"]
    host = racks.engine.inventory.hosts[HOST]
    assert host.wake_proven_at > 0
    assert (host.state, host.power_saved, host.maintenance) == (HostState.UP, False, False)
    racks.check_tidy()


@pytest.mark.parametrize("when", ["before", "after"])
def test_it_goes_on_through_a_crash_at_every_write(tmp_path: Path, when: str) -> None:
    for number in range(1 if when == "before" else 3, 60, 5):
        (tmp_path / f"{number}").mkdir()
        racks = Racks(tmp_path / f"{number}")
        run = racks.begin(plan_wake_proof(racks.engine.inventory, HOST))
        racks.store.crash_at = (racks.store.writes + number, when)
        assert racks.finish(run).state is RunState.DONE
        assert racks.engine.inventory.hosts[HOST].wake_proven_at > 0
        assert racks.board.orders == ["off", "on"], number
        racks.check_tidy()
        crashed = racks.crashes
        racks.close()
        if not crashed:
            return
    raise AssertionError("the sweep does not end")


@pytest.mark.parametrize("kind", ["off", "on"])
def test_an_order_whose_answer_is_lost_is_read_and_not_repeated(racks: Racks, kind: str) -> None:
    racks.board.loses = [kind]
    assert prove(racks) is RunState.DONE
    assert racks.board.orders == ["off", "on"]


@pytest.mark.parametrize("kind", ["off", "on"])
def test_an_order_that_may_have_got_there_is_given_time(racks: Racks, kind: str) -> None:
    close(racks)
    if kind == "on":
        one(racks, PowerOffHost(host=HOST))
    racks.board.orders.clear()
    racks.board.loses, racks.board.ignores = [kind], [kind]
    begun = racks.clock.now()
    action = PowerOffHost(host=HOST) if kind == "off" else PowerOnHost(host=HOST, within_s=1200)
    assert one(racks, action)[0] is RunState.DONE
    assert racks.board.orders == [kind, kind]
    assert racks.clock.now() - begun >= AGAIN_S


def test_a_host_that_does_not_shut_down_is_forced_after_a_while(racks: Racks) -> None:
    close(racks)
    racks.board.ignores = ["off"]
    begun = racks.clock.now()
    assert one(racks, PowerOffHost(host=HOST)) == (RunState.DONE, StepState.DONE)
    assert racks.board.orders == ["off", "force"]
    assert racks.clock.now() - begun >= racks.settings.host_shut_down_wait_s
    assert saved(racks) == (HostState.OFF, True)


def test_an_order_to_wake_that_nothing_comes_of_is_given_again(racks: Racks) -> None:
    close(racks)
    one(racks, PowerOffHost(host=HOST))
    racks.board.ignores = ["on"]
    assert one(racks, PowerOnHost(host=HOST, within_s=1200))[0] is RunState.DONE
    assert racks.board.orders == ["off", "on", "on"]


def test_a_bmc_that_says_off_of_a_host_that_answers_is_not_believed(racks: Racks) -> None:
    close(racks)
    racks.board.ignores = ["off", "force", "force", "force"]
    racks.board.says = Power.OFF
    run, step = one(racks, PowerOffHost(host=HOST))
    assert (run, step) == (RunState.NEEDS_HUMAN, StepState.NEEDS_HUMAN)
    assert saved(racks) == (HostState.UP, False)


def test_a_bmc_that_falls_silent_leaves_it_unknown_until_it_answers(racks: Racks) -> None:
    close(racks)
    racks.board.loses, racks.board.silent = ["off"], False
    step = Step(number=1, action=PowerOffHost(host=HOST), why=reason("saving.closed"))
    plan = Plan(goal="switch", steps=(step,), based_on=digest(racks.engine.inventory))
    run = racks.begin(plan)
    while not racks.board.orders:
        racks.step()
    racks.board.silent = True
    while racks.clock.now() < racks.steps(run)[0].begun_at + 100:
        racks.step()
    assert racks.steps(run)[0].state is StepState.BEGUN
    assert saved(racks) == (HostState.UNKNOWN, False)
    racks.board.silent = False
    assert racks.finish(run).state is RunState.DONE
    assert saved(racks) == (HostState.OFF, True)
    assert racks.board.orders == ["off"]


def test_a_host_that_a_person_switched_off_is_seen_off_and_never_woken(racks: Racks) -> None:
    close(racks)
    racks.world.switch_host_off(HOST)
    racks.engine.bmcs.read(HOST)
    with pytest.raises(Unreachable):
        racks.engine.observe_now(HOST)
    assert saved(racks) == (HostState.OFF, False)
    for action in (PowerOnHost(host=HOST, within_s=60), PowerOffHost(host=HOST)):
        with pytest.raises(AnypoolError):
            one(racks, action)
    assert racks.board.orders == []
    racks.board.silent = True
    assert racks.engine.bmcs.read(HOST) is Power.UNKNOWN
    assert saved(racks) == (HostState.UNKNOWN, False)


def test_one_that_a_person_switches_off_first_is_not_ours(racks: Racks) -> None:
    close(racks)
    step = Step(number=1, action=PowerOffHost(host=HOST), why=reason("saving.closed"))
    plan = Plan(goal="switch", steps=(step,), based_on=digest(racks.engine.inventory))
    run = racks.begin(plan)
    racks.world.switch_host_off(HOST)
    assert racks.finish(run).state is RunState.FAILED
    assert saved(racks) == (HostState.OFF, False)
    assert racks.board.orders == []


def test_one_that_does_not_let_us_in_is_asked_ever_more_rarely(racks: Racks) -> None:
    racks.board.locked = True
    racks.board.asked = 0
    for _ in range(600):
        assert racks.engine.bmcs.read(HOST) is Power.UNKNOWN
        racks.clock.advance(1.0)
    assert racks.board.asked == 4  # at once, after 60 s, 120 s and 240 s
    known = racks.engine.bmcs.get(HOST)
    assert known is not None
    assert known.message == "a wrong password"
    racks.board.locked = False
    racks.clock.advance(600.0)
    assert racks.engine.bmcs.read(HOST) is Power.ON


def test_one_that_was_opened_meanwhile_is_not_switched_off(racks: Racks) -> None:
    close(racks)
    step = Step(number=1, action=PowerOffHost(host=HOST), why=reason("saving.closed"))
    plan = Plan(goal="switch", steps=(step,), based_on=digest(racks.engine.inventory))
    run = racks.begin(plan)
    racks.engine.set_host_facts(HostFacts(host=HOST), "somebody")
    assert racks.finish(run).state is RunState.FAILED
    assert racks.board.orders == []


def test_an_observe_only_host_is_read_and_not_switched(racks: Racks) -> None:
    endpoint = racks.engine.inventory.hosts[HOST].endpoint
    racks.engine.pools.change_endpoint(endpoint, "test", pool=None, observe_only=True)
    host = racks.engine.inventory.hosts[HOST]
    assert Capability.HOST_POWER in host.withheld
    assert Capability.HOST_POWER not in host.capabilities
    assert racks.engine.bmcs.read(HOST) is Power.ON
    driver = racks.engine.bmcs.driver(HOST)
    assert driver is not None
    for deed in (driver.power_off_host, driver.force_off_host, driver.power_on_host):
        with pytest.raises(AnypoolError, match="observe-only"):
            deed(HOST)
    assert racks.board.orders == []


def test_a_vm_that_was_stopped_still_is_while_its_host_is_off(racks: Racks) -> None:
    vm = next(vm for vm, host in racks.running.items() if host == HOST)
    racks.driver_of(HOST).power_off_vm(vm, HOST)
    racks.engine.observe_now(HOST)
    close(racks)
    one(racks, PowerOffHost(host=HOST))
    racks.engine.bmcs.read(HOST)
    known = racks.engine.inventory.vms[vm]
    assert (known.state, known.host) == (VmState.STOPPED, HOST)
    racks.board.silent = True
    racks.engine.bmcs.read(HOST)
    assert racks.engine.inventory.vms[vm].state is VmState.UNKNOWN


def test_a_vm_that_ran_is_unknown_when_its_host_loses_power(racks: Racks) -> None:
    vm = next(vm for vm, host in racks.running.items() if host == HOST)
    racks.world.switch_host_off(HOST)
    with pytest.raises(Unreachable):
        racks.engine.observe_now(HOST)
    racks.engine.bmcs.read(HOST)
    assert racks.engine.inventory.hosts[HOST].state is HostState.OFF
    assert racks.engine.inventory.vms[vm].state is VmState.UNKNOWN
