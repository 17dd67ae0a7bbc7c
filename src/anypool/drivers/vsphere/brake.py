"""How often vCenter is asked for its events, and for how many: never more than this.

On a vCenter where thousands of things happen, its events are the one thing that we read whose
cost grows with what others do there. Pure: the moment is given, in seconds.
"""

QUERIES_PER_S = 1.0
"""Queries that are made in the long run."""
QUERIES_AT_ONCE = 2.0
"""Queries that may follow one another after a quiet time."""
ROWS_PER_S = 500.0
"""Events that are asked for in the long run."""
ROWS_AT_ONCE = 1000.0
"""Events of one query, after a quiet time."""
FEWEST = 50
"""A query for fewer events is not worth making."""


class Brake:
    """What may be asked for now: two purses that fill with time."""

    def __init__(self) -> None:
        self._queries = QUERIES_AT_ONCE
        self._rows = ROWS_AT_ONCE
        self._at: float | None = None

    def most(self, now: float) -> int:
        """Return how many events may be asked for at `now`, 0 if none may."""
        self._fill(now)
        enough = self._queries >= 1.0 and self._rows >= FEWEST
        return int(self._rows) if enough else 0

    def asked(self, now: float, rows: int) -> None:
        """Take note that so many events were asked for; what did not come is given back."""
        self._fill(now)
        self._queries -= 1.0
        self._rows -= rows

    def unused(self, rows: int) -> None:
        """Give back what a query asked for and did not bring."""
        self._rows = min(ROWS_AT_ONCE, self._rows + rows)

    def _fill(self, now: float) -> None:
        past_s = 0.0 if self._at is None else max(0.0, now - self._at)
        self._at = now
        self._queries = min(QUERIES_AT_ONCE, self._queries + past_s * QUERIES_PER_S)
        self._rows = min(ROWS_AT_ONCE, self._rows + past_s * ROWS_PER_S)
