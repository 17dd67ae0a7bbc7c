"""Whether a calendar can be: its words, its spans, and what other calendars have already."""

from collections.abc import Iterable, Iterator

from msgspec.structs import replace

from anypool.errors import Conflict, Invalid
from anypool.model import Inventory, ProfileId, Service
from anypool.model.calendar import Calendar, OnLoad, Purpose
from anypool.model.weekspan import date_span, week_spans
from anypool.plan import reason, refuse
from anypool.planner.repurpose.aim import servers_of
from anypool.planner.repurpose.timeline import overlaps, zone_of
from anypool.search import Noun, parse
from anypool.service import find
from anypool.service.names import checked_name, checked_text

MOST = 100
_LONGEST_S = 7 * 86_400.0


def resolved(made: Calendar, kept: Calendar | None, inventory: Inventory) -> Calendar:
    """Return a calendar with the ids of its profiles; raise `NotFound`.

    One that it had before stays, also where that profile was deleted meanwhile.
    """
    had = frozenset[ProfileId]() if kept is None else frozenset(kept.profiles)

    def keys(names: Iterable[ProfileId]) -> tuple[ProfileId, ...]:
        found = (key if key in had else find.profile(inventory, key).id for key in names)
        return tuple(dict.fromkeys(found))

    purposes = tuple(replace(one, profiles=keys(one.profiles)) for one in made.purposes)
    rule = made.on_load
    if rule is not None:
        rule = replace(rule, profiles=keys(rule.profiles), yields=keys(rule.yields))
    return replace(made, purposes=purposes, on_load=rule)


def checked(made: Calendar, others: Iterable[Calendar], inventory: Inventory) -> None:
    """Return quietly for a calendar that can be; raise `Invalid` or `Conflict`."""
    checked_text(made.description, "the description", 400)
    zone_of(made.zone)
    if not made.servers.strip():
        raise Invalid("a calendar is about some servers", hint="a query such as `tag = swing`")
    parse(made.servers, Noun.SERVER)
    _check_purposes(made)
    _check_texts(made)
    if made.on_load is not None:
        _check_load(made, made.on_load)
    for one, other in overlaps(made):
        hint = "at one time there is one purpose; an exception goes before the week"
        raise Invalid(f"`{one}` and `{other}` overlap", hint=hint)
    for other_ in others:
        _check_apart(made, other_, inventory)


def check_service(service: Service) -> None:
    """Return quietly for a service that a calendar can start and stop; raise `Conflict`."""
    if any(one.profile for one in service.components):
        why = reason("repurpose.mixed-service", service=service.id)
        raise refuse(Conflict, why, reason("hint.repurpose-service"))


def _check_purposes(made: Calendar) -> None:
    names = [one.name for one in made.purposes]
    if not 1 <= len(names) <= MOST:
        raise Invalid("a calendar has purposes", hint="such as production and reporting")
    for one in made.purposes:
        checked_name(one.name, "a purpose")
        _check_purpose(one)
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise Invalid(f"the purpose {twice[0]} is named twice", hint="name each once")


def _check_purpose(one: Purpose) -> None:
    if len(one.profiles) > MOST or len(one.services) > MOST:
        raise Invalid(f"{one.name} wants too many profiles or services", hint=f"{MOST} at most")


def _check_texts(made: Calendar) -> None:
    if max(len(made.spans), len(made.exceptions)) > MOST:
        raise Invalid("a calendar has too many spans or exceptions", hint=f"{MOST} at most")
    for span in made.spans:
        _known(made, span.purpose)
        week_spans(span.when)
    for one in made.exceptions:
        checked_text(one.words, "the reason of an exception", 400)
        date_span(one.when)
        if one.purpose:
            _known(made, one.purpose)
    if made.otherwise:
        _known(made, made.otherwise)


def _known(made: Calendar, name: str) -> None:
    if made.purpose(name) is None:
        names = ", ".join(one.name for one in made.purposes)
        raise Invalid(f"there is no purpose {name[:80]!r} in it", hint=f"it has {names}")


def _check_load(made: Calendar, rule: OnLoad) -> None:
    parse(rule.hosts, Noun.HOST)
    for name in rule.during:
        _known(made, name)
    if not rule.profiles:
        raise Invalid("on load nothing would come", hint="name the profiles, in their order")
    wanted = {key for one in made.purposes for key in one.profiles}
    if set(rule.profiles) & wanted:
        hint = "what a purpose wants is there anyway; name other profiles"
        raise Invalid("a profile that comes on load belongs to a purpose", hint=hint)
    if not set(rule.yields) <= wanted:
        hint = "profiles of a purpose give their server up"
        raise Invalid("what gives its server up belongs to no purpose", hint=hint)
    if not 0 < rule.below_percent < rule.above_percent <= 100:
        hint = "such as above 75, below 40: between them nothing changes"
        raise Invalid("the lower limit is not below the upper one", hint=hint)
    for name in ("above_s", "below_s", "rest_s"):
        if not 10 <= getattr(rule, name) <= _LONGEST_S:
            raise Invalid(f"{name} is out of reach", hint="10 seconds to a week")
    if not 1 <= rule.most_a_day <= 1000:
        raise Invalid("that is no number of changes a day", hint="1 to 1000")


def _check_apart(made: Calendar, other: Calendar, inventory: Inventory) -> None:
    """Raise `Conflict` where two calendars would pull at one thing."""
    for what in _shared(made, other, inventory):
        hint = "one thing obeys one calendar: make two spans of it there, or take it out"
        raise Conflict(f"{what} belongs to calendar {other.id} already", hint=hint)


def _shared(made: Calendar, other: Calendar, inventory: Inventory) -> Iterator[str]:
    for key in sorted(set(made.profiles) & set(other.profiles)):
        profile = inventory.profiles.get(key)
        yield f"profile {key if profile is None else profile.name}"
    for service in sorted(set(made.services) & set(other.services)):
        yield f"service {service}"
    for server in sorted(servers_of(made, inventory) & servers_of(other, inventory)):
        yield f"server {inventory.servers[server].name}"
