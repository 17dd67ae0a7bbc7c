"""The watch with the real engine under simulated time: hold, cool-down, people, crashes."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from anypool.drivers.sim import Shape
from anypool.engine.watching.watch import Watch
from anypool.errors import AnypoolError, Conflict
from anypool.model import Automation, Balance, HostId, Level, Pinned, Policy, PolicyId, VmId
from anypool.plan import MigrateVm, PlanState, reason
from anypool.store import plans
from anypool.store.records import PlanSummary
from tests.simulation.yard import Crash, Yard

EVEN = PolicyId("even")
RULE = Balance(
    level=Level.AUTOMATIC, threshold_percent=1.0, hold_s=100, cool_down_s=1000, at_once=2
)
SHAPE = Shape(hosts=3, vms=9, running_percent=100)


class Post:
    """A yard with a crowded pool, and the watch that looks at it."""

    def __init__(self, folder: Path) -> None:
        self.yard = Yard(folder, shape=SHAPE)
        self.watch = self._watch()
        run = self.yard.evacuate(HostId("sim-h1"))
        self.yard.finish(run)
        self.yard.open_host(HostId("sim-h1"))

    def _watch(self) -> Watch:
        yard = self.yard
        self.engine = yard.engine
        return Watch(yard.engine, yard.store, yard.clock, yard.settings)  # type: ignore[arg-type]

    def balance(self, **changes: object) -> None:
        """Let the policy be so."""
        policy = Policy(id=EVEN, scope="pool = default", rule=replace(RULE, **changes))
        self.yard.engine.policies.put(policy, "ada", new=False)

    def rule(self, name: str, rule: Automation | Pinned, scope: str) -> None:
        self.yard.engine.policies.put(
            Policy(id=PolicyId(name), scope=scope, rule=rule), "ada", new=True
        )

    def look(self, seconds: float = 0.0) -> str:
        """Let time pass and the watch look once; return the code of what it says."""
        self.yard.clock.advance(seconds)
        if self.engine is not self.yard.engine:
            self.begin_again()
        self.yard.engine.keeper.round()
        self.watch.round()
        known = self.watch.standing(EVEN)
        return "" if known is None or known.said is None else known.said.code

    def plans(self, *states: PlanState) -> list[PlanSummary]:
        """Return the plans of the policy, newest first."""
        with self.yard.store.store.reading() as tx:
            found = plans.of_policy(tx, EVEN)
        return [one for one in found if not states or one.state in states]

    def work(self) -> None:
        """Let every run come to its end."""
        for plan in self.plans(PlanState.RUNNING):
            assert plan.run is not None
            self.yard.finish(plan.run)

    def decide(self, plan: PlanSummary, state: PlanState) -> None:
        """Do what a person does who approves or rejects a plan."""
        with self.yard.store.writing() as tx:
            note = reason("plan.approved", who="ada")
            plans.set_state(tx, plan.id, state, only_from={PlanState.RECOMMENDED}, note=note)
        self.watch.wake()

    def restart(self) -> None:
        """Kill the process and start another."""
        self.yard.restart()
        self.begin_again()

    def begin_again(self) -> None:
        """Let the new process see the hosts, and watch."""
        for host in self.yard.engine.inventory.hosts:
            self.yard.engine.observe_now(host)
        self.watch = self._watch()

    def crowd(self) -> Counter[HostId]:
        return Counter(self.yard.where().values())


@pytest.fixture
def post(tmp_path: Path) -> Iterator[Post]:
    made = Post(tmp_path)
    yield made
    made.yard.check_tidy()
    made.yard.close()


def test_it_waits_for_the_hold_then_runs_then_rests(post: Post) -> None:
    post.balance()
    assert post.look() == "watch.hold"
    assert post.look(60) == "watch.hold"
    assert post.plans() == []
    assert post.look(50) == "watch.runs"
    (plan,) = post.plans()
    assert plan.state is PlanState.RUNNING
    assert plan.by == "policy:even"
    assert post.look(6) == "watch.works"
    post.work()
    assert post.crowd()[HostId("sim-h1")] > 1
    assert post.look(6) == "watch.even"
    assert post.look(5000) == "watch.even"
    assert len(post.plans()) == 1


def test_a_short_imbalance_leads_to_nothing(post: Post) -> None:
    post.balance(hold_s=500)
    assert post.look() == "watch.hold"
    post.balance(hold_s=500, threshold_percent=90.0)
    assert post.look(499) == "watch.even"
    post.balance(hold_s=500)
    assert post.look(10) == "watch.hold"
    assert post.plans() == []


def test_within_the_cool_down_nothing_is_planned(post: Post) -> None:
    post.balance()
    post.look()
    assert post.look(110) == "watch.runs"
    post.work()
    assert post.look(6) == "watch.even"
    run = post.yard.evacuate(HostId("sim-h2"))
    post.yard.finish(run)
    post.yard.open_host(HostId("sim-h2"))
    assert post.look(6) == "watch.hold"
    assert post.look(120) == "watch.rests"
    assert len(post.plans()) == 1
    assert post.look(1000) == "watch.runs"
    post.work()


def test_no_work_without_a_change(post: Post) -> None:
    post.balance(hold_s=0, level=Level.MANUAL)
    assert post.look() == "watch.proposed"
    looks = post.watch.looks
    for _ in range(10):
        assert post.look(100) == "watch.proposed"
    assert post.watch.looks == looks
    post.yard.open_host(HostId("sim-h1"))
    post.yard.engine.observe_now(HostId("sim-h1"))
    post.watch.wake()
    post.look()
    assert post.watch.looks == looks + 1
    assert len(post.plans()) == 1


def test_a_manual_policy_proposes_and_an_approved_plan_waits_for_whoever_runs_it(
    post: Post,
) -> None:
    post.balance(hold_s=0, level=Level.MANUAL)
    post.look()
    (plan,) = post.plans()
    post.decide(plan, PlanState.APPROVED)
    assert post.look(6) == "watch.proposed"
    assert [one.state for one in post.plans()] == [PlanState.APPROVED]
    post.yard.finish(post.yard.engine.run(plan.id, "ada").id)
    assert post.look(6) == "watch.even"


def test_a_partial_policy_runs_what_a_person_approved(post: Post) -> None:
    post.balance(hold_s=0, level=Level.PARTIAL)
    assert post.look() == "watch.proposed"
    assert post.look(500) == "watch.proposed"
    (plan,) = post.plans()
    post.decide(plan, PlanState.APPROVED)
    assert post.look() == "watch.runs"
    post.work()
    assert [one.state for one in post.plans()] == [PlanState.DONE]


def test_what_a_person_rejected_is_not_proposed_again_at_once(post: Post) -> None:
    post.balance(hold_s=0, level=Level.PARTIAL)
    post.look()
    post.decide(post.plans()[0], PlanState.CANCELLED)
    assert post.look(6) == "watch.rests"
    assert post.look(500) == "watch.rests"
    assert len(post.plans()) == 1
    assert post.look(600) == "watch.proposed"
    assert len(post.plans()) == 2


def test_a_newer_plan_takes_the_place_of_the_older_one(post: Post) -> None:
    post.balance(hold_s=0, level=Level.MANUAL)
    post.look()
    vm = min(_moved(post))
    post.rule("stay", Pinned(), f'id = "{vm}"')
    assert post.look(6) == "watch.proposed"
    new, old = post.plans()
    assert (new.state, old.state) == (PlanState.RECOMMENDED, PlanState.SUPERSEDED)
    assert new.id in old.note


def test_a_proposal_that_is_not_needed_any_more_is_dropped(post: Post) -> None:
    post.balance(hold_s=0, level=Level.MANUAL)
    post.look()
    post.balance(hold_s=0, level=Level.MANUAL, threshold_percent=90.0)
    assert post.look() == "watch.even"
    assert [one.state for one in post.plans()] == [PlanState.SUPERSEDED]
    post.balance(hold_s=0, level=Level.MANUAL)
    post.look()
    post.yard.engine.policies.remove(EVEN, "ada")
    post.look()
    assert {one.state for one in post.plans()} == {PlanState.SUPERSEDED}


def test_an_approved_plan_that_no_longer_fits_is_refused_and_made_anew(post: Post) -> None:
    post.balance(hold_s=0, level=Level.PARTIAL)
    post.look()
    (plan,) = post.plans()
    vm = min(_moved(post))
    post.rule("stay", Pinned(), f'id = "{vm}"')
    post.decide(plan, PlanState.APPROVED)
    assert post.look(6) == "admit.rules"
    assert [one.state for one in post.plans()] == [PlanState.SUPERSEDED]
    assert post.look(6) == "watch.proposed"


def test_shadow_records_once_what_it_would_do_and_moves_nothing(post: Post) -> None:
    before = post.crowd()
    post.balance(hold_s=0, level=Level.SHADOW, cool_down_s=10)
    assert post.look() == "watch.shadow"
    for _ in range(5):
        post.look(100)
        post.watch.wake()
    assert [one.state for one in post.plans()] == [PlanState.SHADOW]
    assert post.crowd() == before
    with pytest.raises(Conflict, match="shadow"):
        post.yard.engine.run(post.plans()[0].id, "ada")


def test_outside_its_window_a_plan_waits(post: Post) -> None:
    # The clock begins on a Tuesday at 22:13 UTC.
    post.balance(hold_s=0, window="02:00-03:00")
    assert post.look() == "watch.window"
    assert [one.state for one in post.plans()] == [PlanState.RECOMMENDED]
    assert post.look(4 * 3600) == "watch.runs"
    post.work()


def test_levels_of_vms_go_before_that_of_the_policy(post: Post) -> None:
    post.balance(hold_s=0)
    post.rule("hands-off", Automation(level=Level.DISABLED), "state = running")
    assert post.look() == "watch.no-gain"
    post.yard.engine.policies.remove(PolicyId("hands-off"), "ada")
    post.rule("ask", Automation(level=Level.MANUAL), "state = running")
    assert post.look(6) == "watch.proposed"
    post.balance(hold_s=0, level=Level.MANUAL)
    post.yard.engine.policies.remove(PolicyId("ask"), "ada")
    post.rule("go", Automation(level=Level.AUTOMATIC), "state = running")
    assert post.look(6) == "watch.runs"
    post.work()


def test_after_a_run_that_was_cancelled_a_person_decides(post: Post) -> None:
    post.balance(hold_s=0, cool_down_s=10)
    assert post.look() == "watch.runs"
    (plan,) = post.plans()
    assert plan.run is not None
    post.yard.engine.cancel(plan.run, "ada")
    post.yard.finish(plan.run)
    if post.look(60) != "watch.even":
        assert post.look(60) == "watch.failed"
        assert post.plans()[0].state is PlanState.RECOMMENDED


def test_while_a_host_does_not_answer_nothing_is_planned(post: Post) -> None:
    post.balance(hold_s=0)
    with post.yard.world.turn() as state:
        state.hosts.put("sim-h3", replace(state.host(HostId("sim-h3")), reachable=False))
    with pytest.raises(AnypoolError):
        post.yard.engine.observe_now(HostId("sim-h3"))
    assert post.look() == "watch.silent"
    assert post.plans() == []
    with post.yard.world.turn() as state:
        state.hosts.put("sim-h3", replace(state.host(HostId("sim-h3")), reachable=True))
    post.yard.engine.observe_now(HostId("sim-h3"))
    assert post.look() == "watch.runs"
    post.work()


def test_the_hold_goes_on_after_a_restart(post: Post) -> None:
    post.balance()
    assert post.look() == "watch.hold"
    post.restart()
    assert post.look(101) == "watch.runs"
    post.work()


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("write", range(1, 9))
def test_killed_at_any_write_it_goes_on_and_runs_one_plan(
    tmp_path: Path, write: int, when: str
) -> None:
    post = Post(tmp_path)
    post.balance(hold_s=0)
    post.yard.store.writes = 0
    post.yard.store.crash_at = (write, when)
    for _ in range(12):
        try:
            post.look(6)
            post.work()
        except Crash:
            post.restart()
        if post.plans(PlanState.DONE):
            break
    ran = [one for one in post.plans() if one.run is not None]
    assert len(ran) == 1
    assert post.crowd()[HostId("sim-h1")] > 1
    assert post.look(6) == "watch.even"
    assert post.look(5000) == "watch.even"
    post.yard.check_tidy()
    post.yard.close()


def _moved(post: Post) -> set[VmId]:
    """Return the VMs that the newest plan moves."""
    with post.yard.store.store.reading() as tx:
        plan = plans.get(tx, post.plans()[0].id).plan
    return {step.action.vm for step in plan if isinstance(step.action, MigrateVm)}
