"""What is to be said of a certificate: that it ends soon, has ended, or is another. No I/O."""

from collections.abc import Iterator

from msgspec import Struct
from msgspec.structs import replace

from anypool.store.certificates import NEVER, Known
from anypool.store.records import EventRecord, Severity

MARKS = (30, 14, 7, 1, 0)
"""Days before the end of a certificate at which somebody is told; 0 is its end."""
DAY_S = 86_400.0
SUBJECT = "certificate"


class Seen(Struct, frozen=True, kw_only=True):
    """What a place showed now, or why it showed nothing."""

    fingerprint: str = ""
    subject: str = ""
    until: float = 0.0
    error: str = ""


def judged(before: Known, seen: Seen, now: float) -> tuple[Known, tuple[EventRecord, ...]]:
    """Return what is known now, and what is to be said; each thing is said once."""
    if not seen.fingerprint:
        return replace(before, looked_at=now, error=seen.error), ()
    fresh = replace(
        before,
        fingerprint=seen.fingerprint,
        subject=seen.subject,
        until=seen.until,
        looked_at=now,
        error="",
        warned=before.warned if seen.fingerprint == before.fingerprint else NEVER,
    )
    mark = next((days for days in reversed(MARKS) if seen.until - now <= days * DAY_S), NEVER)
    foreign = bool(fresh.pinned) and fresh.fingerprint != fresh.pinned
    said = tuple(_said(before, fresh, mark, now, foreign=foreign))
    warned = min(fresh.warned, mark) if not foreign else fresh.warned
    return replace(fresh, warned=warned, told=fresh.fingerprint if foreign else ""), said


def state_of(known: Known, now: float) -> str:
    """Return how a certificate stands, in a word."""
    if not known.until:
        return "unknown"
    if known.pinned and known.fingerprint != known.pinned:
        return "changed"
    if known.until <= now:
        return "expired"
    return "ends soon" if known.until - now <= MARKS[0] * DAY_S else "good"


def _said(
    before: Known, fresh: Known, mark: int, now: float, *, foreign: bool
) -> Iterator[EventRecord]:
    if foreign:
        if before.told != fresh.fingerprint:
            text = (
                f"{fresh.what} shows another certificate than the one that was confirmed: "
                f"{fresh.fingerprint}; it is not spoken to until that is confirmed: "
                f"`anypool tls confirm {fresh.id}`"
            )
            yield _event(fresh, "changed", text, Severity.ERROR)
        return
    if before.fingerprint and before.fingerprint != fresh.fingerprint and not fresh.pinned:
        text = f"{fresh.what} has another certificate, SHA-256 {fresh.fingerprint}"
        yield _event(fresh, "renewed", text, Severity.INFO)
    if mark < fresh.warned:
        if mark:
            days = max(0, round((fresh.until - now) / DAY_S))
            text = f"the certificate of {fresh.what} ends in {days} days"
            yield _event(fresh, "expiring", text, Severity.WARNING)
        else:
            text = f"the certificate of {fresh.what} has ended"
            yield _event(fresh, "expired", text, Severity.ERROR)


def _event(known: Known, kind: str, message: str, severity: Severity) -> EventRecord:
    return EventRecord(
        kind=f"certificate.{kind}",
        message=message,
        severity=severity,
        subject_kind=SUBJECT,
        subject_id=known.id,
    )
