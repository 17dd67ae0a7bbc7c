"""From events to letters: which a rule tells, and which of them together. No I/O."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence

from msgspec import Struct
from msgspec.structs import replace

from anypool.model import Inventory, Notification
from anypool.search import Noun, parse
from anypool.store.notify import Letter
from anypool.store.records import EventRecord, Severity

ALIKE = 10
"""So many messages of others are in a letter; of more it says how many there are."""
SUBJECT = "notification"
_RANK = {Severity.INFO: 0, Severity.WARNING: 1, Severity.ERROR: 2}


def wanted(
    rule: Notification, found: Sequence[EventRecord], inventory: Inventory, now: float
) -> list[EventRecord]:
    """Return the events that a rule is for; never what is said of its own receiver."""
    least = _RANK[Severity(rule.severity)]
    bad = [
        one
        for one in found
        if _RANK[one.severity] >= least and (one.subject_kind, one.subject_id) != (SUBJECT, rule.id)
    ]
    if not rule.filter or not bad:
        return bad
    return parse(rule.filter, Noun.EVENT).filter(bad, inventory, now)


class Before(Struct, frozen=True, kw_only=True):
    """What a rule told lately: letters of its window by kind, and those that take more in.

    While its receiver is `failing`, everything of a kind goes into one letter.
    """

    lately: Mapping[str, int] = {}
    gathering: Mapping[str, Letter] = {}
    failing: bool = False


def written(
    rule: Notification,
    found: Sequence[EventRecord],
    before: Before,
    now: float,
    new_id: Callable[[], str],
) -> tuple[Letter, ...]:
    """Return the letters that are new or changed, for events that a rule is for."""
    counts, gathering = Counter(before.lately), dict(before.gathering)
    made: dict[str, Letter] = {}
    for event in found:
        letter = gathering.get(event.kind)
        if letter is None:
            alone = counts[event.kind] < rule.at_once and not before.failing
            late = 0.0 if alone or before.failing else rule.window_s
            letter = Letter(
                id=new_id(),
                notification=rule.id,
                kind=event.kind,
                event=event,
                made_at=now,
                due_at=now + late,
                gathers=not alone,
            )
            counts[event.kind] += 1
        else:
            letter = _with(letter, event)
        if letter.gathers or event.kind in gathering:
            gathering[event.kind] = letter
        made[letter.id] = letter
    return tuple(made.values())


def _with(letter: Letter, event: EventRecord) -> Letter:
    more = (*letter.more, event.message)[:ALIKE]
    return replace(letter, more=more, count=letter.count + 1)
