"""A rack of blades for tests: asking their controllers, and a boot service on their network."""

import hashlib
import re
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler, SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx

from anypool import lab as labs
from anypool.lab.spec import MANAGEMENT_GATEWAY
from tests.lab.conftest import RunningLab, wait_until

PORT = 8080


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

    def wait_for(self, blade: str, pattern: str, *, timeout_s: float) -> str:
        """Wait until a blade's console has said something, and return that."""

        def look() -> str:
            found = re.findall(pattern, self.console(blade))
            return str(found[-1]) if found else ""

        return wait_until(look, f"{blade} says {pattern}", timeout_s=timeout_s)


@contextmanager
def boot_service(rack: Rack, addresses: dict[str, str], script: str) -> Iterator[str]:
    """Give addresses by MAC, and files of the rack's folder; yield the script's address.

    dnsmasq tells each card that starts by PXE to fetch the script.
    """
    served = rack.folder / "served"
    served.mkdir(exist_ok=True)
    (served / "boot.ipxe").write_text(script)
    url = f"http://{MANAGEMENT_GATEWAY}:{PORT}/boot.ipxe"
    settings = [
        "port=0", "interface=mgmt", "bind-interfaces", "user=root", "no-ping",
        "dhcp-range=10.77.0.200,10.77.0.220,255.255.255.0,1h", "dhcp-authoritative",
        f"dhcp-leasefile={rack.folder / 'leases'}", f"dhcp-boot={url}",
        *(f"dhcp-host={mac},{address}" for mac, address in addresses.items()),
    ]  # fmt: skip
    config = rack.folder / "dnsmasq.conf"
    config.write_text("".join(f"{line}\n" for line in settings))
    prefix = labs.enter_command(rack.lab.name, rack.lab.state_dir)
    giving = subprocess.Popen([*prefix, "dnsmasq", "--keep-in-foreground", "-C", str(config)])
    try:
        with serving(rack, partial(_Files, directory=str(served)), PORT):
            yield url
    finally:
        giving.terminate()
        giving.wait(timeout=10)


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


class _Files(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *arguments: Any) -> None:
        """Log nothing."""


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
