"""Calendars: make, change, hold them, and foresee what they will do."""

from collections.abc import Sequence

from msgspec import Struct
from msgspec.structs import replace

from anypool.clock import Clock
from anypool.engine import Engine
from anypool.engine.calendars.book import author
from anypool.engine.calendars.repurposing import Repurposing
from anypool.errors import Invalid
from anypool.model import Level
from anypool.model.calendar import Calendar, Hold, OneOff
from anypool.model.weekspan import wall_time
from anypool.planner.repurpose.aim import Known
from anypool.planner.repurpose.load import Heat
from anypool.planner.repurpose.preview import Asked, Turn, preview
from anypool.planner.repurpose.timeline import (
    Stretch,
    Vanished,
    moment_of,
    stretch_at,
    vanished,
    zone_of,
)
from anypool.service.access import Deed, Principal, require
from anypool.service.calendarcheck import check_service, checked, resolved
from anypool.service.names import checked_name, checked_text
from anypool.service.version import require_version
from anypool.store.calendars import Standing

DAY_S = 86_400.0
WEEK_DAYS = 7.0
MOST_DAYS = 35
LONGEST_HOLD_S = 366 * DAY_S


class CalendarPatch(Struct, frozen=True, kw_only=True):
    """What is changed about a calendar that is declared; None leaves a thing as it is."""

    exceptions: tuple[OneOff, ...] | None = None
    level: Level | None = None
    enabled: bool | None = None
    waive: bool | None = None
    description: str | None = None


class Shown(Struct, frozen=True, kw_only=True):
    """A calendar, how it stands, what it wants now, and how busy its hosts are."""

    calendar: Calendar
    standing: Standing
    stretch: Stretch
    heat: Heat


class Foreseen(Struct, frozen=True, kw_only=True):
    """What a calendar will do from `begin` to `end`, and which of its spans there are not."""

    calendar: Calendar
    begin: float
    end: float
    turns: tuple[Turn, ...]
    vanished: tuple[Vanished, ...]


class Calendars:
    """The use cases of calendars."""

    def __init__(self, engine: Engine, repurposing: Repurposing, clock: Clock) -> None:
        self._engine = engine
        self._repurposing = repurposing
        self._book = repurposing.calendars
        self._clock = clock

    def list(self, by: Principal) -> Sequence[Shown]:
        """Return all calendars by name."""
        require(by, Deed.READ)
        return [self._shown(*pair) for pair in self._book.all()]

    def get(self, by: Principal, key: str) -> Shown:
        """Return one calendar; raise `NotFound`."""
        require(by, Deed.READ)
        return self._shown(*self._book.get(key))

    def foresee(self, by: Principal, key: str, days: float) -> Foreseen:
        """Return what a calendar will do in the coming days; raise `NotFound`, `Invalid`."""
        require(by, Deed.READ)
        calendar, standing = self._book.get(key)
        return self._foreseen(calendar, standing, days)

    def declare(self, by: Principal, made: Calendar, *, dry_run: bool) -> Shown | Foreseen:
        """Keep a calendar as it is declared, or with `dry_run` only foresee what it would do.

        Its profiles are ids or names. Raise `NotFound` for what is not there, `Invalid` for what
        cannot be, `Conflict` for what another calendar has.
        """
        require(by, Deed.MANAGE_POLICIES)
        checked_name(made.id, "a calendar")
        known = next((pair for pair in self._book.all() if pair[0].id == made.id), None)
        made = self._checked(made, None if known is None else known[0])
        if dry_run:
            standing = Standing(calendar=made.id) if known is None else known[1]
            return self._foreseen(made, standing, WEEK_DAYS)
        self._book.declare(made, by.name)
        return self.get(by, made.id)

    def change(
        self, by: Principal, key: str, asked: CalendarPatch, expected: str | None = None
    ) -> Shown:
        """Change a calendar; raise `NotFound`, `Invalid`, `Conflict`, `Stale`."""
        require(by, Deed.MANAGE_POLICIES)
        given = {name: value for name in asked.__struct_fields__
                 if (value := getattr(asked, name)) is not None}  # fmt: skip
        made = self._checked(replace(self._book.get(key)[0], **given), self._book.get(key)[0])

        def how(kept: Calendar) -> Calendar:
            require_version(kept, expected)
            return replace(kept, **{name: getattr(made, name) for name in given})

        return self.get(by, self._book.change(key, how, by.name).id)

    def delete(self, by: Principal, key: str) -> None:
        """Forget a calendar; what servers bear stays as it is."""
        require(by, Deed.MANAGE_POLICIES)
        self._book.remove(key, by.name)

    def hold(
        self, by: Principal, key: str, until: str, purpose: str = "", words: str = ""
    ) -> Shown:
        """Hold a calendar until a time on its wall, with a purpose or, for "", as all is now."""
        require(by, Deed.OPERATE_HOST)
        calendar, _ = self._book.get(key)
        if purpose and calendar.purpose(purpose) is None:
            names = ", ".join(one.name for one in calendar.purposes)
            raise Invalid(f"{key} has no purpose {purpose[:80]!r}", hint=f"it has {names}")
        ends, now = moment_of(wall_time(until), zone_of(calendar.zone)), self._clock.now()
        if not now < ends <= now + LONGEST_HOLD_S:
            hint = f"name a time within a year, on the clock of {calendar.zone}"
            raise Invalid(f"{until[:80]} is over already, or far away", hint=hint)
        text = checked_text(words, "the reason", 400)
        self._book.hold(key, Hold(until=ends, since=now, purpose=purpose, words=text), by.name)
        return self.get(by, key)

    def release(self, by: Principal, key: str) -> Shown:
        """End a hold; raise `Conflict` where there is none."""
        require(by, Deed.OPERATE_HOST)
        self._book.release(key, by.name)
        return self.get(by, key)

    def again(self, by: Principal, key: str) -> Shown:
        """Have a change that stopped tried once more."""
        require(by, Deed.OPERATE_HOST)
        self._book.again(key, by.name)
        return self.get(by, key)

    def _shown(self, calendar: Calendar, standing: Standing) -> Shown:
        return Shown(
            calendar=calendar,
            standing=standing,
            stretch=stretch_at(calendar, self._clock.now()),
            heat=self._repurposing.heats.known(calendar.id),
        )

    def _foreseen(self, calendar: Calendar, standing: Standing, days: float) -> Foreseen:
        if not 0 < days <= MOST_DAYS:
            raise Invalid(
                f"{days:g} days cannot be foreseen", hint=f"more than 0, at most {MOST_DAYS}"
            )
        inventory, now = self._engine.inventory, self._clock.now()
        rules = self._engine.policies.rulebook(inventory)
        asked = Asked(
            calendar=calendar,
            known=Known(inventory, self._engine.services.all(), standing.memory),
            rules=rules,
            terms=self._engine.keeping.prices.terms(author(calendar.id), waive=calendar.waive),
            begin=now,
            end=now + days * DAY_S,
            extra=standing.extra,
        )
        return Foreseen(
            calendar=calendar,
            begin=asked.begin,
            end=asked.end,
            turns=preview(asked),
            vanished=vanished(calendar, asked.begin, asked.end),
        )

    def _checked(self, made: Calendar, kept: Calendar | None) -> Calendar:
        """Return a calendar with ids in it, checked; `kept` is what it was before."""
        inventory, services = self._engine.inventory, self._engine.services
        made = resolved(made, kept, inventory)
        for key in made.services:
            check_service(services.get(key))
        others = tuple(one for one, _ in self._book.all() if one.id != made.id)
        checked(made, others, inventory)
        return made
