"""The baseboard management controllers: one Redfish service per server, at its own address.

Run by the supervisor as `python -m anypool.lab.bmc LAB_DIRECTORY`, outside every server, so
it outlives them. The service is sushy-tools' emulator; its power actions are the lab's, and so
are the certificate and the password before it.
"""

import base64
import hmac
import sys
import threading
from pathlib import Path
from typing import Any

import flask
from sushy_tools import error
from sushy_tools.emulator import main as emulator
from sushy_tools.emulator.resources.systems.base import AbstractSystemsDriver
from werkzeug.serving import WSGIRequestHandler, make_server

from anypool.errors import AnypoolError
from anypool.lab.bmc_keys import BMC_USER
from anypool.lab.bmc_moods import Moody
from anypool.lab.control import Operation, Request, ask
from anypool.lab.places import LabPlaces
from anypool.lab.spec import BMC_PORT, Server
from anypool.lab.state import kept_lab

_RESETS: dict[str, tuple[Operation, ...]] = {
    "On": ("on",),
    "ForceOn": ("on",),
    "ForceOff": ("off",),
    "ForceRestart": ("off", "on"),
    "GracefulShutdown": ("shutdown",),
    "GracefulRestart": ("shutdown", "on"),
}


class LabServers(AbstractSystemsDriver):  # type: ignore[misc]
    """The lab's servers as Redfish systems; each address shows its own server only."""

    def __init__(self, places: LabPlaces, servers: tuple[Server, ...]) -> None:
        super().__init__()
        self._places = places
        self._servers = servers
        self._boot_devices: dict[str, str] = {}

    @property
    def driver(self) -> str:
        """Name of this driver, for the emulator's log."""
        return "anypool lab"

    @property
    def systems(self) -> list[str]:
        """The uuid of the server whose address was asked."""
        return [self._here().uuid]

    def uuid(self, identity: str) -> str:
        """The uuid of the server called `identity` (a name or a uuid)."""
        return self._server(identity).uuid

    def name(self, identity: str) -> str:
        """The name of the server called `identity`."""
        return self._server(identity).name

    def get_power_state(self, identity: str) -> str:
        """On or Off, as the process table says now."""
        name = self._server(identity).name
        states = {state.name: state.power for state in ask(self._places, _STATUS)}
        return "On" if states[name] == "on" else "Off"

    def set_power_state(self, identity: str, state: str) -> None:
        """Carry out a reset and return when it is done."""
        name = self._server(identity).name
        if state not in _RESETS:
            raise error.NotSupportedError(f"this server has no reset {state}")
        try:
            for operation in _RESETS[state]:
                ask(self._places, Request(operation=operation, server=name))
        except AnypoolError as problem:
            raise error.FishyError(problem.message) from problem

    def get_boot_device(self, identity: str) -> str:
        """What the server was told to boot from; it always boots from its own disk."""
        return self._boot_devices.get(self.uuid(identity), "Hdd")

    def set_boot_device(self, identity: str, boot_source: str) -> None:
        """Remember what to boot from."""
        self._boot_devices[self.uuid(identity)] = boot_source

    def get_nics(self, identity: str) -> list[dict[str, str]]:
        """The server's network cards by their hardware address."""
        server = self._server(identity)
        return [{"id": mac, "mac": mac} for mac in (server.management_mac, server.data_mac)]

    def _server(self, identity: str) -> Server:
        here = self._here()
        if identity == here.uuid:
            return here
        if identity == here.name:
            raise error.AliasAccessError(here.uuid)
        raise error.NotFound(f"there is no system {identity} behind this controller")

    def _here(self) -> Server:
        address = flask.request.environ["SERVER_NAME"]
        return next(server for server in self._servers if server.bmc_address == address)


_STATUS = Request(operation="status")


class _Locked:
    """Asks for the lab's user and password everywhere but at the root, as Redfish says."""

    def __init__(self, inner: Any, password: str) -> None:
        self._inner = inner
        both = base64.b64encode(f"{BMC_USER}:{password}".encode()).decode()
        self._wanted = f"Basic {both}"

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        """Answer a request, or refuse it."""
        open_to_all = environ["PATH_INFO"].strip("/") in ("", "redfish", "redfish/v1")
        given = environ.get("HTTP_AUTHORIZATION", "")
        if open_to_all or hmac.compare_digest(given.encode(), self._wanted.encode()):
            return self._inner(environ, start_response)
        start_response("401 Unauthorized", [("WWW-Authenticate", 'Basic realm="BMC"')])
        return [b""]


class _QuietHandler(WSGIRequestHandler):
    def log_request(self, code: Any = "-", size: Any = "-") -> None:
        """Log errors only."""


def main() -> None:
    """Serve every BMC of the lab in the folder named on the command line."""
    places = LabPlaces(Path(sys.argv[1]))
    servers = kept_lab(places).servers
    driver = LabServers(places, servers)
    application = emulator.app
    application.configure(extra_config={"SUSHY_EMULATOR_STATE_DIR": str(places.bmc_state)})
    type(application).systems = property(lambda _: driver)
    password = places.bmc_password.read_text().strip()
    locked = Moody(_Locked(application, password), places, servers)
    listeners = [
        make_server(
            server.bmc_address,
            BMC_PORT,
            locked,
            threaded=True,
            request_handler=_QuietHandler,
            ssl_context=(str(places.bmc_certificate), str(places.bmc_key)),
        )
        for server in servers
    ]
    threads = [threading.Thread(target=listener.serve_forever) for listener in listeners]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


if __name__ == "__main__":
    main()
