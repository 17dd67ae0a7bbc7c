"""Pools, and the switch that leaves nothing but looking, in the engine with simulated hosts."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from anypool.drivers.sim import Fault, FaultKind
from anypool.engine import Engine
from anypool.errors import Busy, Conflict, Denied, NotFound
from anypool.model import Capability, EndpointId, Pool, PoolId, VmState
from anypool.plan import MigrateVm, PauseVm, Plan, PlanState, Step, reason
from anypool.planner import choose, plan_evacuation
from anypool.planner.operate import plan_action
from anypool.store import events, plans
from anypool.store.records import RunState, Severity
from tests.unit.test_engine_live import Site, soon

DEFAULT = PoolId("default")


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    made = Site(tmp_path)
    yield made
    made.close()


@pytest.fixture
def engine(site: Site) -> Engine:
    made = site.engine()
    made.start()
    site.add_all(made)
    return made


def watch(engine: Engine, on: bool = True) -> None:
    engine.pools.change(Pool(id=DEFAULT, observe_only=on), "ada")


def first(engine: Engine) -> tuple[PauseVm, EndpointId]:
    vm = min(engine.inventory.vms.values(), key=lambda one: one.name)
    assert vm.host is not None
    return PauseVm(vm=vm.id, host=vm.host), engine.inventory.hosts[vm.host].endpoint


def test_the_switch_shows_at_once_and_goes_back(engine: Engine) -> None:
    before = engine.inventory.hosts
    watch(engine)
    for host in engine.inventory.hosts.values():
        assert host.observe_only
        assert Capability.VM_POWER not in host.capabilities
        assert host.abilities == before[host.id].capabilities
    soon(lambda: all(one.seen_at for one in engine.health()))
    watch(engine, on=False)
    assert engine.inventory.hosts == before
    soon(lambda: engine.inventory.hosts == before)


def test_a_plan_is_kept_as_advice_and_not_run(site: Site, engine: Engine) -> None:
    watch(engine)
    host = next(vm.host for vm in engine.inventory.vms.values() if vm.host)
    plan = engine.submit(plan_evacuation(engine.inventory, host), "ada")
    assert len(plan.plan.steps) > 1
    with pytest.raises(Denied, match="observe-only") as refused:
        engine.run(plan.id, "ada")
    assert "anypool pool set default --observe-only false" in refused.value.hint
    with site.store().reading() as tx:
        assert plans.get(tx, plan.id).state is PlanState.RECOMMENDED
    watch(engine, on=False)
    run = engine.run(plan.id, "ada")
    assert engine.wait(run.id, 20).state is RunState.DONE


def test_one_endpoint_alone_is_looked_at(site: Site, engine: Engine) -> None:
    action, endpoint = first(engine)
    engine.pools.change_endpoint(endpoint, "ada", pool=None, observe_only=True)
    plan = engine.submit(plan_action(engine.inventory, action, "ada"), "ada")
    with pytest.raises(Denied, match=f"endpoint set {endpoint}|observe-only"):
        engine.run(plan.id, "ada")
    for vm in engine.inventory.vms.values():
        assert vm.host is not None
        found = choose(engine.inventory, vm)
        if engine.inventory.hosts[vm.host].endpoint == endpoint:
            assert found.host is not None, "advice is given among all hosts"
        else:
            assert found.host != action.host
            whys = {one.host: one.why.code for one in found.refused}
            assert whys[action.host] == "host.observe-only"


def test_the_switch_waits_for_runs_and_names_them(site: Site, engine: Engine) -> None:
    action, endpoint = first(engine)
    site.world.inject(Fault(kind=FaultKind.UNREACHABLE, operation="pause_vm", times=-1))
    run = engine.run(engine.submit(plan_action(engine.inventory, action, "ada"), "ada").id, "ada")
    with pytest.raises(Busy, match=run.id):
        watch(engine)
    with pytest.raises(Busy, match=run.id) as refused:
        engine.pools.change_endpoint(endpoint, "ada", pool=None, observe_only=True)
    assert f"anypool operation cancel {run.id}" in refused.value.hint
    assert not any(one.observe_only for one in engine.endpoints())
    site.world.clear_faults()
    engine.cancel(run.id, "ada")
    engine.wait(run.id, 20)
    watch(engine)
    with pytest.raises(Denied):
        engine.retry(run.id, 1, "ada")


def test_lifting_is_an_event_that_asks_for_attention(site: Site, engine: Engine) -> None:
    watch(engine)
    watch(engine, on=False)
    with site.store().reading() as tx:
        found = [one for one in events.since(tx, 0) if one.subject_kind == "pool"]
    assert [(one.kind, one.severity, one.by) for one in found] == [
        ("pool.observe-only-set", Severity.INFO, "ada"),
        ("pool.observe-only-lifted", Severity.WARNING, "ada"),
    ]


def test_the_switch_survives_a_restart(site: Site, engine: Engine) -> None:
    watch(engine)
    site.close()
    again = site.engine()
    again.start()
    assert all(one.observe_only for one in again.endpoints())
    assert {one.pool.observe_only for one in again.pools.all()} == {True}


def test_a_step_that_slips_through_ends_at_the_driver(site: Site, engine: Engine) -> None:
    """The engine is broken here: it lets every plan in. The world must stay as it is."""
    watch(engine)
    engine.pools.allow = lambda plan, inventory: None  # type: ignore[method-assign]
    action, _ = first(engine)
    plan = engine.submit(plan_action(engine.inventory, action, "ada"), "ada")
    run = engine.run(plan.id, "ada")
    assert engine.wait(run.id, 20).state in (RunState.FAILED, RunState.NEEDS_HUMAN)
    assert engine.inventory.vms[action.vm].state is VmState.RUNNING


def test_nothing_moves_to_a_host_that_is_looked_at(site: Site, engine: Engine) -> None:
    action, _ = first(engine)
    target = next(host for host in engine.inventory.hosts.values() if host.id != action.host)
    engine.pools.change_endpoint(target.endpoint, "ada", pool=None, observe_only=True)
    engine.pools.allow = lambda plan, inventory: None  # type: ignore[method-assign]
    move = MigrateVm(vm=action.vm, source=action.host, target=target.id)
    steps = (Step(number=1, action=move, why=reason("place.chosen")),)
    run = engine.run(engine.submit(Plan(goal="move", steps=steps), "ada").id, "ada")
    soon(lambda: engine.wait(run.id, 20).state in (RunState.FAILED, RunState.NEEDS_HUMAN))
    assert engine.inventory.vms[action.vm].host == action.host


def test_pools_come_and_go(engine: Engine) -> None:
    with pytest.raises(NotFound, match="no pool"):
        engine.pools.change(Pool(id=PoolId("west")), "ada")
    engine.pools.add(Pool(id=PoolId("west"), observe_only=True), "ada")
    with pytest.raises(Conflict, match="already"):
        engine.pools.add(Pool(id=PoolId("west")), "ada")
    _, endpoint = first(engine)
    engine.pools.change_endpoint(endpoint, "ada", pool=PoolId("west"), observe_only=None)
    hosts = [one for one in engine.inventory.hosts.values() if one.endpoint == endpoint]
    assert [(one.pool, one.observe_only) for one in hosts] == [("west", True)]
    soon(lambda: engine.inventory.hosts[hosts[0].id].pool == "west")
    with pytest.raises(Conflict, match=endpoint):
        engine.pools.remove(PoolId("west"), "ada")
    engine.pools.change_endpoint(endpoint, "ada", pool=DEFAULT, observe_only=None)
    assert not engine.inventory.hosts[hosts[0].id].observe_only
    engine.pools.remove(PoolId("west"), "ada")
    with pytest.raises(Conflict, match="always there"):
        engine.pools.remove(DEFAULT, "ada")
