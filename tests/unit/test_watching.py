"""What the watch decides, on plain values; times of the week; what differs between plans."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from anypool.engine.watching.decide import Deal, Rest, Urge, deal, enough, weigh
from anypool.engine.watching.past import Past
from anypool.errors import Invalid
from anypool.model import Automation, Balance, HostId, Level, Policy, PolicyId, VmId
from anypool.model.window import window_of
from anypool.plan import MigrateVm, Plan, PlanState, Step, reason
from anypool.plan.compare import compare
from anypool.planner.rebalance import Uneven
from anypool.planner.rules import checked

RULE = Balance(level=Level.AUTOMATIC, threshold_percent=5.0, hold_s=300, cool_down_s=1800)
TUESDAY_2213 = 1_700_000_000.0


def weighed(percent: float, since: float, at: float, ended_at: float = 0.0) -> Rest | Urge:
    return weigh(RULE, Uneven(percent=percent), since, Past(ended_at=ended_at), at)


def test_even_hosts_end_the_waiting_and_drop_the_proposal() -> None:
    rest = weighed(5.0, 100.0, 1000.0)
    assert isinstance(rest, Rest)
    assert (rest.since, rest.drop) == (0.0, True)


def test_uneven_hosts_must_stay_so_for_the_hold() -> None:
    rest = weighed(5.1, 0.0, 1000.0)
    assert isinstance(rest, Rest)
    assert (rest.since, rest.until, rest.drop) == (1000.0, 1300.0, False)
    assert isinstance(weighed(5.1, 1000.0, 1299.9), Rest)
    assert weighed(5.1, 1000.0, 1300.0) == Urge(1000.0)


def test_after_the_end_of_the_last_plan_there_is_rest() -> None:
    rest = weighed(9.0, 1000.0, 2000.0, ended_at=1500.0)
    assert isinstance(rest, Rest)
    assert rest.until == 3300.0
    assert weighed(9.0, 1000.0, 3300.0, ended_at=1500.0) == Urge(1000.0)


def test_a_clock_that_was_set_back_holds_nothing_up_for_ever() -> None:
    rest = weighed(9.0, 99_000.0, 1000.0, ended_at=99_000.0)
    assert isinstance(rest, Rest)
    assert rest.since == 1000.0
    assert isinstance(weighed(9.0, 1000.0, 1300.0, ended_at=99_000.0), Rest)


def test_a_broken_rule_is_reason_enough() -> None:
    now = Uneven(percent=0.0, broken=200.0)
    assert weigh(RULE, now, 100.0, Past(), 1000.0) == Urge(100.0)


def test_moves_must_take_enough_of_what_can_be_changed_away() -> None:
    assert enough(RULE, Uneven(percent=10.0), Uneven(percent=9.0))
    assert not enough(RULE, Uneven(percent=10.0), Uneven(percent=9.1))
    assert not enough(RULE, Uneven(percent=0.0), Uneven(percent=0.0))
    unmended = Uneven(percent=10.0, broken=200.0), Uneven(percent=5.0, broken=200.0)
    assert enough(RULE, *unmended)
    assert enough(RULE, Uneven(percent=5.0, broken=200.0), Uneven(percent=6.0))


def test_who_lets_a_plan_run() -> None:
    night = replace(RULE, window="23:00-05:00")
    cases = [
        (RULE, PlanState.RECOMMENDED, True, Deal.RUN),
        (RULE, PlanState.RECOMMENDED, False, Deal.KEEP),
        (RULE, PlanState.APPROVED, False, Deal.RUN),
        (night, PlanState.APPROVED, False, Deal.WINDOW),
        (night, PlanState.RECOMMENDED, True, Deal.WINDOW),
        (replace(RULE, level=Level.PARTIAL), PlanState.APPROVED, False, Deal.RUN),
        (replace(RULE, level=Level.MANUAL), PlanState.APPROVED, False, Deal.KEEP),
    ]
    for rule, state, automatic, expected in cases:
        assert deal(rule, state, automatic=automatic, at=TUESDAY_2213) is expected


def test_times_of_the_week() -> None:
    hour = 3600.0
    assert window_of("") is None
    for text, open_at, closed_at in (
        ("22:00-23:00", 0.0, 1.0),
        ("mon-fri 22:00-06:00", 7.0, 8.0),
        ("tue 22:00-06:00", 7.0, 24.0),
        ("sat-tue 22:00-06:00", 7.0, 24.0),
        ("wed 00:00-23:59", 2.0, 0.0),
        ("mon,tue 22:00-24:00", 1.0, 2.0),
        ("wed-thu", 2.0, 0.0),
        ("mon 06:00 - tue 23:00", 0.0, 1.0),
    ):
        window = window_of(text)
        assert window is not None
        assert window.is_open(TUESDAY_2213 + open_at * hour), text
        assert not window.is_open(TUESDAY_2213 + closed_at * hour), text


@pytest.mark.parametrize("text", ["22-06", "25:00-06:00", "22:00-06:60", "foo 22:00-23:00", "x"])
def test_what_is_no_time_of_the_week_is_refused(text: str) -> None:
    with pytest.raises(Invalid, match="no span of the week"):
        window_of(text)


@given(st.text(max_size=30))
def test_any_text_is_a_time_or_refused(text: str) -> None:
    with suppress(Invalid):
        window_of(text)


@pytest.mark.parametrize(
    "rule",
    [
        Balance(level=Level.DISABLED),
        Balance(window="never"),
        Balance(memory=0, cpu=0, network=0, disk=0),
        Balance(cpu=-1),
        Balance(hold_s=-1),
        Balance(lookback_s=5),
        Balance(threshold_percent=101.0),
        Balance(margin_percent=float("nan")),
        Balance(at_once=-1),
        Automation(level=Level.SHADOW),
    ],
)
def test_balances_that_make_no_sense_are_refused(rule: Balance | Automation) -> None:
    with pytest.raises(Invalid):
        checked(Policy(id=PolicyId("p"), scope="", rule=rule))


def plan_of(*moves: tuple[str, str, str]) -> Plan:
    steps = (
        Step(
            number=number,
            action=MigrateVm(vm=VmId(vm), source=HostId(source), target=HostId(target)),
            why=reason("place.equal"),
        )
        for number, (vm, source, target) in enumerate(moves, start=1)
    )
    return Plan(goal="x", steps=tuple(steps))


def test_two_plans_are_compared_vm_by_vm() -> None:
    old = plan_of(("a", "h1", "h2"), ("b", "h1", "h2"), ("c", "h1", "h3"))
    new = plan_of(("b", "h1", "h3"), ("a", "h1", "h2"), ("d", "h2", "h3"))
    found = [
        (one.change, one.before and one.before.number, one.after and one.after.number)
        for one in compare(old, new)
    ]
    assert found == [("changed", 2, 1), ("same", 1, 2), ("added", None, 3), ("removed", 3, None)]
    assert {one.change for one in compare(old, old)} == {"same"}


def test_a_vm_that_moves_twice_is_compared_move_by_move() -> None:
    old = plan_of(("a", "h1", "h2"), ("a", "h2", "h3"))
    new = plan_of(("a", "h2", "h3"))
    assert [one.change for one in compare(old, new)] == ["same", "removed"]
