"""A time of the week in which something may be begun, such as `mon-fri 22:00-06:00`."""

from msgspec import Struct

from anypool.errors import Invalid
from anypool.model.weekspan import DAY_MIN, WEEK_MIN, WeekSpan, week_spans

_FIRST_MIN = 3 * DAY_MIN
"""1970 began on a Thursday."""


class Window(Struct, frozen=True, gc=False):
    """Spans of each week, in UTC."""

    spans: tuple[WeekSpan, ...]

    def is_open(self, at: float) -> bool:
        """Return whether a moment, in seconds since 1970, is within."""
        minute = int(at) // 60 + _FIRST_MIN
        return any((minute - span.begin) % WEEK_MIN < span.minutes for span in self.spans)


def window_of(text: str) -> Window | None:
    """Return the window that a text means, None for an empty one; raise `Invalid`."""
    if not text.strip():
        return None
    try:
        return Window(week_spans(text))
    except Invalid as error:
        raise Invalid(error.message, hint=f"{error.hint}; in UTC") from error
