"""Incidents: what happened when, out of events, plans, operations and the audit trail."""

from collections.abc import Iterable, Iterator

from msgspec import Struct

from anypool.engine import Engine
from anypool.engine.ha.chronicle import BEGAN, ENDED, recorded
from anypool.engine.watching.past import policy_of
from anypool.errors import NotFound
from anypool.model import PolicyId
from anypool.plan import Reason, say
from anypool.service.access import Deed, Principal, require
from anypool.store import Store, Tx, audit, events, plans
from anypool.store.audit import AuditRecord
from anypool.store.records import EventRecord, PlanSummary

MOST_EVENTS = 20_000
"""So many events of an incident are looked at; what comes later is not told."""
_PAGE = 1000
_WHAT = {
    BEGAN: "incident",
    ENDED: "incident",
    "ha.saw": "observation",
    "ha.judged": "decision",
    "ha.decided": "decision",
    "ha.proven": "proof",
}


_ORDER = {"decision": 1, "proof": 2, "plan": 3, "deed": 4}
"""Of the same moment: what was seen comes before what was made of it."""
_OURS = _WHAT.keys() - {BEGAN, ENDED}


class Incident(Struct, frozen=True, kw_only=True):
    """One incident of a policy; `ended_at` is 0 while it goes on.

    `first` and `last` are the numbers of the events that begin and end it.
    """

    id: str
    policy: PolicyId
    began_at: float
    ended_at: float
    first: int
    last: int


class Entry(Struct, frozen=True, kw_only=True):
    """One line of a time line: `what` is observation, decision, proof, plan, deed, person, event
    or incident; `source` is the path, neighbour, policy, operation or person it comes from.
    """

    at: float
    what: str
    source: str
    subject_kind: str
    subject: str
    message: str
    said: Reason | None = None
    plan: str = ""
    operation: str = ""


class TimeLine(Struct, frozen=True, kw_only=True):
    """An incident with all that happened in it; `whole` is false where older records are gone."""

    incident: Incident
    entries: tuple[Entry, ...]
    whole: bool


class Incidents:
    """The use cases of incidents."""

    def __init__(self, engine: Engine, store: Store) -> None:
        self._engine = engine
        self._store = store

    def list(self, by: Principal, at: float | None = None) -> tuple[Incident, ...]:
        """Return incidents, newest first; with `at` those that went on at that moment."""
        require(by, Deed.READ)
        with self._store.reading() as tx:
            found = tuple(_incidents(tx))
        if at is None:
            return found
        return tuple(one for one in found if one.began_at <= at <= (one.ended_at or at))

    def time_line(self, by: Principal, key: str) -> TimeLine:
        """Return one incident; raise `NotFound`."""
        require(by, Deed.READ)
        with self._store.reading() as tx:
            incident = next((one for one in _incidents(tx) if one.id == key), None)
            if incident is None:
                hint = "`anypool ha incidents` shows them"
                raise NotFound(f"there is no incident {key[:80]!r}", hint=hint)
            return _time_line(tx, incident)


def _incidents(tx: Tx) -> Iterator[Incident]:
    for one, end in recorded(tx):
        yield Incident(
            id=one.subject_id,
            policy=policy_of(one.by),
            began_at=_earlier(one)[0],
            ended_at=0.0 if end is None else end.at,
            first=one.number,
            last=0 if end is None else end.number,
        )


def _time_line(tx: Tx, incident: Incident) -> TimeLine:
    found = list(_between(tx, incident))
    made = [
        one
        for one in plans.of_policy(tx, incident.policy, since=incident.began_at)
        if not incident.ended_at or one.created_at <= incident.ended_at
    ]
    ids = {str(one.id) for one in made}
    subjects = {(one.subject_kind, one.subject_id) for one in found if one.kind in _OURS}
    subjects.add(("incident", incident.id))
    entries = [
        _of_event(one)
        for one in found
        if one.plan in ids or (one.subject_kind, one.subject_id) in subjects
    ]
    entries += [_of_plan(one) for one in made]
    entries += _of_people(tx, incident, subjects | {("plan", one) for one in ids})
    entries.sort(key=lambda entry: (entry.at, _ORDER.get(entry.what, 0)))
    whole = len(found) < MOST_EVENTS
    return TimeLine(incident=incident, entries=tuple(entries), whole=whole)


def _between(tx: Tx, incident: Incident) -> Iterator[EventRecord]:
    """Yield the events of an incident, oldest first, those of others among them."""
    number, count = incident.first - 1, 0
    while count < MOST_EVENTS:
        some = events.since(tx, number, _PAGE)
        for one in some:
            if incident.last and one.number > incident.last:
                return
            yield one
        if len(some) < _PAGE:
            return
        number, count = some[-1].number, count + len(some)


def _earlier(event: EventRecord) -> tuple[float, Reason | None]:
    """Return when what an event tells was seen, which may be before it was written, and what."""
    said = event.said
    if said is None or said.code != "ha.earlier":
        return event.at, said
    facts = dict(said.facts)
    ago, what = facts.get("ago"), facts.get("what")
    if not isinstance(ago, int | float) or not isinstance(what, Reason):
        return event.at, said
    return event.at - ago, what


def _of_event(event: EventRecord) -> Entry:
    at, said = _earlier(event)
    source = event.by or "high availability"
    if event.kind == "ha.saw" and said is not None:
        facts = dict(said.facts)
        source = " by ".join(str(facts[name]) for name in ("path", "by") if name in facts)
    elif event.run:
        source = f"operation {event.run}"
    return Entry(
        at=at,
        what=_WHAT.get(event.kind, "deed" if event.run else "event"),
        source=source,
        subject_kind=event.subject_kind,
        subject=event.subject_id,
        message=event.message if said is event.said or said is None else say(said),
        said=said,
        plan=event.plan or "",
        operation=event.run or "",
    )


def _of_plan(plan: PlanSummary) -> Entry:
    return Entry(
        at=plan.created_at,
        what="plan",
        source=plan.by,
        subject_kind="plan",
        subject=plan.id,
        message=plan.goal,
        said=plan.aim,
        plan=plan.id,
        operation=plan.run or "",
    )


def _of_people(tx: Tx, incident: Incident, subjects: Iterable[tuple[str, str]]) -> list[Entry]:
    """Return what people did to whatever the incident is about, out of the audit trail."""
    wanted = set(subjects)
    found = audit.between(tx, incident.began_at, incident.ended_at or tx.now)
    return [
        _of_person(one)
        for one in found
        if one.proof not in ("", "run") and (one.object_kind, one.object_id) in wanted
    ]


def _of_person(row: AuditRecord) -> Entry:
    words = f"{row.deed}: {row.detail}" if row.detail else row.deed
    return Entry(
        at=row.at,
        what="person",
        source=f"{row.who}, audit row {row.number}",
        subject_kind=row.object_kind,
        subject=row.object_id,
        message=words if row.outcome == "done" else f"{words} ({row.outcome})",
        plan=row.plan,
        operation=row.run,
    )
