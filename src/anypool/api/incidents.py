"""The routes of incidents: what happened when, and how it was decided."""

from typing import Annotated

from litestar import get
from litestar.params import QueryParameter
from msgspec import Struct

from anypool.api.asking import By, Key, Use
from anypool.api.language import ReasonView, reason_view, told
from anypool.model import Inventory
from anypool.service.incidents import Entry, Incident, TimeLine


class IncidentView(Struct, frozen=True, kw_only=True):
    """One incident of a policy of the kind `ha`; `ended_at` is 0 while it goes on."""

    id: str
    policy: str
    began_at: float
    ended_at: float


class IncidentsView(Struct, frozen=True, kw_only=True):
    """The newest incidents, newest first."""

    items: tuple[IncidentView, ...]


class EntryView(Struct, frozen=True, kw_only=True):
    """One line of a time line.

    `what` is observation, decision, proof, plan, deed, person, event or incident; `source` is
    the path, neighbour, policy, operation or person that it comes from.
    """

    at: float
    what: str
    source: str
    subject_kind: str
    subject: str
    message: str
    said: ReasonView | None
    plan: str
    operation: str


class TimeLineView(Struct, frozen=True, kw_only=True):
    """An incident and what happened in it, oldest first; not `whole` if that is not all."""

    incident: IncidentView
    entries: tuple[EntryView, ...]
    whole: bool


@get("/ha/incidents", sync_to_thread=True)
def list_incidents(
    services: Use,
    by: By,
    at: Annotated[
        float | None,
        QueryParameter(ge=0, description="only those that went on then, in seconds since 1970"),
    ] = None,
) -> IncidentsView:
    """List the newest incidents, newest first."""
    return IncidentsView(items=tuple(map(_incident, services.incidents.list(by, at))))


@get("/ha/incidents/{key:str}", sync_to_thread=True)
def get_incident(services: Use, by: By, key: Key) -> TimeLineView:
    """Show every observation, decision, proof and deed of an incident, oldest first."""
    return _time_line(services.incidents.time_line(by, key), services.pool.inventory(by))


def _incident(one: Incident) -> IncidentView:
    return IncidentView(id=one.id, policy=one.policy, began_at=one.began_at, ended_at=one.ended_at)


def _time_line(found: TimeLine, inventory: Inventory) -> TimeLineView:
    return TimeLineView(
        incident=_incident(found.incident),
        entries=tuple(entry_view(one, inventory) for one in found.entries),
        whole=found.whole,
    )


def entry_view(one: Entry, inventory: Inventory) -> EntryView:
    """Return a line of a time line as it is shown."""
    return EntryView(
        at=one.at,
        what=one.what,
        source=one.source,
        subject_kind=one.subject_kind,
        subject=_name(one, inventory),
        message=told(one.said, one.message),
        said=reason_view(one.said),
        plan=one.plan,
        operation=one.operation,
    )


def _name(one: Entry, inventory: Inventory) -> str:
    named = {"host": inventory.hosts, "vm": inventory.vms}.get(one.subject_kind)
    record = None if named is None else named.get(one.subject)  # type: ignore[attr-defined]
    return one.subject if record is None else str(record.name)


ROUTES = (list_incidents, get_incident)
