"""The first seconds after a host falls silent: what is asked at once, and what is believed."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from anypool.drivers.sim import BmcMood
from anypool.drivers.sim.records import SimCopy
from anypool.model import EndpointId, HostId, PolicyId, Power, VmId, VmState
from anypool.planner.ha.decide import Fence
from anypool.planner.ha.detect import Word
from anypool.store import events, runs
from anypool.store.pages import Ask
from anypool.store.records import RunState
from tests.simulation.ha_yard import RULE, SHAPE, HaYard, guarded


@pytest.fixture
def yard(tmp_path: Path) -> Iterator[HaYard]:
    yield from guarded(tmp_path)


def test_host_without_power_is_not_waited_for_as_one_that_may_live(tmp_path: Path) -> None:
    yard = HaYard(tmp_path, rule=replace(RULE, silent_s=300))
    yard.warm()
    dead = yard.busiest()
    yard.world.switch_host_off(dead)
    assert yard.pass_(10, yard.all_run), yard.codes(dead)
    yard.check_safe()
    yard.close()


def test_host_that_fell_silent_is_asked_for_before_it_is_lost(yard: HaYard) -> None:
    dead = yard.busiest()
    endpoint = yard.engine.inventory.hosts[dead].endpoint
    yard.world.kill_host(dead)
    yard.engine.vitals.hush(endpoint)
    yard.guard.round()
    yard.work()
    assert yard.engine.vitals.power(dead).word is Word.ON
    assert yard.world.fences == []


def test_host_that_answers_again_was_not_silent(yard: HaYard) -> None:
    host = yard.busiest()
    yard.engine.vitals.hush(yard.engine.inventory.hosts[host].endpoint)
    assert host in yard.engine.vitals.hushed()
    yard.engine.observe_now(host)
    assert host not in yard.engine.vitals.hushed()
    assert yard.codes(host)[0] == "healthy"


def test_bmc_that_lies_is_not_believed_before_the_other_paths_were_asked(yard: HaYard) -> None:
    lives = yard.busiest()
    held: list[Callable[[], None]] = []
    before, listen = yard.on(lives), yard.guard.ears.listen

    def slowly(*asked: Any) -> None:
        if (task := listen(*asked)) is not None:
            held.append(task)

    yard.guard.ears.listen = slowly  # type: ignore[method-assign]
    yard.world.set_bmc(lives, BmcMood.LIES)
    yard.world.cut_host(lives)
    yard.pass_(RULE.silent_s - 2)
    assert yard.codes(lives) == ("failed", "Hold ha.listening")
    for task in held:
        task()
    yard.second()
    assert yard.codes(lives)[0] == "management-lost"
    assert yard.on(lives) == before


def test_nobody_is_fenced_before_the_other_paths_were_asked(yard: HaYard) -> None:
    lives = yard.busiest()
    held: list[Callable[[], None]] = []
    listen = yard.guard.ears.listen

    def slowly(*asked: Any) -> None:
        if (task := listen(*asked)) is not None:
            held.append(task)

    yard.guard.ears.listen = slowly  # type: ignore[method-assign]
    yard.world.cut_host(lives)
    yard.pass_(3 * RULE.silent_s)
    assert yard.codes(lives) == ("unknown", "Hold ha.listening")
    for task in held:
        task()
    yard.second()
    assert yard.codes(lives)[0] == "management-lost"
    assert yard.world.fences == []


def test_host_that_is_back_while_its_bmc_thinks_is_not_switched_off(yard: HaYard) -> None:
    lives, ask = yard.busiest(), yard.engine.vitals.ask_power

    def slowly(host: HostId) -> Power:
        power = ask(host)
        if any(isinstance(one.decision, Fence) for one in yard.guard.standing()):
            yard.world.heal_host(lives)
        return power

    yard.engine.vitals.ask_power = slowly
    yard.world.cut_host(lives)
    yard.world.deafen(lives)
    yard.pass_(5 * RULE.silent_s)
    assert yard.world.fences == []
    assert yard.all_run()


def test_host_that_is_heard_again_on_any_path_is_not_switched_off(yard: HaYard) -> None:
    lives, ask = yard.busiest(), yard.engine.vitals.ask_power

    def slowly(host: HostId) -> Power:
        power = ask(host)
        if any(isinstance(one.decision, Fence) for one in yard.guard.standing()):
            yard.world.deafen(lives, heard=True)
        return power

    yard.engine.vitals.ask_power = slowly
    yard.world.cut_host(lives)
    yard.world.deafen(lives)
    yard.pass_(5 * RULE.silent_s)
    assert yard.world.fences == []
    assert yard.codes(lives)[0] == "management-lost"


def test_what_is_heard_heaps_up_nowhere_while_nothing_is_guarded(yard: HaYard) -> None:
    yard.engine.policies.remove(PolicyId("ha"), "ada")
    (endpoint, *_) = yard.engine.endpoints()
    for _ in range(3):
        yard.engine.vitals.hush(endpoint.id)
        yard.guard.round()
    assert not yard.guard.charges._missed


@pytest.mark.parametrize("died", [False, True])
def test_vm_that_went_unheard_to_a_host_that_answers_is_found_before_it_is_started(
    yard: HaYard, *, died: bool
) -> None:
    """Another tool moved it; what told of that was lost, and the host is not read again yet."""
    source = yard.busiest()
    vm, target = min(yard.on(source)), next(one for one in yard.hosts if one != source)
    yard.hosts.remove(target)
    yard.world.cut_host(source)
    yard.pass_(6)
    with yard.world.turn() as state:
        there = state.copy(source, vm)
        assert there is not None
        down = replace(there.vm, state=VmState.STOPPED)
        state.put_copy(source, vm, SimCopy(vm=down, started_at=0.0))
        state.put_copy(target, vm, replace(there, vm=replace(there.vm, host=target)))
    if died:
        yard.world.switch_host_off(source)
    else:
        yard.world.heal_host(source)
    assert yard.pass_(60, lambda: yard.engine.inventory.vms[vm].host == target)
    yard.pass_(10)
    assert yard.where()[vm] == target


def test_many_that_answer_are_asked_before_anything_is_begun(tmp_path: Path) -> None:
    """A frozen host is switched off long after it told of its VMs, in a pool of many hosts."""
    yard = HaYard(tmp_path, shape=replace(SHAPE, hosts=70, vms=140))
    yard.warm()
    dead = yard.busiest()
    others = {one.endpoint for key, one in yard.engine.inventory.hosts.items() if key != dead}
    asked: list[tuple[EndpointId, tuple[VmId, ...]]] = []
    ask = yard.engine.vitals.ask_about

    def counted(endpoint: EndpointId, vms: tuple[VmId, ...]) -> None:
        asked.append((endpoint, vms))
        ask(endpoint, vms)

    yard.engine.vitals.ask_about = counted
    lost = sorted(yard.on(dead))
    yard.hosts = [dead]  # nobody else is read meanwhile
    yard.world.kill_host(dead)
    assert yard.pass_(30, yard.all_run), yard.codes(dead)
    assert sorted(asked) == [(one, tuple(lost)) for one in sorted(others)], "each once, for all"
    with yard.store.store.reading() as tx:
        ended = [one.state for one in runs.list_runs(tx, Ask(limit=100)).items]
        told = [one.said.code for one in events.find(tx, Ask(limit=200)).items if one.said]
    assert set(ended) == {RunState.DONE}, "nothing began before that"
    assert told.count("ha.waits") == told.count("ha.waits-no-more") == len(lost)
    yard.check_safe()
    yard.close()
