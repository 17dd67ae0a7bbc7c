"""The routes of calendars: what servers are for, and when."""

from typing import Annotated

from litestar import Response, delete, get, patch, post
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import JSONBody, QueryParameter
from msgspec import Meta, Struct

from anypool.api.asking import By, DryRun, IfMatch, Key, Use, expected, tagged
from anypool.api.calendarviews import (
    CalendarsView,
    CalendarView,
    ForeseenView,
    calendar_view,
    foreseen_view,
)
from anypool.api.vms import Text
from anypool.api.waiting import PLANS
from anypool.model import Level
from anypool.model.calendar import Calendar, CalendarId, OneOff, OnLoad, Purpose, Span
from anypool.service.calendars import MOST_DAYS, CalendarPatch, Foreseen, Shown

Days = Annotated[float, QueryParameter(gt=0, le=MOST_DAYS, description="how far to look ahead")]
_Some = Meta(max_length=100)


class CalendarBody(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A calendar as it is declared; profiles and services are named.

    `servers` is a query, `zone` a name of the time zone database. Outside of all spans the purpose
    is `otherwise`, "" for leaving all as it is. With `waive` less may survive a failure.
    """

    name: Text
    servers: Annotated[str, Meta(max_length=2000)]
    zone: Text
    purposes: Annotated[tuple[Purpose, ...], _Some]
    spans: Annotated[tuple[Span, ...], _Some] = ()
    otherwise: Text = ""
    exceptions: Annotated[tuple[OneOff, ...], _Some] = ()
    on_load: OnLoad | None = None
    level: Level = Level.MANUAL
    enabled: bool = True
    waive: bool = False
    description: Text = ""


class CalendarChange(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to change about a calendar; what is left out stays."""

    exceptions: Annotated[tuple[OneOff, ...], _Some] | None = None
    level: Level | None = None
    enabled: bool | None = None
    waive: bool | None = None
    description: Text | None = None


class HoldBody(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Until when a calendar is held, `2026-12-24 14:00` or a date, on the calendar's wall.

    `purpose` is wanted meanwhile, "" for leaving all as it is.
    """

    until: Text
    purpose: Text = ""
    words: Text = ""


_FORESEEN = {200: ResponseSpec(ForeseenView, description="what it would do, with `dry_run`")}


@get("/calendars", sync_to_thread=True)
def list_calendars(services: Use, by: By) -> CalendarsView:
    """List calendars, with what each wants now."""
    inventory = services.pool.inventory(by)
    found = tuple(calendar_view(one, inventory) for one in services.calendars.list(by))
    return CalendarsView(items=found, total=len(found))


@post("/calendars", status_code=201, responses=_FORESEEN, sync_to_thread=True)
def declare_calendar(
    services: Use, by: By, data: JSONBody[CalendarBody], dry_run: DryRun = False
) -> Response[CalendarView]:
    """Declare a calendar, in place of the one of its name; with `dry_run` only foresee its week."""
    made = Calendar(
        id=CalendarId(data.name),
        **{name: getattr(data, name) for name in data.__struct_fields__ if name != "name"},
    )
    found = services.calendars.declare(by, made, dry_run=dry_run)
    inventory = services.pool.inventory(by)
    if isinstance(found, Foreseen):
        return Response(foreseen_view(found, inventory), status_code=200)  # type: ignore[arg-type]
    location = f"/api/v1/calendars/{found.calendar.id}"
    return Response(calendar_view(found, inventory), headers={"Location": location})


@get("/calendars/{key:str}", sync_to_thread=True)
def get_calendar(services: Use, by: By, key: Key) -> Response[CalendarView]:
    """Show one calendar."""
    return _tagged(services, by, services.calendars.get(by, key))


@patch("/calendars/{key:str}", sync_to_thread=True)
def change_calendar(
    services: Use, by: By, key: Key, data: JSONBody[CalendarChange], if_match: IfMatch = None
) -> Response[CalendarView]:
    """Change the level of a calendar, its exceptions, or whether it is on."""
    asked = CalendarPatch(**{name: getattr(data, name) for name in data.__struct_fields__})
    return _tagged(services, by, services.calendars.change(by, key, asked, expected(if_match)))


@delete("/calendars/{key:str}", status_code=204, sync_to_thread=True)
def delete_calendar(services: Use, by: By, key: Key) -> None:
    """Forget a calendar; what servers bear stays as it is."""
    services.calendars.delete(by, key)


@get("/calendars/{key:str}/preview", opt={PLANS: True}, sync_to_thread=True)
def preview_calendar(services: Use, by: By, key: Key, days: Days = 7.0) -> ForeseenView:
    """Foresee the coming days: who bears what when, each plan with its price, what is refused."""
    found = services.calendars.foresee(by, key, days)
    return foreseen_view(found, services.pool.inventory(by))


@post("/calendars/{key:str}/hold", status_code=200, sync_to_thread=True)
def hold_calendar(services: Use, by: By, key: Key, data: JSONBody[HoldBody]) -> CalendarView:
    """Hold a calendar until a time: with one purpose, or with all as it is."""
    found = services.calendars.hold(by, key, data.until, data.purpose, data.words)
    return calendar_view(found, services.pool.inventory(by))


@post("/calendars/{key:str}/release", status_code=200, sync_to_thread=True)
def release_calendar(services: Use, by: By, key: Key) -> CalendarView:
    """Let a calendar that is held go on."""
    found = services.calendars.release(by, key)
    return calendar_view(found, services.pool.inventory(by))


@post("/calendars/{key:str}/again", status_code=200, sync_to_thread=True)
def try_calendar_again(services: Use, by: By, key: Key) -> CalendarView:
    """Try a change that stopped once more."""
    found = services.calendars.again(by, key)
    return calendar_view(found, services.pool.inventory(by))


def _tagged(services: Use, by: By, found: Shown) -> Response[CalendarView]:
    view = calendar_view(found, services.pool.inventory(by))
    return tagged(view, found.calendar)


ROUTES = (
    list_calendars,
    declare_calendar,
    get_calendar,
    change_calendar,
    delete_calendar,
    preview_calendar,
    hold_calendar,
    release_calendar,
    try_calendar_again,
)
