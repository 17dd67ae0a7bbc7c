"""A rack of blades for tests: asking their controllers, typing, and being told."""

import hashlib
import re
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx

from anypool.lab.blades.board import Board
from anypool.lab.blades.monitor import connected
from anypool.lab.places import lab_places
from anypool.lab.spec import MANAGEMENT_GATEWAY
from tests.lab.conftest import RunningLab, wait_until

PORT = 8090


class Rack:
    """The blades of one lab."""

    def __init__(self, lab: RunningLab, folder: Path) -> None:
        self.lab = lab
        self.folder = folder

    def ask(self, method: str, blade: str, path: str, **sent: Any) -> httpx.Response:
        """Ask a blade's Redfish service; `path` below its system, or whole."""
        server = self.lab.server(blade)
        root = server.bmc_url.removesuffix("/redfish/v1/")
        whole = path if path.startswith("/") else f"/redfish/v1/Systems/{server.uuid}/{path}"
        more = {"json": sent} if sent else {}
        return self.lab.http(method, f"{root}{whole.rstrip('/')}", **more)

    def get(self, blade: str, path: str) -> dict[str, Any]:
        answer = self.ask("GET", blade, path)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def patch(self, blade: str, path: str, **sent: Any) -> None:
        answer = self.ask("PATCH", blade, path, **sent)
        assert answer.status_code == 200, answer.text

    def reset(self, blade: str, kind: str) -> None:
        answer = self.ask("POST", blade, "Actions/ComputerSystem.Reset", ResetType=kind)
        assert answer.status_code == 204, answer.text

    def power(self, blade: str) -> str:
        return str(self.get(blade, "")["PowerState"])

    def ipmi(self, blade: str, *words: str) -> str:
        """Ask a blade's IPMI controller by ipmitool."""
        host = self.lab.server(blade).bmc_url.split("/")[2]
        status = self.lab.status()
        entry = ["-U", status.bmc_user, "-f", status.bmc_password_file]
        answer = self.lab.run(["ipmitool", "-I", "lanplus", "-H", host, *entry, *words])
        assert answer.code == 0, answer.err
        return answer.out.strip()

    def log(self, blade: str) -> list[str]:
        """The last parts of the message ids of a blade's log, oldest first."""
        found = self.get(blade, "LogServices/SEL/Entries")["Members"]
        return [str(entry["MessageId"]).rpartition(".")[2] for entry in found]

    def console(self, blade: str) -> str:
        file = Path(self.lab.status().console_dir) / f"{blade}.log"
        return file.read_text(errors="replace") if file.exists() else ""

    def type(self, blade: str, line: str) -> None:
        """Type a line on a blade's console; who hangs up before it is read takes it back."""
        folder = lab_places(self.lab.name, self.lab.state_dir).server(blade)
        with connected(Board(folder).console) as console:
            console.sendall(f"\n{line}\n".encode())
            wait_until(lambda: line in self.console(blade), f"{blade} echoes", timeout_s=60)

    def wait_for(self, blade: str, pattern: str, *, timeout_s: float) -> str:
        """Wait until a blade's console has said something, and return that."""

        def look() -> str:
            found = re.findall(pattern, self.console(blade))
            return str(found[-1]) if found else ""

        return wait_until(look, f"{blade} says {pattern}", timeout_s=timeout_s)


@contextmanager
def serving(rack: Rack, handler: Any, port: int) -> Iterator[ThreadingHTTPServer]:
    """Serve HTTP in the lab's network, at the manager's address."""
    with rack.lab.inside():
        server = ThreadingHTTPServer((MANAGEMENT_GATEWAY, port), handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class Told(BaseHTTPRequestHandler):
    """Takes events; the messages' ids are in `heard`."""

    heard: list[bytes]

    def do_POST(self) -> None:
        self.heard.append(self.rfile.read(int(self.headers["Content-Length"])))
        self.send_response(204)
        self.end_headers()

    def log_message(self, format: str, *arguments: Any) -> None:
        """Log nothing."""


def fingerprint(rack: Rack, blade: str) -> str:
    """The SHA-256 of the certificate that a blade's controller shows."""
    host = rack.lab.server(blade).bmc_url.split("/")[2]
    with rack.lab.inside():
        pem = ssl.get_server_certificate((host, 443), timeout=10)
    return hashlib.sha256(ssl.PEM_cert_to_DER_cert(pem)).hexdigest()
