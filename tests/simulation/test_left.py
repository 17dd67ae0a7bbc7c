"""Where a platform balances by itself, an automatic policy only recommends, and says so."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from anypool.engine.watching.watch import Watch
from anypool.model import HostId, Level, Matter, Policy, PolicyId, PowerSaving, VmId
from anypool.plan import MigrateVm, PlanState, say
from anypool.store import plans
from anypool.store.records import RunState
from tests.simulation.test_power import SHAPE, look, prove, up
from tests.simulation.test_watch import EVEN, Post
from tests.simulation.yard import Yard


@pytest.fixture
def post(tmp_path: Path) -> Iterator[Post]:
    made = Post(tmp_path)
    yield made
    made.yard.check_tidy()
    made.yard.close()


def decides(post: Post, *matters: Matter) -> None:
    """Let the platform decide about all hosts, which are of one cluster."""
    with post.yard.world.turn() as state:
        for key, row in tuple(state.hosts.rows.items()):
            host = replace(row.host, platform_decides=frozenset(matters), cluster="gold")
            state.hosts.put(key, replace(row, host=host))
    for host_id in post.yard.engine.inventory.hosts:
        post.yard.engine.observe_now(host_id)


def moved(post: Post, vm: VmId) -> None:
    """Let the platform move a VM by itself, whatever it does with others."""
    with post.yard.world.turn() as state:
        for host in state.hosts_of(vm):
            copy = state.copy(host, vm)
            assert copy is not None
            state.put_copy(host, vm, replace(copy, vm=replace(copy.vm, platform_moves=True)))
    for host_id in post.yard.engine.inventory.hosts:
        post.yard.engine.observe_now(host_id)


def test_an_automatic_policy_recommends_and_says_who_decides(post: Post) -> None:
    decides(post, Matter.BALANCE)
    post.balance()
    before = post.crowd()
    post.look()
    assert post.look(101) == "watch.platform-balances"
    (plan,) = post.plans()
    assert plan.state is PlanState.RECOMMENDED
    known = post.watch.standing(EVEN)
    assert known is not None
    assert known.said is not None
    assert "gold" in say(known.said)
    assert post.look(5000) == "watch.platform-balances"
    assert post.crowd() == before, "nothing was moved"


def test_what_a_person_approves_is_run_all_the_same(post: Post) -> None:
    decides(post, Matter.BALANCE)
    post.balance()
    post.look()
    post.look(101)
    (plan,) = post.plans()
    post.decide(plan, PlanState.APPROVED)
    assert post.look(6) == "watch.runs"
    post.work()
    assert post.crowd()[HostId("sim-h1")] > 1


def test_what_else_the_platform_decides_does_not_matter(post: Post) -> None:
    decides(post, Matter.POWER, Matter.RESTART)
    post.balance()
    post.look()
    assert post.look(101) == "watch.runs"
    post.work()


def test_a_vm_that_its_platform_moves_is_moved_by_a_person_alone(post: Post) -> None:
    own = {vm for vm in post.yard.engine.inventory.vms if not vm.endswith("0")}
    for vm in sorted(own):
        moved(post, vm)
    post.balance()
    post.look()
    post.look(101)
    for plan in post.plans(PlanState.RUNNING):
        with post.yard.store.store.reading() as tx:
            steps = plans.get(tx, plan.id).plan.steps
        actions = [step.action for step in steps]
        assert not {one.vm for one in actions if isinstance(one, MigrateVm)} & own
    post.work()


def test_hosts_that_the_platform_switches_are_left_on(tmp_path: Path) -> None:
    yard = Yard(tmp_path, shape=SHAPE)
    assert prove(yard) is RunState.DONE
    rule = PowerSaving(level=Level.AUTOMATIC, hold_s=600, cool_down_s=1200, low_percent=74.0)
    policy = Policy(id=PolicyId("night"), scope="pool = default", rule=rule)
    yard.engine.policies.put(policy, "ada", new=True)
    with yard.world.turn() as state:
        for key, row in tuple(state.hosts.rows.items()):
            host = replace(row.host, platform_decides=frozenset({Matter.POWER}))
            state.hosts.put(key, replace(row, host=host))
    said = ""
    for seconds in (0.0, 700.0, 2000.0):
        yard.clock.advance(seconds)
        look(yard)
        yard.engine.keeper.round()
        watch = Watch(yard.engine, yard.store, yard.clock, yard.settings)  # type: ignore[arg-type]
        watch.round()
        known = watch.standing(policy.id)
        assert known is not None
        assert known.said is not None
        said = known.said.code
    assert said == "watch.platform-powers"
    assert up(yard) == len(yard.engine.inventory.hosts), "none was switched off"
    yard.check_tidy()
    yard.close()
