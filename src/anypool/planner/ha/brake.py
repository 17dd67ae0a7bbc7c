"""The brake: when no host may be switched off, however dead it looks."""

from msgspec import Struct

from anypool.model import HighAvailability
from anypool.plan import Reason, reason
from anypool.planner.ha.detect import ALIVE, Path, Verdict, Word


class Situation(Struct, frozen=True, kw_only=True, gc=False):
    """All hosts of one policy, and what counts beside them; times are seconds since 1970.

    `fences` are when a host was switched off of late. `cold_at` is when this manager began
    without knowing what was seen before, 0 if it took over with fresh observations.
    """

    rule: HighAvailability
    verdicts: tuple[Verdict, ...]
    now: float
    fences: tuple[float, ...] = ()
    cold_at: float = 0.0


def brake(situation: Situation, verdict: Verdict) -> Reason | None:
    """Return why a host is not to be switched off now, None if it may be."""
    rule, now = situation.rule, situation.now
    if verdict.word(Path.STORAGE) is Word.ANSWERS:
        return reason("ha.fresh-lease")
    if situation.cold_at and now < (ends := situation.cold_at + rule.cold_s):
        return reason("ha.cold", left=round(ends - now, 1))
    dark = sum(one.condition not in ALIVE for one in situation.verdicts)
    if 100 * dark > rule.dark_percent * len(situation.verdicts):
        return reason("ha.dark", silent=dark, all=len(situation.verdicts))
    recent = sum(now - rule.fences_within_s < at for at in situation.fences)
    if recent >= (most := most_fences(rule, len(situation.verdicts))):
        return reason("ha.enough-fences", count=recent, most=most, within=rule.fences_within_s)
    return None


def most_fences(rule: HighAvailability, hosts: int) -> int:
    """Return how many hosts may be switched off within `rule.fences_within_s`."""
    return max(1, int(hosts * rule.fences_percent // 100))
