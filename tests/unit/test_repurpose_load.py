"""More servers while hosts are busy, and back again; and the week as a picture."""

from msgspec.structs import replace

from anypool.cli.calendar_picture import picture
from anypool.model import HostState
from anypool.model.calendar import OnLoad
from anypool.planner.repurpose.aim import Known, aim_of
from anypool.planner.repurpose.load import Heat, busy_percent, heated, turned
from tests.strategies import host
from tests.unit.test_bearing import DB, OTHER, world
from tests.unit.test_repurpose import calendar, third

WEB = OTHER
RULE = OnLoad(
    hosts="", profiles=(DB.id, WEB.id), above_s=600, below_s=1800, rest_s=900, most_a_day=3
)


def looked(rule: OnLoad, heat: Heat, percents: list[float | None], every_s: float = 60.0) -> Heat:
    for percent in percents:
        heat = heated(rule, heat, percent, heat.at + every_s)
    return heat


def test_more_comes_only_after_it_was_hot_for_long_and_goes_only_after_it_was_cool() -> None:
    heat = looked(RULE, Heat(at=1e6), [90.0] * 10)
    assert turned(RULE, 0, heat, ()).extra == 0
    heat = looked(RULE, heat, [90.0])
    assert turned(RULE, 0, heat, ()).extra == 1
    assert turned(RULE, 2, heat, ()).extra == 2, "no more could come"
    heat = looked(RULE, heat, [60.0] * 60)
    assert turned(RULE, 1, heat, ()).extra == 1, "between the limits all stays"
    heat = looked(RULE, heat, [30.0] * 31)
    assert turned(RULE, 1, heat, ()).extra == 0
    assert turned(RULE, 0, heat, ()).extra == 0


def test_one_cool_moment_or_a_gap_begins_the_time_anew() -> None:
    heat = looked(RULE, Heat(at=1e6), [90.0] * 10 + [70.0] + [90.0] * 10)
    assert turned(RULE, 0, heat, ()).extra == 0
    heat = looked(RULE, Heat(at=1e6), [90.0] * 20)
    assert turned(RULE, 0, looked(RULE, heat, [90.0], 3600.0), ()).extra == 0
    heat = looked(RULE, Heat(at=1e6), [90.0] * 20 + [None])
    assert turned(RULE, 0, heat, ()).why.code == "calendar.unmeasured"


def test_after_a_change_it_rests_and_a_day_has_a_brake_for_what_comes() -> None:
    heat = looked(RULE, Heat(at=1e6), [90.0] * 20)
    assert turned(RULE, 0, heat, (heat.at - 800,)).why.code == "calendar.load-rests"
    lately = tuple(heat.at - hours * 3600 for hours in (2, 4, 6))
    assert turned(RULE, 0, heat, lately).why.code == "calendar.load-brake"
    cool = looked(RULE, Heat(at=1e6), [10.0] * 40)
    assert turned(RULE, 1, cool, lately).extra == 0, "what came always may go"


def test_load_is_that_of_all_cpus_and_nobody_knows_it_where_half_are_silent() -> None:
    some = [host(number, cpus=4) for number in range(4)]
    used = {one.id: 200.0 for one in some[:3]}
    assert busy_percent(some, used) == 50.0
    assert busy_percent(some, dict(list(used.items())[:2])) is None
    assert busy_percent([replace(some[0], state=HostState.OFF)], used) is None


def test_load_counts_only_where_its_purpose_holds() -> None:
    made = calendar(on_load=replace(RULE, profiles=(third().id,), during=("production",)))
    inventory = world(2).with_profile(third())
    assert aim_of(made, "production", 1, Known(inventory)).wanted == (DB.id, third().id)
    assert aim_of(made, "reporting", 1, Known(inventory)).wanted == (WEB.id,)


def test_the_week_as_a_picture_has_a_mark_for_each_part_of_a_day() -> None:
    def turn(begins: str, *names: str) -> dict[str, object]:
        bears = [
            {"server": f"b{number}", "profile": name.strip("+"), "hypervisor": name == "+"}
            for number, name in enumerate(names)
        ]
        return {"begins": begins, "bears": bears}

    turns = [turn("", "db", "+"), turn("2026-11-27 20:00", "web", "report"),
             turn("2026-11-29 06:00", "", "+")]  # fmt: skip
    found = {"turns": turns, "begins": "2026-11-26 14:00", "ends": "2026-11-29 14:00"}
    assert picture(found) == [
        "    Thu  Fri  Sat  Sun",
        "    26   27   28   29",
        "b0  AAAA AAAB BBBB B...",
        "b1  ++++ +++C CCCC C+++",
        "",
        "A db  B web  C report  + hypervisor  . nothing",
    ]
    assert picture({**found, "turns": [turn("")]}) == ["no server matches"]
