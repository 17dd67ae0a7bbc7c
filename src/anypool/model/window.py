"""A time of the week in which something may be begun, such as `mon-fri 22:00-06:00`."""

import re

from msgspec import Struct

from anypool.errors import Invalid

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_FORM = re.compile(r"(?:([a-z]{3})(?:-([a-z]{3}))?\s+)?(\d\d):(\d\d)-(\d\d):(\d\d)", re.ASCII)
_DAY_S = 86_400
_FIRST = 3  # 1970 began on a Thursday


class Window(Struct, frozen=True, gc=False):
    """From minute `begin` of some days (0 is Monday) until minute `end`, in UTC.

    An end that is not after the beginning is on the day after.
    """

    days: frozenset[int]
    begin: int
    end: int

    def is_open(self, at: float) -> bool:
        """Return whether a moment, in seconds since 1970, is within."""
        day, second = divmod(int(at), _DAY_S)
        weekday, minute = (day + _FIRST) % 7, second // 60
        if self.begin < self.end:
            return weekday in self.days and self.begin <= minute < self.end
        yesterday = (weekday - 1) % 7
        return (weekday in self.days and minute >= self.begin) or (
            yesterday in self.days and minute < self.end
        )


def window_of(text: str) -> Window | None:
    """Return the window that a text means, None for an empty one; raise `Invalid`."""
    if not text.strip():
        return None
    found = _FORM.fullmatch(text.strip().lower())
    if found is None:
        raise _wrong(text)
    first, last, *clock = found.groups()
    begin_h, begin_m, end_h, end_m = (int(part) for part in clock)
    if max(begin_h, end_h) > 23 or max(begin_m, end_m) > 59:
        raise _wrong(text)
    return Window(_days(text, first, last), 60 * begin_h + begin_m, 60 * end_h + end_m)


def _days(text: str, first: str | None, last: str | None) -> frozenset[int]:
    if first is None:
        return frozenset(range(7))
    if first not in DAYS or (last or first) not in DAYS:
        raise _wrong(text)
    begin, end = DAYS.index(first), DAYS.index(last or first)
    return frozenset((begin + one) % 7 for one in range((end - begin) % 7 + 1))


def _wrong(text: str) -> Invalid:
    return Invalid(
        f"{text[:80]!r} is no time of the week",
        hint="write it as `22:00-06:00` or `mon-fri 22:00-06:00`, in UTC",
    )
