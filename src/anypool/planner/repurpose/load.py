"""More servers while hosts are busy, and back again: decisions on plain values.

One profile comes or goes at a time; between what brings one and what takes it lie two limits, a
time for which each must hold, and a rest after every change.
"""

from collections.abc import Iterable, Mapping

from msgspec import Struct

from anypool.model import Host, HostId, HostState
from anypool.model.calendar import OnLoad
from anypool.plan import Reason, reason

DAY_S = 86_400.0
GAP_S = 180.0
"""After so long without a look nobody knows how busy hosts were in between."""


class Heat(Struct, frozen=True, kw_only=True):
    """How busy hosts are, in percent of their CPUs, None where too few are measured.

    `high_since` and `low_since` say since when that is above and below the limits, 0 if it is not.
    """

    at: float = 0.0
    percent: float | None = None
    high_since: float = 0.0
    low_since: float = 0.0


class Turned(Struct, frozen=True, kw_only=True):
    """How many profiles are wanted on load, and why; `since` is when time alone may change it."""

    extra: int
    why: Reason


def busy_percent(hosts: Iterable[Host], used: Mapping[HostId, float]) -> float | None:
    """Return how busy the CPUs of hosts are; `used` is percent of one CPU, by host.

    Only hosts that are up count. None where half of them, or all, are not measured.
    """
    up = [one for one in hosts if one.state is HostState.UP and not one.maintenance]
    known = [one for one in up if one.id in used]
    if not known or 2 * len(known) <= len(up):
        return None
    return sum(used[one.id] for one in known) / sum(max(1, one.cpus) for one in known)


def heated(rule: OnLoad, heat: Heat, percent: float | None, at: float) -> Heat:
    """Return what is known of the load once it was looked at again."""
    if percent is None:
        return Heat(at=at)
    whole = heat.at and at - heat.at <= GAP_S
    high = (whole and heat.high_since) or at
    low = (whole and heat.low_since) or at
    return Heat(
        at=at,
        percent=percent,
        high_since=high if percent > rule.above_percent else 0.0,
        low_since=low if percent < rule.below_percent else 0.0,
    )


def turned(rule: OnLoad, extra: int, heat: Heat, turns: tuple[float, ...]) -> Turned:
    """Return how many profiles are wanted on load now; one more or one less than there are."""
    if heat.percent is None:
        return Turned(extra=extra, why=reason("calendar.unmeasured"))
    shown, at = round(heat.percent), heat.at
    more = heat.high_since and at - heat.high_since >= rule.above_s
    less = heat.low_since and at - heat.low_since >= rule.below_s
    wanted = extra + bool(more) - bool(less)
    if not 0 <= wanted <= len(rule.profiles) or wanted == extra:
        code = "calendar.load-all" if more else "calendar.load"
        return Turned(extra=extra, why=reason(code, busy=shown, extra=extra))
    last = max(turns, default=0.0)
    if turns and at < last + rule.rest_s:
        return Turned(extra=extra, why=reason("calendar.load-rests", busy=shown, rest=rule.rest_s))
    lately = sum(at - one < DAY_S for one in turns)
    if wanted > extra and lately >= rule.most_a_day:
        return Turned(extra=extra, why=reason("calendar.load-brake", busy=shown, count=lately))
    held = rule.above_s if wanted > extra else rule.below_s
    code = "calendar.load-more" if wanted > extra else "calendar.load-less"
    return Turned(extra=wanted, why=reason(code, busy=shown, held=held))
