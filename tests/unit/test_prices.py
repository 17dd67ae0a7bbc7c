"""Prices: schedules under limits, bounds, and what runs teach."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from anypool.model import HostId, VmId
from anypool.plan import Correction, Cost, CostModel, MigrateVm, Plan, StartVm, Step, priced, reason
from anypool.plan.learning import LEAST, MOST, NEEDED, Sample, corrections, lessons
from anypool.plan.price import used
from anypool.plan.schedule import Limits, least_ms, makespan_ms
from tests.strategies import pool, vm

H = [HostId(f"h{number}") for number in range(4)]


def move(number: int, ends: tuple[int, int], ms: int, *after: int) -> Step:
    action = MigrateVm(vm=VmId(f"v{number}"), source=H[ends[0]], target=H[ends[1]])
    why, cost = reason("place.stays"), Cost(duration_ms=ms)
    return Step(number=number, action=action, why=why, after=frozenset(after), cost=cost)


ENDS = st.tuples(st.integers(0, 3), st.integers(0, 3))
LIMITS = st.builds(
    Limits, moves=st.integers(1, 4), moves_per_host=st.integers(1, 3), steps=st.integers(1, 6)
)


@st.composite
def plans(draw: st.DrawFn) -> list[Step]:
    found: list[Step] = []
    for number in range(1, draw(st.integers(1, 12)) + 1):
        earlier = draw(st.sets(st.integers(1, number - 1), max_size=2)) if number > 1 else set()
        found.append(move(number, draw(ENDS), draw(st.integers(0, 50)), *earlier))
    return found


@given(plans(), LIMITS)
def test_a_schedule_is_between_its_bound_and_one_after_the_other(
    steps: list[Step], limits: Limits
) -> None:
    found = makespan_ms(steps, limits)
    assert least_ms(steps, limits) <= found <= sum(step.cost.duration_ms for step in steps)


def test_limits_of_hosts_and_of_the_pool_are_kept() -> None:
    out = [move(number, (0, 1 + number % 3), 1000) for number in range(1, 9)]
    assert makespan_ms(out, Limits(moves=8, moves_per_host=2)) == 4000
    assert makespan_ms(out, Limits(moves=8, moves_per_host=8)) == 1000
    assert makespan_ms(out, Limits(moves=1, moves_per_host=8)) == 8000
    assert least_ms(out, Limits(moves=8, moves_per_host=2)) == 4000


def test_ten_thousand_moves_are_scheduled_at_once() -> None:
    steps = [move(number, (0, 1 + number % 3), 1000) for number in range(1, 10_001)]
    assert makespan_ms(steps, Limits(moves=4, moves_per_host=2)) == 5_000_000


def sample(took_ms: int, base_ms: int = 1000, ends: tuple[str, str] = ("a", "b")) -> Sample:
    base = Cost(duration_ms=base_ms, copy_bytes=1000, pause_ms=50)
    took = Cost(duration_ms=took_ms, copy_bytes=1200, pause_ms=0)
    return Sample(
        kind="migrate-vm", source=ends[0], target=ends[1], base=base, quoted=base, took=took
    )


def factor(samples: list[Sample], source: str = "", target: str = "") -> int:
    found = {one.key: one.time for one in corrections(samples)}
    return found[("migrate-vm", source, target)]


def test_few_samples_teach_nothing_and_more_are_believed_more() -> None:
    assert corrections([sample(3000)] * (NEEDED - 1)) == ()
    few, many = factor([sample(3000)] * NEEDED), factor([sample(3000)] * 50)
    assert 2400 <= few < many <= 3000


def test_one_outlier_changes_nothing_much_and_no_factor_is_beyond_its_limits() -> None:
    usual = [sample(3000)] * 9
    assert abs(factor([*usual, sample(500_000)]) - factor([*usual, sample(3000)])) < 30
    assert factor([sample(10_000_000)] * 9) == MOST
    assert factor([sample(1)] * 200) == LEAST


def test_a_slow_host_is_known_by_itself_and_others_by_all() -> None:
    swift, slow = [sample(1000)] * 40, [sample(4000, ends=("c", "d"))] * 10
    assert factor(slow + swift) == pytest.approx(1000, abs=5)
    assert factor(slow + swift, "c", "d") > 3000
    model = CostModel(corrections=corrections(slow + swift))
    plan = Plan(goal="x", steps=(move(1, (0, 1), 0),))
    assert used(plan, model).corrections[0].key == ("migrate-vm", "", "")


def test_what_was_never_measured_is_not_corrected() -> None:
    (of_all, *_) = corrections([sample(2000)] * 9)
    assert of_all.pause == 1000
    assert of_all.bytes == 1180  # nine of 1200, drawn by one of 1000


def test_errors_before_and_after_are_told() -> None:
    lesson = lessons([replace(sample(2000), quoted=Cost(duration_ms=1800))] * 40)[0]
    assert (lesson.plain, lesson.quoted) == (500, 100)
    assert lesson.corrected < 20


def test_the_order_of_equal_samples_changes_nothing() -> None:
    some = [sample(1000 + 10 * n, ends=(f"h{n % 3}", f"h{n % 2}")) for n in range(60)]
    mixed = some[:]
    random.Random(1).shuffle(mixed)
    assert corrections(some) == corrections(mixed)


def test_a_price_is_corrected_by_what_is_given_and_only_that() -> None:
    world = pool(2).with_vm(vm(1, "h0", memory_mib=1000))
    steps = (
        move(1, (0, 1), 0),
        replace(move(2, (0, 1), 0), action=StartVm(vm=VmId("v1"), host=H[0])),
    )
    plan = Plan(goal="x", steps=steps)
    slow = Correction(kind="migrate-vm", samples=23, time=1400, bytes=1100, pause=2000)
    before = priced(plan, world, CostModel(), slots=1)
    after = priced(plan, world, CostModel(corrections=(slow,)), slots=1)
    first, second = zip(before.steps, after.steps, strict=True)
    assert first[1].cost.duration_ms == first[0].cost.duration_ms * 1400 // 1000
    assert first[1].cost.pause_ms == 2 * first[0].cost.pause_ms
    assert first[1].cost.energy_j == first[0].cost.energy_j == 532
    assert second[0].cost == second[1].cost
    assert priced(plan, world, CostModel(corrections=(slow,)), slots=1) == after
