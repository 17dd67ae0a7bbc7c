"""A small Redfish service of our own that misbehaves when told to: a double, not a product.

It knows one system, sessions and Basic, and answers over TLS on loopback. What real services
do is shown by the lab's tests, against sushy-tools.
"""

import base64
import hashlib
import json
import queue
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from anypool.api.own_certificate import own
from anypool.drivers.redfish import driver
from anypool.drivers.redfish.channel import Channel
from anypool.model import HostId

USER, PASSWORD = "operator", "canary-of-a-bmc"
UUID = "9f0f3a5e-6a2e-4f7c-8f5e-2b1c3d4e5f60"
HOST = HostId(UUID)
SYSTEM = "/redfish/v1/Systems/1"
STREAM = "/redfish/v1/EventService/SSE"
RESET = f"{SYSTEM}/Actions/ComputerSystem.Reset"


@dataclass
class Service:
    """What it is and how it misbehaves; `asked` is every request, `carried` its credentials.

    `faults` maps a path to what comes instead: a status with a body, `half`, `hang`, `huge`.
    """

    power: str = "On"
    password: str = PASSWORD
    resets: list[str] = field(default_factory=lambda: ["On", "ForceOff", "GracefulShutdown"])
    sessions: bool = True
    systems: list[str] = field(default_factory=lambda: [SYSTEM])
    faults: dict[str, Any] = field(default_factory=dict)
    extra: dict[str, dict[str, Any]] = field(default_factory=dict)
    allow: dict[str, str] = field(default_factory=dict)
    etags: bool = False
    deaf: set[str] = field(default_factory=set)
    refusing: dict[str, int] = field(default_factory=dict)
    patches: list[tuple[str, Any]] = field(default_factory=list)
    actions: dict[str, Any] = field(default_factory=dict)
    told: queue.Queue[str] = field(default_factory=queue.Queue)
    obeys: bool = True
    closes: bool = False
    asked: list[str] = field(default_factory=list)
    carried: list[str] = field(default_factory=list)
    tokens: set[str] = field(default_factory=set)
    closing: threading.Event = field(default_factory=threading.Event)
    url: str = ""
    fingerprint: str = ""
    context: ssl.SSLContext | None = None

    def system(self) -> dict[str, Any]:
        return {
            "Id": "1",
            "Name": "the server",
            "UUID": UUID.upper(),
            "Manufacturer": "Double",
            "Model": "One\x1b[31m",
            "PowerState": self.power,
            "Links": {"Chassis": [{"@odata.id": "/redfish/v1/Chassis/1"}]},
            "Actions": {
                "#ComputerSystem.Reset": {
                    "target": RESET,
                    "ResetType@Redfish.AllowableValues": self.resets,
                }
            },
        }

    def resource(self, path: str) -> dict[str, Any] | None:
        if path in self.extra:
            return self.extra[path]
        if path.rstrip("/") == "/redfish/v1":
            links = {"Sessions": {"@odata.id": "/redfish/v1/SessionService/Sessions"}}
            return {
                "Id": "RootService",
                "Name": "a double",
                "RedfishVersion": "1.15.0",
                "UUID": UUID,
                "SessionService": {"@odata.id": "/redfish/v1/SessionService"},
                "Systems": {"@odata.id": "/redfish/v1/Systems"},
                "Links": links if self.sessions else {},
            }
        if path == "/redfish/v1/Systems":
            every = [{"@odata.id": one} for one in self.systems]
            return {"Name": "systems", "Members": every}
        if path == "/redfish/v1/SessionService":
            sessions = {"@odata.id": "/redfish/v1/SessionService/Sessions"}
            return {"Id": "SessionService", "Name": "sessions", "Sessions": sessions}
        return self.system() if path == SYSTEM else None

    def driver(self, *, password: str = PASSWORD, **options: str) -> driver.RedfishDriver:
        """A driver of this service; one that is to hang is not waited for long."""
        options = {"user": USER, "fingerprint": self.fingerprint} | options
        pinned = options["fingerprint"]
        hangs = "hang" in self.faults.values()
        silence_s = 0.3 if hangs else 10.0
        channel = Channel(self.url, pinned, operation_s=3 * silence_s, silence_s=silence_s)
        return driver.RedfishDriver(channel, options, password)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def __init__(self, service: Service, *given: Any) -> None:
        self._service = service
        super().__init__(*given)

    def log_message(self, *_: Any) -> None:
        """Stay quiet."""

    def do_GET(self) -> None:
        self._serve("GET", None)

    def do_DELETE(self) -> None:
        self._serve("DELETE", None)

    def do_PATCH(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self._serve("PATCH", json.loads(body))

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self._serve("POST", json.loads(body))

    def _serve(self, method: str, body: Any) -> None:
        service = self._service
        service.asked.append(f"{method} {self.path}")
        secrets = (self.headers.get("Authorization"), self.headers.get("X-Auth-Token"))
        service.carried += [secret for secret in secrets if secret]
        if (fault := service.faults.get(self.path)) is not None:
            self._misbehave(fault)
            return
        if method == "POST" and self.path.endswith("/Sessions"):
            self._log_in(body)
        elif self.path.rstrip("/") != "/redfish/v1" and not self._known():
            self._say(401, {"error": {"message": "no entry"}})
        elif method == "POST" and self.path == RESET:
            self._reset(body["ResetType"])
        elif method == "POST" and self.path in service.actions:
            service.actions[self.path](body)
            self._say(204, None)
        elif method == "PATCH":
            self._change(body)
        elif self.path == STREAM:
            self._stream()
        elif method == "DELETE":
            service.tokens.clear()
            self._say(204, None)
        else:
            found = service.resource(self.path)
            self._tell(found)

    def _tell(self, found: dict[str, Any] | None) -> None:
        service = self._service
        if found is None:
            self._say(404, {})
            return
        etag = hashlib.sha256(json.dumps(found).encode()).hexdigest()[:16] if service.etags else ""
        if etag and self.headers.get("If-None-Match") == etag:
            self._say(304, None)
            return
        allow = service.allow.get(self.path, "")
        headers = {"ETag": etag, "Allow": allow}
        self._say(200, found, {name: said for name, said in headers.items() if said})

    def _stream(self) -> None:
        """Tell lines as they come, until an empty one ends it."""
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.end_headers()
        self.close_connection = True
        with suppress(OSError):
            while line := self._service.told.get(timeout=10.0):
                self.wfile.write(line.encode())
                self.wfile.flush()

    def _change(self, body: Any) -> None:
        service = self._service
        if status := service.refusing.get(self.path):
            self._say(status, {"error": {"message": "not now"}})
            return
        service.patches.append((self.path, body))
        if (found := service.resource(self.path)) is None:
            self._say(404, {})
            return
        if self.path not in service.deaf:
            service.extra[self.path] = _merged(found, body)
        self._say(200, {})

    def _known(self) -> bool:
        service = self._service
        both = base64.b64encode(f"{USER}:{service.password}".encode()).decode()
        if self.headers.get("Authorization") == f"Basic {both}":
            return True
        return self.headers.get("X-Auth-Token", "") in service.tokens

    def _log_in(self, body: Any) -> None:
        if (body["UserName"], body["Password"]) != (USER, self._service.password):
            self._say(401, {"error": {"message": "no entry"}})
            return
        token = f"token-{len(self._service.asked)}"
        self._service.tokens.add(token)
        where = "/redfish/v1/SessionService/Sessions/1"
        self._say(201, {}, {"X-Auth-Token": token, "Location": where})

    def _reset(self, kind: str) -> None:
        service = self._service
        wanted = "On" if kind == "On" else "Off"
        if service.power == wanted:
            self._say(409, {"error": {"message": "already so"}})
            return
        if service.obeys:
            service.power = wanted
        self._say(204, None)

    def _misbehave(self, fault: Any) -> None:
        if fault == "hang":
            self._service.closing.wait(5.0)
            self.close_connection = True
        elif fault == "half":
            self.send_response(200)
            self.send_header("Content-Length", "500")
            self.end_headers()
            self.wfile.write(b'{"PowerState": "Off"}')
            self.close_connection = True
        elif fault == "huge":
            self.send_response(200)
            self.send_header("Content-Length", str(3 << 20))
            self.end_headers()
            self.wfile.write(b"[" * (3 << 20))
        elif fault == "page":
            self._raw(200, b"<html>log in here</html>", {})
        else:
            status, body, headers = fault
            self._say(status, body, headers)

    def _say(self, status: int, body: Any, headers: dict[str, str] | None = None) -> None:
        self._raw(status, b"" if body is None else json.dumps(body).encode(), headers or {})

    def _raw(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        if self._service.closes:
            self.send_header("Connection", "close")
        for name, value in headers.items():
            self.send_header(name, value)
        if status not in (204, 304):
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if status not in (204, 304):
            self.wfile.write(body)


def _merged(old: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    """What a PATCH makes: objects are changed by name, all else is put in their place."""
    merged = dict(old)
    for name, value in new.items():
        there = merged.get(name)
        both = isinstance(there, dict) and isinstance(value, dict)
        merged[name] = _merged(there, value) if both else value  # type: ignore[arg-type]
    return merged


class _Quiet(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: Any) -> None:
        """A client that does not like the certificate just goes away."""


@contextmanager
def served(folder: Path) -> Iterator[Service]:
    """Run the double on a free port of loopback."""
    certificate = own(folder, frozenset({"localhost"}), 1_790_000_000.0)
    service = Service()
    server = _Quiet(("127.0.0.1", 0), partial(_Handler, service))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate.certificate, certificate.key)
    server.socket = context.wrap_socket(
        server.socket, server_side=True, do_handshake_on_connect=False
    )
    service.context = context
    service.url = f"https://127.0.0.1:{server.server_address[1]}"
    service.fingerprint = certificate.fingerprint.replace(":", "").lower()
    thread = threading.Thread(target=partial(server.serve_forever, 0.02), daemon=True)
    thread.start()
    try:
        yield service
    finally:
        service.closing.set()
        server.shutdown()
        server.server_close()
        thread.join(5.0)
