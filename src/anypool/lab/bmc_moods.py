"""How a BMC of the lab misbehaves: a file says it, and the BMC reads that before each answer."""

import json
import os
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Literal, get_args

from anypool.errors import Invalid
from anypool.lab.places import LabPlaces, lab_places
from anypool.lab.spec import Server
from anypool.lab.state import kept_lab

Mood = Literal[
    "well",
    "silent",
    "failing",
    "slow",
    "says-off",
    "says-on",
    "deaf",
    "refusing",
    "cut",
    "other-certificate",
]
"""`silent` takes requests and answers none; `failing` answers 500; `slow` takes `SLOW_S`;
`says-off` and `says-on` say that of the power whatever it is; `deaf` takes an order and does
nothing; `refusing` answers it with 409; `cut` ends its answers in the middle;
`other-certificate` shows one that is not the lab's."""

SLOW_S = 3.0
SILENT_S = 12.0
"""Longer than a client waits for a BMC to say anything."""

App = Callable[[dict[str, Any], Any], Iterable[bytes]]


def set_mood(name: str, server: str, mood: Mood, state_dir: Path | None = None) -> None:
    """Let the BMC of a server misbehave from its next request on, or behave `well` again."""
    places = lab_places(name, state_dir)
    kept_lab(places).server(server)
    if mood not in get_args(Mood):
        raise Invalid(f"there is no mood {mood!r}", hint=f"use one of: {', '.join(get_args(Mood))}")
    moods = _read(places) | {server: mood}
    arriving = places.bmc_moods.with_suffix(".arriving")
    arriving.write_text(json.dumps(moods))
    os.replace(arriving, places.bmc_moods)


class Moody:
    """Stands before the service of all BMCs and answers as the mood of the asked one is."""

    def __init__(self, inner: App, places: LabPlaces, servers: tuple[Server, ...]) -> None:
        self._inner = inner
        self._places = places
        self._names = {server.bmc_address: server.name for server in servers}

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """Answer a request."""
        mood = _read(self._places).get(self._names.get(environ["SERVER_NAME"], ""), "well")
        method = environ["REQUEST_METHOD"]
        order = method == "PATCH" or (method == "POST" and "/Actions/" in environ["PATH_INFO"])
        if mood == "silent":
            time.sleep(SILENT_S)
            raise ConnectionAbortedError
        if mood == "slow":
            time.sleep(SLOW_S)
        if mood == "failing":
            return _short(start_response, "500 Internal Server Error")
        if mood == "refusing" and order:
            return _short(start_response, "409 Conflict")
        if mood == "deaf" and order:
            return _short(start_response, "204 No Content")
        if mood in ("says-off", "says-on", "cut"):
            return self._changed(environ, start_response, mood)
        return self._inner(environ, start_response)

    def _changed(self, environ: dict[str, Any], start_response: Any, mood: str) -> Iterable[bytes]:
        """Answer with a lie about the power, or with half of what there is to say."""
        said: list[Any] = []
        body = b"".join(self._inner(environ, lambda *words: said.extend(words)))
        status, headers = said[0], [pair for pair in said[1] if pair[0].lower() != "content-length"]
        if mood == "cut":
            headers.append(("Content-Length", str(len(body) + 64)))
        else:
            body = _lie(body, "Off" if mood == "says-off" else "On")
            headers.append(("Content-Length", str(len(body))))
        start_response(status, headers)
        return [body]


def _lie(body: bytes, power: str) -> bytes:
    try:
        said = json.loads(body)
    except ValueError:
        return body
    if not isinstance(said, dict) or "PowerState" not in said:
        return body
    return json.dumps(said | {"PowerState": power}).encode()


def _short(start_response: Any, status: str) -> Iterable[bytes]:
    start_response(status, [("Content-Length", "0")])
    return [b""]


def mood_of(places: LabPlaces, server: str) -> str:
    """Return the mood of one server's BMC, as it is now."""
    return _read(places).get(server, "well")


def _read(places: LabPlaces) -> dict[str, str]:
    try:
        found: dict[str, str] = json.loads(places.bmc_moods.read_text())
    except FileNotFoundError:
        return {}
    return found
