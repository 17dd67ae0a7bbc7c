"""A simulated server dies, no spare fits, and what it was becomes a VM: with the same proof."""

import pytest
from msgspec.structs import replace

from anypool.drivers.sim import BmcMood
from anypool.drivers.sim.racked import set_server
from anypool.engine.failover import Vigil
from anypool.errors import NoPlan
from anypool.plan import PowerOffServer, say
from anypool.planner.profiles.wishes import FailOver
from anypool.planner.rules import NO_RULES
from anypool.store import runs
from anypool.store.records import RunState
from tests.simulation import test_service_moves
from tests.simulation.test_profiles import FIRST, RACK, SECOND, facts_of
from tests.simulation.test_service_moves import VM, Moved, kinds

yard = test_service_moves.yard


def of_failed(yard: Moved) -> FailOver:
    return FailOver(server=FIRST, virtual=yard.wish())


def alone(yard: Moved, **facts: object) -> None:
    """Leave no spare, and let what is said happen to the server that bears the profile."""
    yard.engine.servers.set_facts(facts_of(SECOND, spare=False), "ada")
    set_server(yard.world, FIRST, **facts)
    yard.engine._observer.read(RACK)


def test_where_no_spare_is_left_what_a_dead_server_bore_becomes_a_vm(yard: Moved) -> None:
    before = of_failed(yard).plan(yard.engine.inventory, NO_RULES)
    assert "CreateVm" not in kinds(before), "a spare comes first"
    alone(yard, powered=False)
    plan = of_failed(yard).plan(yard.engine.inventory, NO_RULES)
    assert kinds(plan) == [
        "PowerOffServer", "WithdrawProfile", "ApplyProfile", "CreateVm", "StartVm", "AwaitReady"
    ]  # fmt: skip
    assert plan.steps[0].action == PowerOffServer(server=FIRST, force=True)
    assert "no spare server fits" in say(plan.steps[2].why)
    assert [say(one.why) for one in plan.rejected] == ["it is no spare"]
    run = yard.begin(plan)
    assert yard.finish(run).state is RunState.DONE, yard.steps(run)
    assert (yard.profile.vm, yard.profile.epoch, yard.bearer) == (VM, 2, VM)
    yard.check_once()


def test_who_watches_a_profile_lets_a_vm_be_it_too(yard: Moved) -> None:
    alone(yard, powered=False)
    vigil = Vigil(yard.engine, yard.store, yard.clock, yard.settings)  # type: ignore[arg-type]
    vigil.virtual = lambda *_: yard.wish()
    said = vigil._begin(FIRST, yard.profile, yard.engine.inventory)
    assert said.code == "watch.runs", say(said)
    with yard.store.store.reading() as tx:
        (run,) = runs.unfinished(tx)
    assert yard.finish(run.id).state is RunState.DONE
    assert yard.bearer == VM
    yard.check_once()


@pytest.mark.parametrize("mood", [BmcMood.DEAD, BmcMood.STUCK])
def test_without_a_proof_that_it_is_dead_no_vm_is_made(yard: Moved, mood: BmcMood) -> None:
    alone(yard, bmc=mood)
    run = yard.begin(of_failed(yard).plan(yard.engine.inventory, NO_RULES))
    yard.finish(run)
    assert yard.profile.machine == FIRST
    assert VM not in yard.copies()
    yard.check_once()


def test_where_no_host_has_room_either_all_that_is_against_it_is_said(yard: Moved) -> None:
    alone(yard, powered=False)
    large = replace(yard.wish().wish, memory_mib=1 << 30)
    wish = replace(of_failed(yard), virtual=replace(yard.wish(), wish=large))
    with pytest.raises(NoPlan) as caught:
        wish.plan(yard.engine.inventory, NO_RULES)
    assert {"blade2", "web"} <= set(caught.value.refusals)
