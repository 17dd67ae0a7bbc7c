"""What the API shows of calendars."""

from msgspec import Struct

from anypool.api.language import ReasonView, language, reason_view, told
from anypool.api.views import time_or_none
from anypool.model import Inventory, Level, ProfileId
from anypool.model.calendar import Calendar, Hold, OneOff, OnLoad, Purpose, Span
from anypool.plan import Cost, Plan, Reason, goal_of, names_of, reason, render, tell
from anypool.planner.repurpose.preview import Bears, Turn
from anypool.planner.repurpose.timeline import Stretch, Vanished, wall_of, zone_of
from anypool.service.calendars import Foreseen, Shown


class HoldView(Struct, frozen=True, kw_only=True):
    """Who holds a calendar, with which purpose ("" as all is), since when and until when.

    `words` say why; `reason` is that as a value where no person said it.
    """

    purpose: str
    since: float
    until: float
    by: str
    words: str
    reason: ReasonView | None


class NowView(Struct, frozen=True, kw_only=True):
    """What a calendar wants now: `purpose`, "" for leaving all as it is, until `until`.

    `cause` is span, exception, hold or otherwise. `settled` says that nothing is to be done for
    it. `busy_percent` is how busy the hosts are that count for what comes on load, null where
    nobody knows; `extra` is how many profiles there are more.
    """

    purpose: str
    until: float
    cause: str
    words: str
    settled: bool
    plan: str | None
    attempts: int
    extra: int
    busy_percent: float | None
    why: str
    reason: ReasonView | None


class CalendarView(Struct, frozen=True, kw_only=True):
    """A calendar as it is declared, with names of profiles, and how it stands."""

    id: str
    servers: str
    zone: str
    purposes: tuple[Purpose, ...]
    spans: tuple[Span, ...]
    otherwise: str
    exceptions: tuple[OneOff, ...]
    on_load: OnLoad | None
    level: Level
    enabled: bool
    waive: bool
    description: str
    hold: HoldView | None
    changed_at: float
    now: NowView


class BearsView(Struct, frozen=True, kw_only=True):
    """What a server bears: the name of a profile, or itself as a hypervisor; "" for nothing."""

    server: str
    profile: str
    hypervisor: bool


class StepLine(Struct, frozen=True, kw_only=True):
    """A step of a plan that is foreseen."""

    number: int
    text: str
    why: str
    after: tuple[int, ...]
    cost: Cost


class ForeseenPlanView(Struct, frozen=True, kw_only=True):
    """A plan that is foreseen: nobody keeps it, it is made anew when its time has come."""

    goal: str
    cost: Cost
    steps: tuple[StepLine, ...]
    text: str


class MissingView(Struct, frozen=True, kw_only=True):
    """A profile or service that is not where it is wanted, and why."""

    name: str
    why: str
    reason: ReasonView | None


class TurnView(Struct, frozen=True, kw_only=True):
    """A stretch of time: what it wants, how that is reached, and who bears what then.

    `begins` and `ends` are what the clock on the calendar's wall shows; `begin` is null where it
    always was so. Where nothing is to be done, or `against` says why nothing can be, `plan` is
    null.
    """

    begin: float | None
    end: float
    begins: str
    ends: str
    purpose: str
    cause: str
    words: str
    plan: ForeseenPlanView | None
    missing: tuple[MissingView, ...]
    against: str
    bears: tuple[BearsView, ...]


class VanishedView(Struct, frozen=True, kw_only=True):
    """A span that there is not on a day, since clocks go forward over it."""

    purpose: str
    when: str
    day: str


class ForeseenView(Struct, frozen=True, kw_only=True):
    """What a calendar will do, from `begins` to `ends` on its wall."""

    calendar: str
    zone: str
    begins: str
    ends: str
    turns: tuple[TurnView, ...]
    vanished: tuple[VanishedView, ...]


class CalendarsView(Struct, frozen=True, kw_only=True):
    """All calendars by name."""

    items: tuple[CalendarView, ...]
    total: int


