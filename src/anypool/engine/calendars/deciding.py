"""What follows for a calendar from what is known of it: pure, as the core of runs is."""

from msgspec import Struct
from msgspec.structs import replace

from anypool.model import Level
from anypool.model.calendar import Calendar
from anypool.plan import Plan, PlanState, Reason, reason
from anypool.planner.repurpose.timeline import Stretch, timeline, wall_of, zone_of
from anypool.store.calendars import Standing

LATE_S = 120.0
"""A change that is seen so long after it was due was missed."""
AGAIN_S = 300.0
ATTEMPTS = 3
TURNS = 20
NAMED = 5
_SHOWN = "%Y-%m-%d %H:%M"


class Begun(Struct, frozen=True, kw_only=True):
    """How a calendar stands in a new stretch, and what was missed before."""

    standing: Standing
    missed: tuple[Reason, ...] = ()


def is_new(standing: Standing, stretch: Stretch) -> bool:
    """Return whether a stretch is another one than that which was looked at last."""
    if not stretch.purpose:
        return False
    return stretch.purpose != standing.purpose or stretch.begin > standing.since


def begun(calendar: Calendar, standing: Standing, stretch: Stretch, now: float) -> Begun:
    """Return how a calendar stands when a new stretch is seen for the first time.

    What is late because nobody looked is named, also the stretches that passed meanwhile. What a
    person changed, added or released since then was not missed.
    """
    since = max(stretch.begin, standing.since)
    new = replace(
        standing,
        purpose=stretch.purpose,
        since=since or now,
        extra=0 if stretch.purpose != standing.purpose else standing.extra,
        settled=False,
        attempts=0,
        due=0.0,
        plan=None,
        begun=False,
        said=reason("calendar.wants", purpose=stretch.purpose),
    )
    known_since = max(standing.since, calendar.changed_at)
    if not standing.purpose or stretch.begin <= known_since or now - stretch.begin < LATE_S:
        return Begun(standing=new)
    late = reason(
        "calendar.late",
        purpose=stretch.purpose,
        at=shown(calendar, stretch.begin),
        minutes=round((now - stretch.begin) / 60),
    )
    return Begun(standing=new, missed=(late, *_skipped(calendar, known_since, stretch)))


def _skipped(calendar: Calendar, since: float, stretch: Stretch) -> tuple[Reason, ...]:
    """Return which stretches began and ended while nobody looked."""
    passed = [
        one
        for one in timeline(calendar, since, stretch.begin)
        if one.purpose and one.begin > since and one.end <= stretch.begin
    ]
    return tuple(
        reason(
            "calendar.skipped",
            purpose=one.purpose,
            begin=shown(calendar, one.begin),
            end=shown(calendar, one.end),
        )
        for one in passed[-NAMED:]
    )


def too_late(plan: Plan, stretch: Stretch, now: float) -> bool:
    """Return whether a stretch would be over before its change is done."""
    return plan.cost.duration_ms / 1000.0 > stretch.end - now


def runs_now(calendar: Calendar, state: PlanState) -> bool:
    """Return whether a plan that waits is begun without a person, or was approved by one."""
    if calendar.level is Level.AUTOMATIC:
        return True
    return calendar.level is Level.PARTIAL and state is PlanState.APPROVED


def stumbled(standing: Standing, why: Reason, now: float) -> Standing:
    """Return how a calendar stands after a failure: the next attempt waits, or a person must."""
    attempts = standing.attempts + 1
    left = replace(standing, attempts=attempts, plan=None, begun=False)
    if attempts > ATTEMPTS:
        return replace(left, settled=True, said=reason("calendar.stopped", why=why))
    said = reason("calendar.again", attempt=attempts, attempts=ATTEMPTS, why=why)
    return replace(left, due=now + AGAIN_S, said=said)


def shown(calendar: Calendar, at: float) -> str:
    """Return a moment as the clock on the calendar's wall shows it."""
    wall = wall_of(at, zone_of(calendar.zone))
    return wall.strftime(_SHOWN)
