"""How busy a VM is over the week: what planners add up hour by hour."""

from typing import TypeAlias

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

HOURS = 168
"""Hours of a week; hour 0 begins on Monday at 00:00 UTC."""

HOUR_S = 3600
FIRST_HOUR = 72  # 1970 began on a Thursday
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")

Week: TypeAlias = NDArray[np.float64]
"""A number for each hour of the week, NaN where nobody measured."""


class Curve(Struct, frozen=True, kw_only=True, eq=False):
    """CPU of one VM in percent of one CPU, for each hour of the week.

    `high` is what the asked percentile of the readings does not exceed, `mean` their mean;
    both are NaN in the same hours.
    """

    high: Week
    mean: Week

    @property
    def hours(self) -> int:
        """Return the number of hours of the week that were measured."""
        return int(np.isfinite(self.high).sum())


def told_hour(hour: int) -> str:
    """Return an hour of the week as people say it: `Tue 14:00`."""
    return f"{_DAYS[hour // 24]} {hour % 24:02d}:00"
