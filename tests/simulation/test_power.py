"""Hosts are switched off and woken by the real engine under simulated time."""

import math
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from anypool.drivers.sim import Fault, FaultKind, Shape
from anypool.engine.watching import powermarks
from anypool.engine.watching.powerorders import Energy
from anypool.engine.watching.watch import Watch
from anypool.errors import Invalid
from anypool.model import (
    Failover,
    HostId,
    HostState,
    Level,
    Policy,
    PolicyId,
    PowerSaving,
    Usage,
)
from anypool.planner.saving import Order, busy, plan_saving, plan_wake_proof
from anypool.store import plans
from anypool.store.records import RunState
from tests.simulation.yard import Yard

SHAPE = Shape(hosts=4, vms=8, running_percent=100)
LAST = HostId("sim-h4")
HOUR_S = 3600.0


@pytest.fixture
def yard(tmp_path: Path) -> Iterator[Yard]:
    made = Yard(tmp_path, shape=SHAPE)
    yield made
    made.check_tidy()
    made.close()


def look(yard: Yard) -> None:
    """Read every host anew."""
    for host in sorted(yard.engine.inventory.hosts):
        yard.engine.observe_now(host)


def prove(yard: Yard, host: HostId = LAST) -> RunState:
    run = yard.begin(plan_wake_proof(yard.engine.inventory, host))
    state = yard.finish(run).state
    look(yard)
    return state


def order(yard: Yard, percent: float, **changes: object) -> Order:
    """Every VM uses so many percent of one CPU."""
    inventory = yard.engine.inventory
    values: dict[str, object] = {
        "hosts": frozenset(inventory.hosts),
        "usages": dict.fromkeys(inventory.vms.keys(), Usage(cpu_percent=percent)),
        "now": yard.clock.now(),
    }
    return Order(**(values | changes))  # type: ignore[arg-type]


def save(yard: Yard, percent: float, **changes: object) -> RunState | None:
    """Plan on what is known and carry it out; None if nothing is due."""
    rules = yard.engine.policies.rulebook(yard.engine.inventory)
    plan = plan_saving(yard.engine.inventory, order(yard, percent, **changes), rules)
    if not plan.steps:
        return None
    state = yard.finish(yard.begin(plan)).state
    look(yard)
    return state


def up(yard: Yard) -> int:
    hosts = yard.engine.inventory.hosts.values()
    return sum(one.state is HostState.UP and not one.maintenance for one in hosts)


def test_proof_is_kept_and_survives_a_restart(yard: Yard) -> None:
    assert prove(yard) is RunState.DONE
    yard.restart()
    look(yard)
    host = yard.engine.inventory.hosts[LAST]
    assert host.wake_proven_at > 0
    assert not host.power_saved
    assert not host.maintenance
    assert host.state is HostState.UP


@pytest.mark.parametrize("when", ["before", "after"])
def test_proof_goes_on_through_a_crash_at_every_write(tmp_path: Path, when: str) -> None:
    for number in range(2 if when == "before" else 4, 44, 6):
        (tmp_path / f"{number}").mkdir()
        yard = Yard(tmp_path / f"{number}", shape=Shape(hosts=2, vms=2, running_percent=100))
        plan = plan_wake_proof(yard.engine.inventory, HostId("sim-h1"))
        run = yard.begin(plan)
        yard.store.crash_at = (yard.store.writes + number, when)
        assert yard.finish(run).state is RunState.DONE
        look(yard)
        host = yard.engine.inventory.hosts[HostId("sim-h1")]
        assert host.wake_proven_at > 0
        assert not host.power_saved
        yard.check_tidy()
        crashed = yard.crashes
        yard.close()
        if not crashed:
            return
    raise AssertionError("the sweep does not end")


def test_answers_that_are_lost_change_nothing(yard: Yard) -> None:
    for operation in ("power_off_host", "power_on_host"):
        yard.world.inject(Fault(kind=FaultKind.LOST_ANSWER, operation=operation))
    assert prove(yard) is RunState.DONE
    assert yard.engine.inventory.hosts[LAST].wake_proven_at > 0


def test_host_that_does_not_wake_is_no_longer_proven(yard: Yard) -> None:
    assert prove(yard) is RunState.DONE
    fault = Fault(kind=FaultKind.REJECTED, operation="power_on_host", times=-1)
    yard.world.inject(fault)
    assert prove(yard) is not RunState.DONE
    host = yard.engine.inventory.hosts[LAST]
    assert host.state is HostState.OFF
    assert host.wake_proven_at == 0.0


def test_host_that_a_person_switched_off_stays_off(yard: Yard) -> None:
    assert prove(yard) is RunState.DONE
    assert save(yard, 5.0) is RunState.DONE
    asleep = [h.id for h in yard.engine.inventory.hosts.values() if h.state is HostState.OFF]
    assert asleep == [LAST]
    yard.world.boot_host(LAST)  # somebody needs it
    look(yard)
    Watch(yard.engine, yard.store, yard.clock, yard.settings).round()  # type: ignore[arg-type]
    yard.world.switch_host_off(LAST)  # and has done
    look(yard)
    assert not yard.engine.inventory.hosts[LAST].power_saved
    assert save(yard, 900.0) is None
    yard.restart()
    look(yard)
    assert save(yard, 900.0) is None


