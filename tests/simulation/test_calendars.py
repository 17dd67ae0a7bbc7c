"""Calendars are carried out on simulated servers, by the real engine under simulated time.

The world itself judges: no address is ever in use on two servers that are on, no VM is lost.
"""

from datetime import datetime
from pathlib import Path

import pytest
from msgspec.structs import replace

from anypool.drivers.sim import BmcMood, Fault, FaultKind, Shape
from anypool.drivers.sim.racked import double_addresses, set_server
from anypool.engine.calendars.repurposing import Repurposing
from anypool.engine.loads.load import LoadRate
from anypool.model import AdapterKind, Level, Profile, ProfileId
from anypool.model.calendar import Calendar, CalendarId, Hold, OneOff, OnLoad, Purpose, Span
from anypool.model.profile import ProfilePort
from anypool.plan import say
from anypool.planner.repurpose.timeline import moment_of, zone_of
from anypool.store import calendars, plans
from anypool.store.calendars import Standing
from anypool.store.records import RunState
from tests.simulation.test_profiles import (
    DB,
    FIRST,
    RACK,
    SECOND,
    THIRD,
    Racked,
)
from tests.simulation.yard import TURNS, Crash

SHAPE = Shape(hosts=3, vms=3, servers=3, running_percent=100)
KEY = CalendarId("blades")
WEB = ProfileId("profile-web")
HOUR_S = 3600.0
BERLIN = zone_of("Europe/Berlin")


def at(text: str) -> float:
    return moment_of(datetime.fromisoformat(text), BERLIN)


def made(**changes: object) -> Calendar:
    """Of two blades one bears db on weekdays, and one bears web else."""
    values: dict[str, object] = {
        "id": KEY,
        "servers": "name = blade1",
        "zone": "Europe/Berlin",
        "purposes": (
            Purpose(name="production", profiles=(DB,)),
            Purpose(name="reporting", profiles=(WEB,)),
        ),
        "spans": (Span(purpose="production", when="mon 06:00 - fri 20:00"),),
        "otherwise": "reporting",
        "level": Level.AUTOMATIC,
    }
    return Calendar(**(values | changes))  # type: ignore[arg-type]


class Scheduled(Racked):
    """A rack whose servers a calendar repurposes."""

    repurposing: Repurposing

    def furnish(self) -> None:
        super().furnish()
        lan_only = ProfilePort(id="nic1", kind=AdapterKind.ETHERNET, address="")
        self.engine.servers.profiles.add(
            Profile(id=WEB, name="web", ports=(lan_only,)), ("", ""), "ada"
        )
        self.attend()

    def attend(self) -> None:
        self.repurposing = Repurposing(self.engine, self.store, self.clock)  # type: ignore[arg-type]

    def restart(self) -> None:
        super().restart()
        self.engine._observer.read(RACK)
        self.attend()

    def declare(self, calendar: Calendar, now: str = "2026-11-25T12:00") -> None:
        self.sleep(now)
        self.repurposing.calendars.declare(calendar, "ada")

    def sleep(self, until: str) -> None:
        """Let time pass in which nobody looks."""
        left = at(until) - self.clock.now()
        assert left >= 0
        self.clock.advance(left)

    def work(self, seconds: float = 0.0) -> None:
        """Look, and let runs go on, until nothing is under way and some time has passed."""
        until = self.clock.now() + seconds
        for _ in range(TURNS):
            try:
                self.repurposing.round()
                while self.crew.tasks:
                    self.crew.work()
                left = self.engine.turn()
                busy = self.standing.plan is not None and self.waits_for_us
                rests = self.standing.settled or self.standing.due
                if rests and not busy and not self.crew.tasks and self.clock.now() >= until:
                    return
                self.clock.advance(max(0.05, min(left, 2.0)))
            except Crash:
                self.restart()
        raise AssertionError(f"it does not end: {self.standing}")

    @property
    def waits_for_us(self) -> bool:
        """Whether the plan under way is one that goes on without a person."""
        with self.store.store.reading() as tx:
            plan = self.standing.plan
            return plan is not None and plans.get(tx, plan).state not in ("recommended",)

    @property
    def standing(self) -> Standing:
        with self.store.store.reading() as tx:
            return calendars.standing(tx, KEY)

    @property
    def bears(self) -> str:
        """The names of the profiles on the three blades and the node, as the engine knows it."""
        names = {one.server: one.name for one in self.engine.inventory.profiles.values()}
        return " ".join(names.get(key, "-") for key in (FIRST, SECOND, THIRD))

    def told(self, kind: str) -> list[str]:
        """What events of a kind say."""
        from sqlalchemy import select

        from anypool.store.tables import events

        with self.store.store.reading() as tx:
            rows = tx.rows(select(events.c.message).where(events.c.kind == f"calendar.{kind}"))
        return [row[0] for row in rows]

    def check(self) -> None:
        assert double_addresses(self.world) == ()
        self.check_safe()
        with self.world.turn() as state:
            known = self.engine.inventory.profiles.values()
            owners = {one.server for one in known if one.server is not None}
            bear = {key for key, row in state.servers.rows.items() if row.server.bears}
            assert bear <= owners


