"""ironic of OpenStack from PyPI, as one process on SQLite, with the driver redfish."""

import json
import os
import signal
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.peers import python_with

RELEASE = "ironic==39.0.0"
PORT = 16386
CLIENTS = 8
PATIENCE_S = 600.0
_HEADERS = {"Content-Type": "application/json", "X-OpenStack-Ironic-API-Version": "1.90"}
_SETTINGS: dict[str, dict[str, object]] = {
    "DEFAULT": {
        "auth_strategy": "noauth",
        "host": "bench",
        "my_ip": "127.0.0.1",
        "rpc_transport": "none",
        "debug": False,
        "enabled_hardware_types": "redfish",
        "enabled_bios_interfaces": "no-bios",
        "enabled_boot_interfaces": "redfish-virtual-media",
        "enabled_console_interfaces": "no-console",
        "enabled_deploy_interfaces": "direct",
        "enabled_firmware_interfaces": "no-firmware",
        "enabled_inspect_interfaces": "redfish",
        "enabled_management_interfaces": "redfish",
        "enabled_network_interfaces": "noop",
        "enabled_power_interfaces": "redfish",
        "enabled_raid_interfaces": "no-raid",
        "enabled_storage_interfaces": "noop",
        "enabled_vendor_interfaces": "no-vendor",
    },
    "api": {"host_ip": "127.0.0.1", "port": PORT, "api_workers": 1},
    "conductor": {"automated_clean": False, "sync_power_state_interval": 0},
    "dhcp": {"dhcp_provider": "none"},
    "service_catalog": {"auth_type": "none", "endpoint_override": f"http://127.0.0.1:{PORT}"},
}


class Ironic:
    """A running ironic, asked over its API by some clients at once."""

    def __init__(self) -> None:
        self._crew = ThreadPoolExecutor(CLIENTS)

    def all_at_once(self, asked: Sequence[tuple[str, str, Any]]) -> None:
        """Send requests, as many at once as there are clients."""
        list(self._crew.map(lambda one: request(*one), asked))

    def wait(self, field: str, wanted: str, count: int) -> None:
        """Return once that many nodes are as wanted."""
        fields = "name,power_state,provision_state,last_error"
        until = time.monotonic() + PATIENCE_S
        while True:
            nodes = request("GET", f"/nodes?fields={fields}&limit=1000", None)["nodes"]
            behind = [one for one in nodes if one[field] != wanted]
            if len(nodes) == count and not behind:
                return
            if time.monotonic() > until:
                raise SystemExit(f"ironic: {len(behind)} nodes are not {wanted}: {behind[:2]}")
            time.sleep(0.1)

    def inventory(self, url: str, systems: Sequence[str]) -> float:
        """Enroll servers and have them managed; return the seconds it took.

        They are not inspected: that fails where a service tells no processors, as this one.
        """
        begin = time.monotonic()
        info = {
            "redfish_address": url,
            "redfish_username": "somebody",
            "redfish_password": "password",
            "redfish_verify_ca": False,
            "redfish_auth_type": "basic",  # the emulator has no sessions
        }
        self.all_at_once(
            [
                (
                    "POST",
                    "/nodes",
                    {
                        "name": f"node{number}",
                        "driver": "redfish",
                        "driver_info": {**info, "redfish_system_id": system},
                    },
                )
                for number, system in enumerate(systems)
            ]
        )
        self.all_at_once(
            [
                ("PUT", f"/nodes/node{number}/states/provision", {"target": "manage"})
                for number in range(len(systems))
            ]
        )
        self.wait("provision_state", "manageable", len(systems))
        return time.monotonic() - begin

    def power(self, to: str, count: int) -> float:
        """Switch all servers `on` or `off`, and return the seconds until ironic shows it."""
        begin = time.monotonic()
        self.all_at_once(
            [
                ("PUT", f"/nodes/node{number}/states/power", {"target": f"power {to}"})
                for number in range(count)
            ]
        )
        self.wait("power_state", f"power {to}", count)
        return time.monotonic() - begin


def request(method: str, path: str, body: Any) -> Any:
    """Ask ironic; what it is too busy for is asked again."""
    sent = None if body is None else json.dumps(body).encode()
    url = f"http://127.0.0.1:{PORT}/v1{path}"
    until = time.monotonic() + PATIENCE_S
    while True:
        asked = urllib.request.Request(url, sent, _HEADERS, method=method)
        try:
            with urllib.request.urlopen(asked, timeout=60) as answer:
                content = answer.read()
                return json.loads(content) if content else None
        except urllib.error.HTTPError as error:
            if error.code not in (409, 503) or time.monotonic() > until:
                raise SystemExit(f"ironic: {path}: {error.read()[:500]!r}") from error
            time.sleep(0.1)


@contextmanager
def running(folder: Path) -> Iterator[Ironic]:
    """Run ironic with its files in a folder."""
    python = python_with(RELEASE)
    folder.mkdir()
    settings = {name: dict(values) for name, values in _SETTINGS.items()}
    settings["DEFAULT"] |= {"state_path": folder, "log_file": folder / "ironic.log"}
    settings["database"] = {"connection": f"sqlite:///{folder}/ironic.db?timeout=60"}
    settings["deploy"] = {"http_root": folder / "http"}
    settings["oslo_concurrency"] = {"lock_path": folder / "lock"}
    for name in ("http", "lock"):
        (folder / name).mkdir()
    file = folder / "ironic.conf"
    file.write_text(
        "\n".join(
            f"[{section}]\n" + "\n".join(f"{key} = {value}" for key, value in values.items())
            for section, values in settings.items()
        )
    )
    program = [str(python), str(python.parent / "ironic"), "--config-file", str(file)]
    schema = [str(python), str(python.parent / "ironic-dbsync"), "--config-file", str(file)]
    subprocess.run([*schema, "create_schema"], check=True, capture_output=True)
    with (folder / "out").open("wb") as out:
        process = subprocess.Popen(program, stdout=out, stderr=out, start_new_session=True)
    try:
        _until(lambda: process.poll() is not None or _answers(), "ironic answers")
        if process.poll() is not None:
            raise SystemExit((folder / "out").read_text()[-2000:])
        yield Ironic()
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _answers() -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{PORT}/v1/drivers", timeout=5) as answer:
            return b"redfish" in answer.read()
    except OSError:
        return False


def _until(ready: Callable[[], bool], what: str) -> None:
    until = time.monotonic() + 120
    while not ready():
        if time.monotonic() > until:
            raise SystemExit(f"not in 120 s: {what}")
        time.sleep(0.2)
