"""A blade's journal as Redfish tells it: entries of a log, and events."""

import datetime
from typing import Any

from anypool.lab.blades.board import Entry, Happening
from anypool.lab.blades.resources import Resource, link, resource, system_path
from anypool.lab.spec import Server

_MESSAGES: dict[Happening, tuple[str, str]] = {
    "power-on": ("ResourceEvent.1.3.ResourcePoweredOn", "OK"),
    "power-off": ("ResourceEvent.1.3.ResourcePoweredOff", "OK"),
    "set": ("ResourceEvent.1.3.ResourceChanged", "OK"),
    "media": ("ResourceEvent.1.3.ResourceChanged", "OK"),
    "test": ("ResourceEvent.1.3.TestMessage", "OK"),
    "reset": ("LabBlade.1.0.Reset", "OK"),
    "button": ("LabBlade.1.0.PowerButtonPressed", "OK"),
    "watchdog": ("LabBlade.1.0.WatchdogExpired", "Critical"),
    "panic": ("LabBlade.1.0.SystemPanicked", "Critical"),
}
LOG = "SEL"


def log_path(server: Server) -> str:
    """Return the path of the blade's log."""
    return f"{system_path(server)}/LogServices/{LOG}"


def log_service(server: Server) -> Resource:
    """Return the log itself."""
    path = log_path(server)
    return resource(
        path,
        "LogService.v1_7_0.LogService",
        "Events of the blade",
        ServiceEnabled=True,
        LogEntryType="Event",
        OverWritePolicy="NeverOverWrites",
        Entries=link(f"{path}/Entries"),
        Actions={"#LogService.ClearLog": {"target": f"{path}/Actions/LogService.ClearLog"}},
    )


def log_entry(server: Server, entry: Entry) -> Resource:
    """Return one entry of the log."""
    message, severity = _MESSAGES[entry.what]
    return resource(
        f"{log_path(server)}/Entries/{entry.number}",
        "LogEntry.v1_16_2.LogEntry",
        f"Event {entry.number}",
        EntryType="Event",
        Created=moment(entry.at),
        Severity=severity,
        MessageId=message,
        Message=entry.message,
        Links={"OriginOfCondition": link(system_path(server))},
    )


def event(server: Server, entry: Entry, context: str) -> Resource:
    """Return what a subscriber is sent."""
    message, severity = _MESSAGES[entry.what]
    record: dict[str, Any] = {
        "MemberId": "0",
        "EventId": str(entry.number),
        "EventType": "Alert" if severity == "Critical" else "StatusChange",
        "EventTimestamp": moment(entry.at),
        "MessageId": message,
        "MessageArgs": [system_path(server)] if "Powered" in message else [],
        "Message": entry.message,
        "MessageSeverity": severity,
        "Severity": severity,
        "OriginOfCondition": link(system_path(server)),
        "LogEntry": link(f"{log_path(server)}/Entries/{entry.number}"),
    }
    return {
        "@odata.type": "#Event.v1_9_0.Event",
        "Id": str(entry.number),
        "Name": "Events of a blade",
        "Context": context,
        "Events": [record],
    }


def moment(at: float) -> str:
    """Return seconds since 1970 as Redfish writes a moment."""
    return datetime.datetime.fromtimestamp(at, datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
