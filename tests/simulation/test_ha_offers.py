"""What becomes of plans that were kept before, of refused ones, and of looks that fail."""

import errno
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from anypool.errors import Busy
from anypool.model import (
    EndpointId,
    Frame,
    HostId,
    Level,
    PlanId,
    Policy,
    PolicyId,
    Proof,
    VmId,
    VmState,
)
from anypool.plan import FenceHost, PlanState, StartAfterFailure
from anypool.store import ha
from anypool.store.records import PlanRecord, RunState
from tests.simulation.ha_yard import RULE, HaYard, guarded
from tests.simulation.test_ha import crash, fenced, made_plans
from tests.simulation.yard import Yard


@pytest.fixture
def yard(tmp_path: Path) -> Iterator[HaYard]:
    yield from guarded(tmp_path)


def set_level(yard: HaYard, level: Level) -> None:
    rule = replace(RULE, level=level)
    policy = Policy(id=PolicyId("ha"), scope="pool = default", rule=rule)
    yard.engine.policies.put(policy, "ada", new=False)


def test_what_was_recorded_only_is_not_what_waits_to_be_run(yard: HaYard) -> None:
    """A host died, and a VM crashed, while the policy only recorded; now it acts."""
    dead = yard.busiest()
    alone = min(yard.running.keys() - yard.on(dead))
    set_level(yard, Level.SHADOW)
    crash(yard, alone, VmState.CRASHED)
    yard.world.kill_host(dead)
    yard.pass_(30)
    assert {one.state for one in made_plans(yard)} == {PlanState.SHADOW}
    assert fenced(yard) == []
    set_level(yard, Level.AUTOMATIC)
    assert yard.pass_(120, yard.all_run)
    assert fenced(yard) == [dead]


def proposed(yard: HaYard, kind: type[FenceHost | StartAfterFailure]) -> PlanRecord:
    """The one plan that waits for a person and does such a thing."""
    waiting = [one for one in made_plans(yard) if one.state is PlanState.RECOMMENDED]
    (found,) = [one for one in waiting if isinstance(one.plan.steps[0].action, kind)]
    return found


def revive(yard: HaYard, host: HostId, vms: Iterable[VmId]) -> None:
    """Let VMs run on a host that came back, as if it had started them by itself."""
    with yard.world.turn() as world:
        for vm in vms:
            copy = world.copy(host, vm)
            assert copy is not None
            now = replace(copy, vm=replace(copy.vm, state=VmState.RUNNING), started_at=world.now)
            world.put_copy(host, vm, now)


def test_what_is_proposed_is_about_the_death_of_now(yard: HaYard) -> None:
    """Nobody ran the proposal to start its VMs before the host was back."""
    set_level(yard, Level.MANUAL)
    dead = yard.busiest()
    there, offers = yard.on(dead), []
    for _ in range(2):
        yard.world.kill_host(dead)
        yard.pass_(20)
        yard.finish(yard.engine.run(proposed(yard, FenceHost).id, "ada").id)
        yard.pass_(20)
        offers.append(proposed(yard, StartAfterFailure))
        yard.world.boot_host(dead)
        revive(yard, dead, there)
        yard.pass_(30)
        assert yard.all_run()
    first, second = offers
    assert first.id != second.id
    assert proofs(first).isdisjoint(proofs(second))


def proofs(plan: PlanRecord) -> set[Proof]:
    return {s.action.proof for s in plan.plan if isinstance(s.action, StartAfterFailure)}


def test_what_was_refused_does_not_brake(yard: HaYard, monkeypatch: pytest.MonkeyPatch) -> None:
    dead = yard.busiest()
    run, refusals = yard.engine.run, []

    def refused_once(plan: PlanId, by: str) -> object:
        if not refusals:
            refusals.append(plan)
            raise Busy("somebody else works there")
        return run(plan, by)

    monkeypatch.setattr(yard.engine, "run", refused_once)
    yard.world.kill_host(dead)
    assert yard.pass_(25, lambda: fenced(yard) == [dead]), "it counted as switched off"
    assert refusals


def until(yard: HaYard, done: Callable[[], bool]) -> None:
    """Let time pass until something is so right after the guard looked, and no further."""
    for _ in range(60):
        yard.clock.advance(1.0)
        yard.look()
        yard.work()
        yard.guard.round()
        if done():
            return
    raise AssertionError("it does not come to that")


def test_a_host_that_came_back_before_it_was_switched_off_does_not_brake(yard: HaYard) -> None:
    """It is seen to live when the step looks, and nothing is sent."""
    host, dead = yard.hosts[:2]
    yard.world.cut_host(host)
    yard.world.deafen(host)
    until(yard, lambda: host in yard.guard._begin.under_way().fencing)
    yard.world.heal_host(host)
    yard.pass_(15)
    assert fenced(yard) == []
    with yard.store.store.reading() as tx:
        assert ha.fences(tx, 1e9) == ()
    yard.world.kill_host(dead)
    assert yard.pass_(40, yard.all_run)


def test_the_turn_of_the_next_priority_does_not_come_by_a_clock(yard: HaYard) -> None:
    yard.clock._start += 7200  # the wall, and not what is counted
    host = yard.busiest()
    yard.world.kill_host(host)
    assert yard.pass_(40, lambda: fenced(yard) == [host])
    until(yard, lambda: bool(yard.guard._begin.under_way().since))
    (since,) = yard.guard._begin.under_way().since.values()
    assert 0 <= yard.engine.vitals.moments.now() - since < RULE.turn_s
    assert yard.pass_(60, yard.all_run)


def test_a_look_that_fails_is_looked_again(tmp_path: Path) -> None:
    """Such as by a process that has no files left: not an error that anybody foresaw."""
    yard = Yard(tmp_path)
    run = yard.evacuate()
    reads: list[EndpointId] = []
    read = yard.engine._observer.read

    def failing(endpoint: EndpointId, vms: tuple[VmId, ...] | None = None) -> Frame:
        reads.append(endpoint)
        if len(reads) in (1, 4):
            raise OSError(errno.EMFILE, "too many open files")
        return read(endpoint, vms)

    yard.engine._observer.read = failing  # type: ignore[method-assign]
    assert yard.finish(run).state is RunState.DONE
    assert len(reads) > 4
    yard.close()