def test_policy_closes_after_the_hold_and_wakes_at_once(yard: Yard) -> None:
    assert prove(yard) is RunState.DONE
    rule = PowerSaving(level=Level.AUTOMATIC, hold_s=600, cool_down_s=1200, low_percent=74.0)
    policy = Policy(id=PolicyId("night"), scope="pool = default", rule=rule)
    yard.engine.policies.put(policy, "ada", new=True)

    def round_(seconds: float) -> str:
        yard.clock.advance(seconds)
        look(yard)
        yard.engine.keeper.round()
        watch = Watch(yard.engine, yard.store, yard.clock, yard.settings)  # type: ignore[arg-type]
        watch.round()
        known = watch.standing(policy.id)
        assert known is not None
        assert known.said is not None
        with yard.store.store.reading() as tx:
            (newest, *_) = (*plans.of_policy(tx, policy.id), None)
        if newest is not None and newest.run is not None:
            yard.finish(newest.run)
        return known.said.code

    yard.engine.policies.put(replace(policy, rule=replace(rule, window="mon 00:00-00:01")),
                             "ada", new=False)  # fmt: skip
    assert round_(120.0) == "aim.power-rest"
    yard.engine.policies.put(policy, "ada", new=False)
    assert round_(0.0) == "saving.hold"
    assert round_(500.0) == "saving.hold"
    assert round_(150.0) == "watch.runs"
    look(yard)
    assert yard.engine.inventory.hosts[LAST].power_saved
    for number in range(1, 3):
        busier = replace(rule, low_percent=1.0, high_percent=1.5)
        yard.engine.policies.put(replace(policy, rule=busier), "ada", new=False)
        assert round_(10.0) == ("watch.runs" if number == 1 else "aim.power-rest")
    assert yard.engine.inventory.hosts[LAST].state is HostState.UP
    assert not yard.engine.inventory.hosts[LAST].maintenance


def test_policy_proves_an_empty_host_anew_when_its_proof_is_old(yard: Yard) -> None:
    assert prove(yard) is RunState.DONE  # and so it is empty
    yard.clock.advance(31 * 86_400)
    rule = PowerSaving(level=Level.AUTOMATIC, hold_s=60, cool_down_s=0, low_percent=74.0)
    policy = Policy(id=PolicyId("night"), scope="pool = default", rule=rule)
    yard.engine.policies.put(policy, "ada", new=True)
    watch = Watch(yard.engine, yard.store, yard.clock, yard.settings)  # type: ignore[arg-type]

    def broken(*_: object) -> Energy:
        raise Invalid("a file about energy that cannot be read")

    watch.power_orders.energy = broken
    said = []
    for _ in range(2):
        look(yard)
        yard.engine.keeper.round()
        watch.round()
        known = watch.standing(policy.id)
        assert known is not None
        assert known.said is not None
        said.append(known.said.code)
        yard.clock.advance(61.0)
    assert said == ["saving.hold", "watch.runs"]
    with yard.store.store.reading() as tx:
        (newest,) = plans.of_policy(tx, policy.id)
    assert newest.run is not None
    assert yard.finish(newest.run).state is RunState.DONE
    look(yard)
    host = yard.engine.inventory.hosts[LAST]
    assert yard.clock.now() - host.wake_proven_at < HOUR_S
    assert (host.state, host.maintenance, host.power_saved) == (HostState.UP, False, False)


def test_over_a_day_hosts_follow_the_load_and_failures_are_survived(yard: Yard) -> None:
    rule = Failover(failures=1)
    policy = Policy(id=PolicyId("n+1"), scope="pool = default", rule=rule)
    yard.engine.policies.put(policy, "ada", new=True)
    for host in sorted(yard.engine.inventory.hosts):
        assert prove(yard, host) is RunState.DONE
    counts: list[int] = []
    deeds = 0
    cpus = sum(one.cpus for one in yard.engine.inventory.hosts.values())
    for hour in range(24):
        share = 0.35 - 0.3 * math.cos(2 * math.pi * hour / 24)  # of all CPUs: 5 % to 65 %
        percent = 100.0 * share * cpus / len(yard.running)
        for _ in range(4):
            done = save(yard, percent)
            deeds += done is not None
            assert done in (None, RunState.DONE)
            powermarks.lift(yard.engine)
            yard.clock.advance(HOUR_S / 4)
        assert save(yard, percent) is None  # what was decided holds
        wish = order(yard, percent)
        on = [h for h in yard.engine.inventory.hosts.values()
              if h.state is HostState.UP and not h.maintenance]  # fmt: skip
        assert len(on) == 4 or busy(yard.engine.inventory, on, wish.usages) <= 75.0
        if hour == 12:
            yard.restart()
            look(yard)
        counts.append(up(yard))
    assert min(counts) == 2
    assert max(counts[10:15]) == 4
    assert deeds <= 6
