"""Rolling maintenance: which hosts go out of service together, in waves, and back again."""

from anypool.planner.rolling.forecast import Forecast, forecast, no_rollout
from anypool.planner.rolling.group import Grouped, fewest, grouped
from anypool.planner.rolling.wave import Stuck, Terms, Wave, plan_of, plan_wave, terms

__all__ = [
    "Forecast",
    "Grouped",
    "Stuck",
    "Terms",
    "Wave",
    "fewest",
    "forecast",
    "grouped",
    "no_rollout",
    "plan_of",
    "plan_wave",
    "terms",
]
