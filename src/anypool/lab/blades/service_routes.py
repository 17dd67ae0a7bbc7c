"""The paths of a blade's Redfish service beside the blade: sessions, events and the log."""

import queue
from collections.abc import Iterator
from typing import Any

import flask

from anypool.errors import Denied, Invalid, NotFound
from anypool.lab.blades import journal, subscriptions
from anypool.lab.blades.board import Entry
from anypool.lab.blades.resources import ROOT, Resource, collection, link, resource
from anypool.lab.blades.routes import Blade, Find, body
from anypool.lab.blades.subscriptions import Subscription, Teller
from anypool.lab.bmc_keys import BMC_USER
from anypool.lab.bmc_lock import Locked

_SESSIONS = f"{ROOT}/SessionService/Sessions"
_EVENTS = f"{ROOT}/EventService"
_SUBSCRIPTIONS = f"{_EVENTS}/Subscriptions"
_LOGS = f"{ROOT}/Systems/<uuid>/LogServices"
_SILENCE_S = 5.0


def add_sessions(app: flask.Flask, find: Find, lock: Locked) -> None:
    """Add the sessions."""

    @app.get(f"{ROOT}/SessionService")
    def session_service() -> Resource:
        return resource(
            f"{ROOT}/SessionService",
            "SessionService.v1_1_9.SessionService",
            "Sessions",
            ServiceEnabled=True,
            Sessions=link(_SESSIONS),
        )

    @app.get(_SESSIONS)
    def sessions() -> Resource:
        paths = [f"{_SESSIONS}/{identity}" for identity in lock.sessions(find().server.bmc_address)]
        return collection(_SESSIONS, "SessionCollection", "Sessions", paths)

    @app.post(_SESSIONS)
    def login() -> flask.Response:
        sent = body()
        begun = lock.begin(
            find().server.bmc_address, str(sent.get("UserName", "")), str(sent.get("Password", ""))
        )
        if begun is None:
            raise Denied("user or password is wrong")
        answer = flask.jsonify(_session(begun[0]))
        answer.status_code = 201
        answer.headers["Location"] = f"{_SESSIONS}/{begun[0]}"
        answer.headers["X-Auth-Token"] = begun[1]
        return answer

    _add_session(app, find, lock)


def _add_session(app: flask.Flask, find: Find, lock: Locked) -> None:
    """Add one session: to see it, and to end it."""

    @app.get(f"{_SESSIONS}/<identity>")
    def session(identity: str) -> Resource:
        if identity not in lock.sessions(find().server.bmc_address):
            raise NotFound(f"there is no session {identity}")
        return _session(identity)

    @app.delete(f"{_SESSIONS}/<identity>")
    def logout(identity: str) -> tuple[str, int]:
        if not lock.end(find().server.bmc_address, identity):
            raise NotFound(f"there is no session {identity}")
        return "", 204


def add_events(app: flask.Flask, find: Find, teller: Teller) -> None:
    """Add the service of events."""
    _add_subscriptions(app, find, teller)

    @app.get(_EVENTS)
    def event_service() -> Resource:
        stream = {"ServerSentEventUri": f"{_EVENTS}/SSE"} if find().hardware.streams else {}
        return resource(
            _EVENTS,
            "EventService.v1_10_3.EventService",
            "Events",
            ServiceEnabled=True,
            DeliveryRetryAttempts=subscriptions.TRIES,
            DeliveryRetryIntervalSeconds=int(subscriptions.INTERVAL_S),
            EventFormatTypes=["Event"],
            RegistryPrefixes=["ResourceEvent", "LabBlade"],
            Subscriptions=link(_SUBSCRIPTIONS),
            Status={"State": "Enabled", "Health": "OK"},
            Actions={
                "#EventService.SubmitTestEvent": {
                    "target": f"{_EVENTS}/Actions/EventService.SubmitTestEvent"
                }
            },
            **stream,
        )

    @app.post(f"{_EVENTS}/Actions/EventService.SubmitTestEvent")
    def test_event() -> tuple[str, int]:
        find().board.note("test", "a test event")
        return "", 204

    @app.get(f"{_EVENTS}/SSE")
    def event_stream() -> flask.Response:
        name = find().server.name
        if not find().hardware.streams:
            raise NotFound("there is no stream of events")
        return flask.Response(_streamed(teller, name), mimetype="text/event-stream")


