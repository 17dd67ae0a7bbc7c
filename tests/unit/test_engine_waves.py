"""What follows for a rollout from what is known of it."""

from msgspec.structs import replace

from anypool.engine import waves
from anypool.engine.waves import Followed
from anypool.model import (
    HostId,
    HostState,
    Inventory,
    OnFailure,
    PlanId,
    PoolId,
    RolloutState,
    RolloutWish,
    RunId,
)
from anypool.plan import PlanState, say
from anypool.planner.rolling import Wave, plan_of, plan_wave, terms
from anypool.store.records import PlanRecord, StepRecord, StepState
from anypool.store.rollouts import Rollout
from tests.strategies import host, pool, vm

H0, H1, H2 = (HostId(f"h{number}") for number in range(3))
WISH = RolloutWish(hosts=(H0, H1, H2), on_failure=OnFailure.RETRY, retries=2, retry_after_s=60.0)
ROLLOUT = Rollout(
    id="rollout-1",
    pool=PoolId("default"),
    wish=WISH,
    state=RolloutState.RUNNING,
    by="ada",
    waves=((H0,), (H1,), (H2,)),
    fewest=3,
)
DONE, FAILED = StepState.DONE, StepState.FAILED


def followed(*states: StepState) -> Followed:
    """The wave of h0 with one VM: move, close, hand over, verify, open, move back."""
    world = pool(3).with_vm(vm(1, "h0"))
    wave = plan_wave(world, (H0,), terms(world, WISH))
    assert isinstance(wave, Wave)
    plan = plan_of(wave, world, "default")
    assert len(plan.steps) == 6
    record = PlanRecord(
        id=PlanId("p"), plan=plan, state=PlanState.RUNNING, by="", created_at=0.0, changed_at=0.0
    )
    rest = [StepState.CANCELLED] * (6 - len(states))
    steps = [
        StepRecord(run=RunId("r"), number=number, state=state)
        for number, state in enumerate([*states, *rest], 1)
    ]
    return Followed(plan=record, steps=tuple(steps))


def test_only_what_is_verified_and_open_is_back() -> None:
    assert waves.back(followed(DONE, DONE, DONE, DONE, DONE, DONE)) == {H0}
    assert waves.back(followed(DONE, DONE, DONE, DONE, DONE, FAILED)) == {H0}
    assert waves.back(followed(DONE, DONE, DONE, DONE, FAILED)) == set()
    assert waves.back(followed(DONE, DONE, DONE, FAILED)) == set()
    assert waves.back(Followed()) == set()


def test_a_host_that_is_away_is_retried_where_it_is_and_a_move_is_planned_anew() -> None:
    assert waves.to_retry(followed(DONE, DONE, FAILED)) == (3,)
    assert waves.to_retry(followed(DONE, DONE, DONE, FAILED)) == (4,)
    assert waves.to_retry(followed(FAILED)) is None
    assert waves.to_retry(followed(DONE, FAILED)) is None


def test_the_next_wave_waits_for_what_is_verified_to_be_so_still() -> None:
    rollout = replace(ROLLOUT, done=(H0,))
    assert waves.not_yet(rollout, pool(3)) is None
    closed = waves.not_yet(rollout, pool(3).with_host(host(0, maintenance=True)))
    assert closed is not None
    assert "host0" in say(closed)
    off = waves.not_yet(rollout, pool(3).with_host(host(0, state=HostState.OFF)))
    assert off is not None


def test_the_next_wave_waits_while_a_host_of_the_pool_is_silent() -> None:
    silent = waves.not_yet(ROLLOUT, pool(3).with_host(host(2, state=HostState.UNKNOWN)))
    assert silent is not None
    assert "host2" in say(silent)
    known = host(2, state=HostState.UNKNOWN, maintenance=True)
    assert waves.not_yet(ROLLOUT, pool(3).with_host(known)) is None
    elsewhere = host(2, state=HostState.UNKNOWN, pool="other")
    assert waves.not_yet(ROLLOUT, pool(3).with_host(elsewhere)) is None


def test_hosts_that_are_gone_are_nobodys_work() -> None:
    world = pool(3)
    assert waves.left(ROLLOUT, world) == (H0, H1, H2)
    fewer = Inventory(*world).without_host(H1)
    rollout = replace(ROLLOUT, done=(H0,))
    assert waves.left(rollout, fewer) == (H2,)
    assert waves.foreseen(rollout, fewer) == (H2,)


def test_waves_that_are_grouped_anew_keep_what_is_done() -> None:
    rollout = replace(ROLLOUT, done=(H0,))
    shaped = waves.reshaped(rollout, ((H2,), (H1,)))
    assert shaped.waves == ((H0,), (H2,), (H1,))
    assert waves.number_of(shaped, (H2,)) == 2


def test_attempts_end() -> None:
    once = waves.attempt(ROLLOUT, 100.0)
    assert once is not None
    assert (once.attempts, once.due) == (1, 160.0)
    twice = waves.attempt(once, 200.0)
    assert twice is not None
    assert waves.attempt(twice, 300.0) is None
    stop = replace(ROLLOUT, wish=replace(WISH, on_failure=OnFailure.STOP))
    assert waves.attempt(stop, 100.0) is None