@pytest.fixture
def yard(tmp_path: Path) -> Scheduled:
    one = Scheduled(tmp_path, shape=SHAPE)
    one.furnish()
    return one


def test_a_blade_is_production_in_the_week_and_for_reports_at_the_weekend(yard: Scheduled) -> None:
    yard.declare(made())
    yard.work()
    assert yard.bears == "db - -"
    yard.sleep("2026-11-27T20:00")
    yard.work()
    assert yard.bears == "web - -"
    yard.sleep("2026-11-30T05:59")
    yard.work()
    assert yard.bears == "web - -"
    yard.sleep("2026-11-30T06:00")
    yard.work()
    assert yard.bears == "db - -"
    assert yard.told("missed") == []
    yard.check()


def test_what_was_missed_is_made_up_for_and_said_and_what_is_over_is_not(yard: Scheduled) -> None:
    yard.declare(made())
    yard.work()
    yard.restart()
    yard.sleep("2026-11-30T09:00")
    yard.restart()
    yard.work()
    assert yard.bears == "db - -"
    late, skipped = yard.told("missed")
    assert "production was due at 2026-11-30 06:00, 180 min ago" in late
    assert "reporting from 2026-11-27 20:00 to 2026-11-30 06:00 was missed" in skipped
    yard.sleep("2026-12-05T00:00")
    yard.restart()
    yard.work()
    assert yard.bears == "web - -"
    assert "was due at 2026-12-04 20:00, 240 min ago" in yard.told("missed")[-1]
    yard.check()


def test_a_stretch_that_passed_while_nobody_looked_is_told(yard: Scheduled) -> None:
    third = Purpose(name="tests")
    spans = (Span(purpose="production", when="mon-fri 06:00-20:00"),
             Span(purpose="tests", when="mon-fri 20:00-06:00"))  # fmt: skip
    calendar = made(spans=spans)
    yard.declare(replace(calendar, purposes=(*calendar.purposes, third)))
    yard.work()
    yard.sleep("2026-11-28T09:00")
    yard.work()
    assert yard.bears == "web - -"
    late, *skipped = yard.told("missed")
    assert "reporting was due at 2026-11-28 06:00" in late
    assert len(skipped) == 5
    assert "tests from 2026-11-27 20:00 to 2026-11-28 06:00 was missed" in skipped[-1]


def test_an_exception_and_a_hold_go_before_the_week(yard: Scheduled) -> None:
    yard.declare(made(exceptions=(OneOff(purpose="reporting", when="2026-11-26"),)))
    yard.work()
    assert yard.bears == "db - -"
    until = at("2026-11-26T12:00")
    yard.repurposing.calendars.hold(KEY, Hold(until=until, since=0.0), "ada")
    yard.sleep("2026-11-26T08:00")
    yard.work(10)
    assert yard.bears == "db - -"
    assert yard.standing.said is not None
    assert say(yard.standing.said) == "all stays as it is until 2026-11-26 12:00"
    assert yard.told("held") == ["held by ada, with -"]
    yard.sleep("2026-11-26T12:00")
    yard.work()
    assert yard.bears == "web - -"
    assert yard.told("missed") == []
    yard.sleep("2026-11-27T00:00")
    yard.work()
    assert yard.bears == "db - -"


def test_what_people_do_after_a_change_is_left_alone_until_the_next_one(yard: Scheduled) -> None:
    from anypool.planner.profiles.assign import plan_unassign

    yard.declare(made())
    yard.work()
    run = yard.begin(plan_unassign(yard.engine.inventory, DB))
    assert yard.finish(run).state is RunState.DONE
    yard.work(600)
    assert yard.bears == "- - -"
    yard.sleep("2026-11-27T20:00")
    yard.work()
    assert yard.bears == "web - -"


