"""Whether a server that bears a profile has failed, and whether its profile may leave it: pure.

A server is dead when its power was read as off twice, and what runs on it shows no life since.
One that is on and does not answer its probe is switched off first, by the plan itself; of one
whose BMC is silent too nobody knows, and a person has to say it.
"""

from enum import StrEnum

from msgspec import Struct

from anypool.model import Power
from anypool.plan import Reason, reason

DARK_PERCENT = 50
MOST_PERCENT = 10


class What(StrEnum):
    """What is thought of a server: it works, it is waited, a person is needed, it failed."""

    WELL = "well"
    HOLD = "hold"
    NEEDS_PROOF = "needs-proof"
    FAILED = "failed"


class Case(Struct, frozen=True, kw_only=True):
    """One server with its profile.

    `proven` is whether its power was read as off twice with no life since. `probed` is whether
    something can be asked; `silent_s` is for how long there was no answer. `armed` is whether it
    was seen to work since it has the profile. `busy`: a plan works with the profile.
    """

    server: str
    power: Power
    proven: bool = False
    probed: bool = False
    silent_s: float = 0.0
    interval_s: float = 10.0
    armed: bool = True
    busy: bool = False


class Brake(Struct, frozen=True, kw_only=True):
    """What holds all of a pool back: see `braked`.

    `dark` of `watched` servers do not work. `recent` are fail-overs that began by themselves
    within `within_s`. `cold_s` is for how long a manager that has just begun still only looks.
    """

    watched: int
    dark: int
    recent: int = 0
    within_s: float = 600.0
    cold_s: float = 0.0


def judge(case: Case, limit_s: float) -> tuple[What, Reason]:
    """Return what is thought of a server; `limit_s` is how long a probe may be silent."""
    name = case.server
    if case.busy:
        return What.HOLD, reason("vigil.works", server=name)
    answers = case.probed and case.silent_s <= 2 * case.interval_s
    if answers and not case.proven:
        return What.WELL, reason("vigil.answers", server=name)
    if case.power is Power.ON and not case.probed:
        return What.WELL, reason("vigil.on", server=name)
    if not case.armed:
        return What.HOLD, reason("vigil.not-seen", server=name)
    if case.power is Power.OFF:
        if case.proven:
            return What.FAILED, reason("vigil.off", server=name)
        return What.HOLD, reason("vigil.off-once", server=name)
    silent = round(case.silent_s)
    if case.probed and case.silent_s < limit_s:
        return What.HOLD, reason("vigil.suspect", server=name, silent=silent, limit=limit_s)
    if case.power is Power.ON:
        return What.FAILED, reason("vigil.silent", server=name, silent=silent)
    return What.NEEDS_PROOF, reason("vigil.mute", server=name)


def braked(brake: Brake) -> Reason | None:
    """Return why no profile of a pool leaves its server by itself now, None if it may."""
    if brake.cold_s > 0:
        return reason("vigil.cold", left=round(brake.cold_s))
    if brake.dark > 1 and 100 * brake.dark > DARK_PERCENT * brake.watched:
        return reason("vigil.dark", dark=brake.dark, all=brake.watched)
    if brake.recent >= max(1, MOST_PERCENT * brake.watched // 100):
        return reason("vigil.recent", count=brake.recent, within=round(brake.within_s))
    return None
