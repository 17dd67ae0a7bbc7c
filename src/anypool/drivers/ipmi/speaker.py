"""The process that speaks IPMI with one BMC, by pyghmi; it may be killed at any moment.

Run as `python -m anypool.drivers.ipmi.speaker`. The first line of its input says where to and
as whom, each further line asks for one thing; each answer is one line. pyghmi keeps its
sessions in the process and knows no deadline of an operation: so it has a process of its own,
and who asks ends it.
"""

import json
import math
import os
import sys
import traceback
from collections.abc import Callable
from typing import Any, TextIO

from pyghmi.exceptions import PyghmiException
from pyghmi.ipmi.command import Command
from pyghmi.ipmi.oem.generic import OEMHandler

LAST_ENTRIES = 200
_LOGIN = ("password", "unauthorized", "privilege", "user", "denied", "rakp")
_SILENT = ("timeout", "no response", "unreachable", "session no longer", "logged out")


class Speaker:
    """One session, opened when it is first needed."""

    def __init__(self, order: dict[str, Any]) -> None:
        self._order = order
        self._command: Any = None

    def answer(self, asked: dict[str, Any]) -> dict[str, Any]:
        """Return what came of one question, or which kind of error, in words of pyghmi."""
        try:
            return {"ok": _DEEDS[asked["do"]](self._session(), asked)}
        except Exception as error:  # noqa: BLE001 - a BMC that answers nonsense may raise anything
            said = str(error) or type(error).__name__
            kind = _kind(error, said.lower(), opened=self._command is not None)
            if kind != "refused":
                self._command = None
            return {"error": kind, "said": said}

    def _session(self) -> Any:
        if self._command is None:
            order = self._order
            command = Command(
                bmc=order["host"],
                port=order["port"],
                userid=order["user"],
                password=order["password"],
                keepalive=False,
            )
            command._oem = OEMHandler(None, command)  # a maker's own way would go over HTTPS
            command._oemknown = True
            self._command = command
        return self._command


def _kind(error: Exception, said: str, *, opened: bool) -> str:
    if any(word in said for word in _SILENT) or isinstance(error, OSError):
        return "silent"
    if not opened:
        return "login" if any(word in said for word in _LOGIN) else "silent"
    return "refused" if isinstance(error, PyghmiException) else "silent"


def _power(command: Any, _: dict[str, Any]) -> str:
    return str(command.get_power()["powerstate"])


def _switch(command: Any, asked: dict[str, Any]) -> None:
    command.set_power(asked["to"])


def _boot(command: Any, _: dict[str, Any]) -> dict[str, Any]:
    found = command.get_bootdev()
    return {"target": str(found["bootdev"]), "once": not found["persistent"],
            "uefi": found.get("uefimode")}  # fmt: skip


def _set_boot(command: Any, asked: dict[str, Any]) -> None:
    command.set_bootdev(asked["target"], persist=not asked["once"], uefiboot=asked["uefi"])


def _label(command: Any, _: dict[str, Any]) -> dict[str, str]:
    found = command.get_inventory_of_component("System") or {}
    return {str(name).lower(): str(value) for name, value in found.items() if value is not None}


def _sensors(command: Any, _: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {
            "name": str(one.name),
            "kind": str(one.type),
            "reading": _number(one.value),
            "unit": str(one.units or ""),
            "health": int(one.health),
            "there": not one.unavailable,
        }
        for one in command.get_sensor_data()
    ]


def _number(value: Any) -> float | None:
    plain = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if plain and math.isfinite(value) else None


def _log(command: Any, _: dict[str, Any]) -> list[dict[str, Any]]:
    found = list(command.get_event_log())[-LAST_ENTRIES:]
    return [
        {
            "id": str(one.get("record_id", number)),
            "at": str(one.get("timestamp", "")),
            "severity": int(one.get("severity", 0)),
            "message": f"{one.get('component', '')} {one.get('event', '')}".strip(),
            "code": str(one.get("component_type", "")),
        }
        for number, one in enumerate(found)
    ]


_DEEDS: dict[str, Callable[[Any, dict[str, Any]], Any]] = {
    "power": _power,
    "switch": _switch,
    "boot": _boot,
    "set boot": _set_boot,
    "label": _label,
    "sensors": _sensors,
    "log": _log,
}


def main(source: TextIO, sink: TextIO) -> None:
    """Answer line by line until the input ends."""
    speaker = Speaker(json.loads(source.readline()))
    for line in source:
        sink.write(json.dumps(speaker.answer(json.loads(line))) + "\n")
        sink.flush()


if __name__ == "__main__":
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # whatever a library prints goes to the log
    try:
        main(sys.stdin, answers)
    except Exception:  # noqa: BLE001 - the process ends at once: threads of pyghmi would keep it
        traceback.print_exc()
    os._exit(0)