def calendar_view(found: Shown, inventory: Inventory) -> CalendarView:
    """Return a calendar as it is shown."""
    one, hold = found.calendar, found.calendar.hold
    rule = one.on_load
    if rule is not None:
        named = _named(rule.profiles, inventory), _named(rule.yields, inventory)
        rule = OnLoad(**{**_fields(rule), "profiles": named[0], "yields": named[1]})  # type: ignore[arg-type]
    return CalendarView(
        id=one.id,
        servers=one.servers,
        zone=one.zone,
        purposes=tuple(
            Purpose(**{**_fields(p), "profiles": _named(p.profiles, inventory)})  # type: ignore[arg-type]
            for p in one.purposes
        ),
        spans=one.spans,
        otherwise=one.otherwise,
        exceptions=one.exceptions,
        on_load=rule,
        level=one.level,
        enabled=one.enabled,
        waive=one.waive,
        description=one.description,
        hold=None if hold is None or found.stretch.cause != "hold" else _hold(hold),
        changed_at=one.changed_at,
        now=_now(found),
    )


def foreseen_view(found: Foreseen, inventory: Inventory) -> ForeseenView:
    """Return what a calendar will do as it is shown."""
    return ForeseenView(
        calendar=found.calendar.id,
        zone=found.calendar.zone,
        begins=_wall(found.begin, found.calendar),
        ends=_wall(found.end, found.calendar),
        turns=tuple(_turn(one, found.calendar, inventory) for one in found.turns),
        vanished=tuple(map(_vanished, found.vanished)),
    )


def _hold(hold: Hold) -> HoldView:
    why = _restored(hold.restored)
    return HoldView(
        purpose=hold.purpose,
        since=hold.since,
        until=hold.until,
        by=hold.by,
        words=told(why) or hold.words,
        reason=reason_view(why),
    )


def _words(stretch: Stretch) -> str:
    return told(_restored(stretch.restored)) or stretch.words


def _restored(day: str) -> Reason | None:
    return reason("calendar.restored", day=day) if day else None


def _now(found: Shown) -> NowView:
    standing, stretch = found.standing, found.stretch
    busy = found.heat.percent
    return NowView(
        purpose=stretch.purpose,
        until=stretch.end,
        cause=stretch.cause,
        words=_words(stretch),
        settled=standing.settled,
        plan=standing.plan,
        attempts=standing.attempts,
        extra=standing.extra,
        busy_percent=None if busy is None else round(busy, 1),
        why=told(standing.said),
        reason=reason_view(standing.said),
    )


def _turn(one: Turn, calendar: Calendar, inventory: Inventory) -> TurnView:
    stretch = one.stretch
    return TurnView(
        begin=time_or_none(stretch.begin),
        end=stretch.end,
        begins=_wall(stretch.begin, calendar),
        ends=_wall(stretch.end, calendar),
        purpose=stretch.purpose,
        cause=stretch.cause,
        words=_words(stretch),
        plan=None if one.plan is None else _plan(one.plan, inventory),
        missing=tuple(
            MissingView(name=m.name, why=told(m.why), reason=reason_view(m.why))
            for m in one.missing
        ),
        against=told(one.against),
        bears=tuple(map(_bears, one.bears)),
    )


def _plan(plan: Plan, inventory: Inventory) -> ForeseenPlanView:
    names = names_of(plan, inventory)
    return ForeseenPlanView(
        goal=told(goal_of(plan)),
        cost=plan.cost,
        steps=tuple(
            StepLine(
                number=step.number,
                text=told(tell(step.action, names)),
                why=told(step.why),
                after=tuple(sorted(step.after)),
                cost=step.cost,
            )
            for step in plan
        ),
        text=render(plan, names, language()),
    )


def _bears(one: Bears) -> BearsView:
    return BearsView(server=one.name, profile=one.profile, hypervisor=one.hypervisor)


def _vanished(one: Vanished) -> VanishedView:
    return VanishedView(purpose=one.purpose, when=one.when, day=one.day)


def _wall(at: float, calendar: Calendar) -> str:
    return wall_of(at, zone_of(calendar.zone)).strftime("%Y-%m-%d %H:%M") if at else ""


def _named(keys: tuple[ProfileId, ...], inventory: Inventory) -> tuple[str, ...]:
    profiles = inventory.profiles
    return tuple(profiles[key].name if key in profiles else key for key in keys)


def _fields(record: Struct) -> dict[str, object]:
    return {name: getattr(record, name) for name in record.__struct_fields__}
