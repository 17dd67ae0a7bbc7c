"""The routes of notifications."""

from typing import Annotated

from litestar import Response, delete, get, post
from litestar.params import JSONBody
from msgspec import Meta, Struct

from anypool.api.asking import By, Key, Use
from anypool.api.views import time_or_none
from anypool.api.vms import Text
from anypool.model import Mail, Notification, NotificationId, Receiver, Syslog
from anypool.service.notifications import NewNotification
from anypool.store.notify import Known, Letter


class NotificationBody(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who is to be told of which events.

    `secret` is the password of a mail server, or the key that a webhook's deliveries are
    signed with; it is never shown again, and neither is the path of a webhook's address. Of
    events of one kind within `window_s` seconds, `at_once` are told one by one.
    """

    name: Text
    receiver: Receiver
    filter: Annotated[str, Meta(max_length=2000)] = ""
    severity: Text = "warning"
    secret: Annotated[str, Meta(max_length=1000)] = ""
    window_s: Annotated[float, Meta(ge=1, le=86_400)] = 60.0
    at_once: Annotated[int, Meta(ge=1, le=1000)] = 5


class NotificationView(Struct, frozen=True, kw_only=True):
    """A rule and how it stands: `waiting` messages are still to be sent, `dead` were given up.

    `error` is why the receiver takes nothing since `failing_since`; then it is tried again at
    `due_at`. `address` is where it is.
    """

    id: str
    receiver: Receiver
    address: str
    filter: str
    severity: str
    window_s: float
    at_once: int
    state: str
    waiting: int
    dead: int
    failures: int
    error: str
    failing_since: float | None
    due_at: float | None
    worked_at: float | None


class LetterView(Struct, frozen=True, kw_only=True):
    """One message to one receiver; it stands for `count` events of one kind."""

    id: str
    state: str
    kind: str
    message: str
    event: int
    count: int
    attempts: int
    error: str
    made_at: float
    due_at: float
    ended_at: float | None


class NotificationsView(Struct, frozen=True, kw_only=True):
    """All rules by name."""

    items: tuple[NotificationView, ...]
    total: int


class TellingView(Struct, frozen=True, kw_only=True):
    """A rule, and its newest messages."""

    notification: NotificationView
    letters: tuple[LetterView, ...]


class AgainView(Struct, frozen=True, kw_only=True):
    """How many messages are sent again."""

    letters: int


def _view(known: Known) -> NotificationView:
    rule, standing = known.rule, known.standing
    state = "failing" if standing.failures else "working" if standing.worked_at else "unused"
    return NotificationView(
        id=rule.id,
        receiver=rule.receiver,
        address=_address(rule.receiver),
        filter=rule.filter,
        severity=rule.severity,
        window_s=rule.window_s,
        at_once=rule.at_once,
        state=state,
        waiting=known.waiting,
        dead=known.dead,
        failures=standing.failures,
        error=standing.error,
        failing_since=time_or_none(standing.failing_since),
        due_at=time_or_none(standing.due_at),
        worked_at=time_or_none(standing.worked_at),
    )


def _address(receiver: Receiver) -> str:
    if isinstance(receiver, Mail):
        return f"mail {', '.join(receiver.to)} through {receiver.server}"
    if isinstance(receiver, Syslog):
        return f"syslog {receiver.server} ({receiver.transport})"
    return f"webhook {receiver.url}"


def _letter(one: Letter) -> LetterView:
    return LetterView(
        id=one.id,
        state=one.state,
        kind=one.kind,
        message=one.event.message,
        event=one.event.number,
        count=one.count,
        attempts=one.attempts,
        error=one.error,
        made_at=one.made_at,
        due_at=one.due_at,
        ended_at=time_or_none(one.ended_at),
    )


@get("/notifications", sync_to_thread=True)
def list_notifications(services: Use, by: By) -> NotificationsView:
    """List who is told of what, and whether that works."""
    found = tuple(map(_view, services.notifications.list(by)))
    return NotificationsView(items=found, total=len(found))


@post("/notifications", status_code=201, sync_to_thread=True)
def add_notification(
    services: Use, by: By, data: JSONBody[NotificationBody]
) -> Response[NotificationView]:
    """Let somebody be told of events from now on; nothing is sent yet."""
    rule = Notification(
        id=NotificationId(data.name),
        receiver=data.receiver,
        filter=data.filter,
        severity=data.severity,
        window_s=data.window_s,
        at_once=data.at_once,
    )
    known = services.notifications.add(by, NewNotification(rule=rule, secret=data.secret))
    headers = {"Location": f"/api/v1/notifications/{known.rule.id}"}
    return Response(_view(known), headers=headers)


@get("/notifications/{key:str}", sync_to_thread=True)
def get_notification(services: Use, by: By, key: Key) -> TellingView:
    """Show one rule, and its newest messages with what became of them."""
    known, letters = services.notifications.get(by, key)
    return TellingView(notification=_view(known), letters=tuple(map(_letter, letters)))


@delete("/notifications/{key:str}", sync_to_thread=True)
def remove_notification(services: Use, by: By, key: Key) -> None:
    """Tell somebody no more; what waits for them is forgotten."""
    services.notifications.remove(by, key)


@post("/notifications/{key:str}/test", status_code=204, sync_to_thread=True)
def try_notification(services: Use, by: By, key: Key) -> None:
    """Send a message now; the answer says what kept it from getting there."""
    services.notifications.test(by, key)


@post("/notifications/{key:str}/retry", status_code=200, sync_to_thread=True)
def retry_notification(services: Use, by: By, key: Key) -> AgainView:
    """Send again, now, what was given up."""
    return AgainView(letters=services.notifications.retry(by, key))


ROUTES = (
    list_notifications,
    add_notification,
    get_notification,
    remove_notification,
    try_notification,
    retry_notification,
)
