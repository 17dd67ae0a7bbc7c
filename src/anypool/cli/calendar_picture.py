"""The week of a calendar as a picture: a line for each server, a mark for each part of a day."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from anypool.cli.client import Json

SLOTS = 4
"""Parts of a day: each is a mark wide."""
MOST_DAYS = 14
_FORM = "%Y-%m-%d %H:%M"
_MARKS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"


def picture(found: Json) -> list[str]:
    """Return the lines of the picture: days, a line for each server, and what the marks mean.

    A mark is what a server bears at the end of its part of the day; `+` is a hypervisor of its
    own, `.` is nothing.
    """
    turns = found["turns"]
    if not turns or not turns[0]["bears"]:
        return ["no server matches"]
    dated = [(_time(one["begins"]), one) for one in turns]
    first = _time(found["begins"]).replace(hour=0, minute=0)
    days = min(MOST_DAYS, (_time(found["ends"]) - first).days + 1)
    starts = [first + timedelta(days=day) for day in range(days)]
    marks = _marks(turns)
    width = max(len(one["server"]) for one in turns[0]["bears"])
    lines = [
        f"{'':<{width}}  {' '.join(day.strftime(form).ljust(SLOTS) for day in starts)}".rstrip()
        for form in ("%a", "%d")
    ]
    for number, one in enumerate(turns[0]["bears"]):
        cells = [_cell(dated, number, marks, day) for day in starts]
        lines.append(f"{one['server']:<{width}}  {' '.join(cells)}")
    return [*lines, "", *_legend(marks)]


def _cell(
    dated: Sequence[tuple[datetime, Json]], number: int, marks: dict[str, str], day: datetime
) -> str:
    ends = (day + timedelta(hours=24 * (slot + 1) / SLOTS) for slot in range(SLOTS))
    return "".join(_mark(dated, number, marks, end) for end in ends)


def _marks(turns: Sequence[Json]) -> dict[str, str]:
    """Return a mark for each profile, in the order in which they come."""
    names = dict.fromkeys(one["profile"] for turn in turns for one in turn["bears"])
    known = [name for name in names if name]
    return {name: _MARKS[number % len(_MARKS)] for number, name in enumerate(known)}


def _mark(
    dated: Sequence[tuple[datetime, Json]], number: int, marks: dict[str, str], at: datetime
) -> str:
    """Return what a server bears just before a moment."""
    now = next((turn for begin, turn in reversed(dated) if begin < at), dated[0][1])
    one = now["bears"][number]
    if one["profile"]:
        return marks[one["profile"]]
    return "+" if one["hypervisor"] else "."


def _legend(marks: dict[str, str]) -> list[str]:
    told = [f"{mark} {name}" for name, mark in marks.items()]
    return ["  ".join([*told, "+ hypervisor", ". nothing"])]


def _time(text: str) -> datetime:
    return datetime.strptime(text, _FORM) if text else datetime.min
