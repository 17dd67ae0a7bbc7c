"""The baseboard management controllers: one Redfish service per server, at its own address.

Run by the supervisor as `python -m anypool.lab.bmc LAB_DIRECTORY`, outside every server, so
it outlives them. The service is sushy-tools' emulator; its power actions are the lab's, and so
are the certificate and the password before it.
"""

import os
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
from anypool.lab import bmc_tls, netstart
from anypool.lab.bmc_lock import Locked
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
        self.places = places
        self.all = servers
        self._boot_devices: dict[str, str] = {}

    @property
    def driver(self) -> str:
        """Name of this driver, for the emulator's log."""
        return "anypool lab"

    @property
    def systems(self) -> list[str]:
        """The uuid of the server whose address was asked."""
        return [self.here().uuid]

    def uuid(self, identity: str) -> str:
        """The uuid of the server called `identity` (a name or a uuid)."""
        return self.server(identity).uuid

    def name(self, identity: str) -> str:
        """The name of the server called `identity`."""
        return self.server(identity).name

    def get_power_state(self, identity: str) -> str:
        """On or Off, as the process table says now."""
        name = self.server(identity).name
        states = {state.name: state.power for state in ask(self.places, _STATUS)}
        return "On" if states[name] == "on" else "Off"

    def set_power_state(self, identity: str, state: str) -> None:
        """Carry out a reset and return when it is done."""
        name = self.server(identity).name
        if state not in _RESETS:
            raise error.NotSupportedError(f"this server has no reset {state}")
        try:
            pxe = self.get_boot_device(identity) == "Pxe"
            for operation in _RESETS[state]:
                mode = netstart.WORD if pxe and operation == "on" else ""
                ask(self.places, Request(operation=operation, server=name, mode=mode))
        except AnypoolError as problem:
            raise error.FishyError(problem.message) from problem

    def get_boot_device(self, identity: str) -> str:
        """What the server was told to boot from: the network, or else its own disk."""
        return self._boot_devices.get(self.uuid(identity), "Hdd")

    def set_boot_device(self, identity: str, boot_source: str) -> None:
        """Remember what to boot from."""
        self._boot_devices[self.uuid(identity)] = boot_source

    def get_nics(self, identity: str) -> list[dict[str, str]]:
        """The server's network cards by their hardware address."""
        server = self.server(identity)
        return [{"id": mac, "mac": mac} for mac in (server.management_mac, server.data_mac)]

    def get_total_memory(self, identity: str) -> int:
        """The machine's memory in GiB, which every server of the lab sees whole."""
        self.server(identity)
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") >> 30

    def get_total_cpus(self, identity: str) -> int:
        """The machine's CPUs."""
        self.server(identity)
        return os.cpu_count() or 1

    def server(self, identity: str) -> Server:
        """The server called `identity`, if it is behind the controller that was asked."""
        here = self.here()
        if identity == here.uuid:
            return here
        if identity == here.name:
            raise error.AliasAccessError(here.uuid)
        raise error.NotFound(f"there is no system {identity} behind this controller")

    def here(self) -> Server:
        """The server whose controller was asked."""
        address = flask.request.environ["SERVER_NAME"]
        return next(server for server in self.all if server.bmc_address == address)


_STATUS = Request(operation="status")


class _QuietHandler(WSGIRequestHandler):
    def log_request(self, code: Any = "-", size: Any = "-") -> None:
        """Log errors only."""


def serve(places: LabPlaces, servers: tuple[Server, ...], application: Any) -> None:
    """Serve `application` at the addresses of all these servers' controllers, for ever."""
    moody = Moody(application, places, servers)
    listeners = [
        make_server(
            server.bmc_address,
            BMC_PORT,
            moody,
            threaded=True,
            request_handler=_QuietHandler,
            ssl_context=bmc_tls.context(places, server),
        )
        for server in servers
    ]
    threads = [threading.Thread(target=listener.serve_forever) for listener in listeners]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def emulated(places: LabPlaces, driver: AbstractSystemsDriver) -> Any:
    """Return sushy-tools' emulator, with `driver` as its systems."""
    application = emulator.app
    application.configure(extra_config={"SUSHY_EMULATOR_STATE_DIR": str(places.bmc_state)})
    type(application).systems = property(lambda _: driver)
    return application


def main() -> None:
    """Serve the BMCs of the servers of the lab in the folder named on the command line."""
    places = LabPlaces(Path(sys.argv[1]))
    servers = tuple(one for one in kept_lab(places).servers if one.role != "blade")
    application = emulated(places, LabServers(places, servers))
    serve(places, servers, Locked(application, places))


if __name__ == "__main__":
    main()
