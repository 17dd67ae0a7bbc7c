"""How much CPU a simulated guest uses: a mean that swings over the day, and its integral."""

import math

from anypool.drivers.sim.records import Rhythm, SimGuest

_DAY_S = 86400.0
_EVEN = Rhythm()
_NS = 1_000_000_000


def rate_ns(guest: SimGuest, vcpus: int, at: float) -> float:
    """Return the nanoseconds of CPU a guest uses in a second, at a moment."""
    rhythm = guest.rhythm or _EVEN
    day = math.cos(_angle(at - rhythm.peak_h * 3600, _DAY_S)) * rhythm.day_percent / 100
    wave = math.cos(_angle(at, rhythm.wave_s)) * rhythm.wave_percent / 100
    return _mean(guest, vcpus) * (1 + day + wave)


def used_ns(guest: SimGuest, vcpus: int, since: float, until: float) -> int:
    """Return the nanoseconds of CPU a guest used between two moments; it never shrinks."""
    rhythm = guest.rhythm or _EVEN
    peak = rhythm.peak_h * 3600
    swung = _swung(since - peak, until - peak, _DAY_S) * rhythm.day_percent / 100
    swung += _swung(since, until, rhythm.wave_s) * rhythm.wave_percent / 100
    return int(_mean(guest, vcpus) * max(until - since + swung, 0.0))


def _mean(guest: SimGuest, vcpus: int) -> float:
    return vcpus * guest.busy_percent * _NS / 100


def _swung(since: float, until: float, period_s: float) -> float:
    """Return the integral of a cosine of this period."""
    sines = math.sin(_angle(until, period_s)) - math.sin(_angle(since, period_s))
    return sines * period_s / math.tau


def _angle(at: float, period_s: float) -> float:
    return math.tau * (at % period_s) / period_s
