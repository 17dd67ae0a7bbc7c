"""Who is told of a blade's events: subscribers by HTTP, and listeners of a stream."""

import json
import queue
import ssl
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from anypool.errors import Invalid
from anypool.lab.blades.board import Board, Entry
from anypool.lab.blades.journal import event
from anypool.lab.places import LabPlaces
from anypool.lab.spec import Server

TRIES = 3
INTERVAL_S = 1.0
MOST = 20
_TURN_S = 0.1
_TIMEOUT_S = 5.0


class Subscription(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody who wants to be told."""

    id: str
    destination: str
    context: str = ""
    headers: dict[str, str] = {}


class Teller:
    """Reads the journals of all blades and tells what is new; subscriptions outlive it."""

    def __init__(self, places: LabPlaces, servers: tuple[Server, ...]) -> None:
        self._boards = {server.name: Board(places.server(server.name)) for server in servers}
        self._servers = {server.name: server for server in servers}
        self._lock = threading.Lock()
        self._streams: dict[str, list[queue.SimpleQueue[str]]] = {name: [] for name in self._boards}
        self._seen = {name: len(board.entries()) for name, board in self._boards.items()}

    def subscriptions(self, name: str) -> list[Subscription]:
        """Return a blade's subscriptions."""
        try:
            text = self._file(name).read_bytes()
        except FileNotFoundError:
            return []
        return msgspec.json.decode(text, type=list[Subscription])

    def subscribe(self, name: str, wanted: Subscription) -> Subscription:
        """Add a subscription under a new id; raises `Invalid`."""
        if not wanted.destination.startswith(("http://", "https://")):
            raise Invalid("Destination is no address of HTTP", hint="give an http address")
        with self._lock:
            kept = self.subscriptions(name)
            if len(kept) >= MOST:
                raise Invalid(f"there are {MOST} subscriptions already", hint="delete one")
            number = max((int(one.id) for one in kept), default=0) + 1
            new = msgspec.structs.replace(wanted, id=str(number))
            self._write(name, [*kept, new])
        return new

    def unsubscribe(self, name: str, identity: str) -> bool:
        """Remove a subscription; whether it was there."""
        with self._lock:
            kept = self.subscriptions(name)
            left = [one for one in kept if one.id != identity]
            self._write(name, left)
        return len(left) < len(kept)

    @contextmanager
    def stream(self, name: str) -> Iterator["queue.SimpleQueue[str]"]:
        """Give a queue on which each event of a blade arrives as JSON."""
        arriving: queue.SimpleQueue[str] = queue.SimpleQueue()
        with self._lock:
            self._streams[name].append(arriving)
        try:
            yield arriving
        finally:
            with self._lock:
                self._streams[name].remove(arriving)

    def run(self) -> None:
        """Tell for ever."""
        while True:
            for name in self._boards:
                self.turn(name)
            time.sleep(_TURN_S)

    def turn(self, name: str) -> None:
        """Tell what is new of one blade."""
        for entry in self._boards[name].entries(self._seen[name]):
            self._seen[name] = entry.number
            self._tell(name, entry)

    def _tell(self, name: str, entry: Entry) -> None:
        server = self._servers[name]
        with self._lock:
            streams = list(self._streams[name])
            subscribers = self.subscriptions(name)
        for arriving in streams:
            arriving.put(json.dumps(event(server, entry, "")))
        for one in subscribers:
            body = json.dumps(event(server, entry, one.context)).encode()
            threading.Thread(target=deliver, args=(one, body), daemon=True).start()

    def _file(self, name: str) -> Path:
        return self._boards[name].folder / "subscriptions.json"

    def _write(self, name: str, kept: list[Subscription]) -> None:
        file = self._file(name)
        arriving = file.with_suffix(".arriving")
        arriving.write_bytes(msgspec.json.encode(kept))
        arriving.rename(file)


def deliver(to: Subscription, body: bytes) -> bool:
    """Send an event, up to `TRIES` times; whether it got there."""
    trusting = ssl.create_default_context()
    trusting.check_hostname = False
    trusting.verify_mode = ssl.CERT_NONE
    headers = {"Content-Type": "application/json", **to.headers}
    for turn in range(TRIES):
        if turn:
            time.sleep(INTERVAL_S)
        request = urllib.request.Request(to.destination, body, headers, method="POST")
        try:
            with urllib.request.urlopen(request, timeout=_TIMEOUT_S, context=trusting):
                return True
        except OSError:
            continue
    return False