@pytest.mark.parametrize("level", [Level.MANUAL, Level.PARTIAL, Level.SHADOW, Level.DISABLED])
def test_below_automatic_nothing_happens_without_a_person(yard: Scheduled, level: Level) -> None:
    yard.declare(made(level=level))
    for _ in range(20):
        yard.repurposing.round()
        yard.clock.advance(2.0)
    assert yard.bears == "- - -"
    plan = yard.standing.plan
    assert (plan is not None) is (level in (Level.MANUAL, Level.PARTIAL))
    if plan is None:
        return
    if level is Level.MANUAL:
        yard.engine.run(plan, "ada")
    else:
        with yard.store.store.writing() as tx:
            plans.set_state(tx, plan, plans.PlanState.APPROVED,
                            only_from={plans.PlanState.RECOMMENDED}, note=yard.standing.said)  # type: ignore[arg-type]  # fmt: skip
    yard.work()
    assert yard.bears == "db - -"


def test_a_plan_that_nobody_ran_is_out_of_date_when_the_next_span_begins(yard: Scheduled) -> None:
    yard.declare(made(level=Level.MANUAL))
    for _ in range(3):
        yard.repurposing.round()
    old = yard.standing.plan
    assert old is not None
    yard.sleep("2026-11-27T20:00")
    for _ in range(3):
        yard.repurposing.round()
    with yard.store.store.reading() as tx:
        assert plans.get(tx, old).state == "superseded"
    assert yard.standing.plan not in (None, old)


def test_a_server_that_does_not_go_off_keeps_its_profile_and_it_is_tried_again(
    yard: Scheduled,
) -> None:
    yard.declare(made())
    yard.work()
    set_server(yard.world, FIRST, bmc=BmcMood.STUCK)
    yard.sleep("2026-11-27T20:00")
    for _ in range(400):
        yard.repurposing.round()
        while yard.crew.tasks:
            yard.crew.work()
        yard.clock.advance(max(0.05, min(yard.engine.turn(), 2.0)))
    assert yard.bears == "db - -"
    yard.check()


def test_after_a_restore_nothing_is_changed_before_somebody_releases_it(yard: Scheduled) -> None:
    yard.declare(made())
    yard.work()
    with yard.store.store.writing() as tx:
        calendars.interrupt(tx, "2026-11-27")
    yard.sleep("2026-11-28T09:00")
    yard.work(10)
    assert yard.bears == "db - -"
    yard.repurposing.calendars.release(KEY, "ada")
    yard.work()
    assert yard.bears == "web - -"


@pytest.mark.parametrize("operation", ["apply_identity", "withdraw_identity", "power"])
def test_lost_answers_do_no_harm(yard: Scheduled, operation: str) -> None:
    yard.declare(made())
    yard.work()
    yard.sleep("2026-11-27T20:00")
    yard.world.inject(Fault(kind=FaultKind.LOST_ANSWER, operation=operation))
    yard.work()
    assert yard.bears == "web - -"
    yard.check()


def test_while_hosts_are_busy_a_blade_more_works_for_them(yard: Scheduled) -> None:
    rule = OnLoad(hosts="state = up", profiles=(WEB,),
                  yields=(DB,), above_s=120, below_s=300, rest_s=60)  # fmt: skip
    purposes = (Purpose(name="production", profiles=(DB,)),)
    yard.declare(made(purposes=purposes, spans=(), otherwise="production", on_load=rule))
    yard.work()
    assert yard.bears == "db - -"
    percent = 95.0
    hosts = yard.engine.inventory.hosts
    rates = lambda: {key: LoadRate(at=yard.clock.now(), cpu_percent=percent * one.cpus)  # noqa: E731
                     for key, one in hosts.items()}  # fmt: skip
    yard.engine.loads = rates  # type: ignore[method-assign,assignment]
    yard.work(110)
    assert yard.bears == "db - -"
    yard.work(120)
    assert yard.bears == "web - -", "db gave its server up"
    percent = 60.0
    yard.work(600)
    assert yard.bears == "web - -"
    percent = 10.0
    yard.work(400)
    assert yard.bears == "db - -"
    yard.check()