def _add_subscriptions(app: flask.Flask, find: Find, teller: Teller) -> None:
    every = _SUBSCRIPTIONS

    @app.get(every)
    def subscriptions_now() -> Resource:
        found = teller.subscriptions(find().server.name)
        paths = [f"{every}/{one.id}" for one in found]
        return collection(every, "EventDestinationCollection", "Subscriptions", paths)

    @app.post(every)
    def subscribe() -> flask.Response:
        made = teller.subscribe(find().server.name, _wanted(body()))
        answer = flask.jsonify(_destination(made))
        answer.status_code = 201
        answer.headers["Location"] = f"{every}/{made.id}"
        return answer

    @app.get(f"{every}/<identity>")
    def subscription(identity: str) -> Resource:
        for found in teller.subscriptions(find().server.name):
            if found.id == identity:
                return _destination(found)
        raise NotFound(f"there is no subscription {identity}")

    @app.delete(f"{every}/<identity>")
    def unsubscribe(identity: str) -> tuple[str, int]:
        if not teller.unsubscribe(find().server.name, identity):
            raise NotFound(f"there is no subscription {identity}")
        return "", 204


def add_log(app: flask.Flask, find: Find) -> None:
    """Add the log."""

    @app.get(_LOGS)
    def logs(uuid: str) -> Resource:
        path = journal.log_path(find().server)
        return collection(path.rpartition("/")[0], "LogServiceCollection", "Logs", [path])

    @app.get(f"{_LOGS}/{journal.LOG}")
    def one_log(uuid: str) -> Resource:
        return journal.log_service(find().server)

    @app.get(f"{_LOGS}/{journal.LOG}/Entries")
    def log_entries(uuid: str) -> Resource:
        blade = find()
        path = f"{journal.log_path(blade.server)}/Entries"
        members = [journal.log_entry(blade.server, entry) for entry in logged(blade)]
        return collection(path, "LogEntryCollection", "Entries", []) | {
            "Members": members,
            "Members@odata.count": len(members),
        }

    @app.get(f"{_LOGS}/{journal.LOG}/Entries/<int:number>")
    def log_entry(uuid: str, number: int) -> Resource:
        for found in logged(find()):
            if found.number == number:
                return journal.log_entry(find().server, found)
        raise NotFound(f"there is no entry {number}")

    @app.post(f"{_LOGS}/{journal.LOG}/Actions/LogService.ClearLog")
    def clear_log(uuid: str) -> tuple[str, int]:
        find().board.clear_log()
        return "", 204


def logged(blade: Blade) -> list[Entry]:
    """Return what the log shows of the journal."""
    return blade.board.entries(blade.hardware.log_cleared)


def _session(identity: str) -> Resource:
    path = f"{_SESSIONS}/{identity}"
    return resource(path, "Session.v1_7_0.Session", "Session", UserName=BMC_USER)


def _wanted(sent: dict[str, Any]) -> Subscription:
    if sent.get("Protocol", "Redfish") != "Redfish":
        raise Invalid("Protocol can be Redfish only")
    if sent.get("EventFormatType", "Event") != "Event":
        raise Invalid("EventFormatType can be Event only")
    headers = sent.get("HttpHeaders") or []
    pairs = {name: str(value) for one in headers for name, value in dict(one).items()}
    return Subscription(
        id="",
        destination=str(sent.get("Destination", "")),
        context=str(sent.get("Context", "")),
        headers=pairs,
    )


def _destination(one: Subscription) -> Resource:
    return resource(
        f"{_EVENTS}/Subscriptions/{one.id}",
        "EventDestination.v1_15_0.EventDestination",
        f"Subscription {one.id}",
        Destination=one.destination,
        Context=one.context,
        Protocol="Redfish",
        EventFormatType="Event",
        SubscriptionType="RedfishEvent",
        DeliveryRetryPolicy="RetryForever" if subscriptions.TRIES == 0 else "TerminateAfterRetries",
        HttpHeaders=None,
        Status={"State": "Enabled", "Health": "OK"},
    )


def _streamed(teller: Teller, name: str) -> Iterator[str]:
    with teller.stream(name) as arriving:
        yield ": events of a blade\n\n"
        while True:
            try:
                yield f"data: {arriving.get(timeout=_SILENCE_S)}\n\n"
            except queue.Empty:
                yield ": still here\n\n"
