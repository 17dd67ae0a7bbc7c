"""The Redfish services of all blades, each at its own address.

Run by the supervisor as `python -m anypool.lab.blades.bmc LAB_DIRECTORY`. What is a blade's own
is answered here; virtual media and the services that belong to no server are sushy-tools'.
"""

import sys
import threading
from pathlib import Path
from typing import Any

import flask
from msgspec.structs import replace
from sushy_tools import error

from anypool.errors import AnypoolError
from anypool.lab import bmc
from anypool.lab.blades import orders, routes, service_routes
from anypool.lab.blades.board import Board
from anypool.lab.blades.hardware import Hardware, Medium
from anypool.lab.blades.routes import Blade
from anypool.lab.blades.subscriptions import Teller
from anypool.lab.bmc_lock import Locked
from anypool.lab.places import LabPlaces
from anypool.lab.records import KeptLab
from anypool.lab.state import kept_lab


class LabBlades(bmc.LabServers):
    """The lab's blades as systems of the emulator."""

    def set_power_state(self, identity: str, state: str) -> None:
        """Carry out a reset and return when it is done, or begun where it takes a system."""
        try:
            orders.reset(self.places, self.server(identity), state)
        except AnypoolError as problem:
            raise error.FishyError(problem.message, 409) from problem

    def set_boot_image(
        self,
        identity: str,
        device: str,
        boot_image: str | None = None,
        write_protected: bool = True,
    ) -> None:
        """Insert a virtual medium, or take it out; a running blade sees it at its next start."""
        board = Board(self.places.server(self.server(identity).name))

        def change(kept: Hardware) -> Hardware:
            media = {name: one for name, one in kept.media.items() if name != device}
            if boot_image:
                media[device] = Medium(file=boot_image, read_only=write_protected)
            return replace(kept, media=media)

        board.change(change)
        board.note("media", f"{device} is {'inserted' if boot_image else 'taken out'}")

    def get_secure_boot(self, identity: str) -> bool:
        """A blade's BIOS knows no secure boot."""
        raise error.NotSupportedError("this BIOS has no secure boot")


class Both:
    """Answers a path that is the blade's own, and leaves all others to the emulator."""

    def __init__(self, own: flask.Flask, others: Any) -> None:
        self._own = own
        self._others = others

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        """Answer a request."""
        paths = self._own.url_map.bind_to_environ(environ)
        is_own = paths.test(method=environ["REQUEST_METHOD"])
        return (self._own if is_own else self._others)(environ, start_response)


def main() -> None:
    """Serve the blades of the lab in the folder named on the command line."""
    places = LabPlaces(Path(sys.argv[1]))
    kept = kept_lab(places)
    servers = tuple(one for one in kept.servers if one.role == "blade")
    driver = LabBlades(places, servers)

    def find() -> Blade:
        return _blade(places, kept, driver)

    own = routes.application(find)
    both = Both(own, bmc.emulated(places, driver))
    locked = Locked(both, places)
    teller = Teller(places, servers)
    service_routes.add_sessions(own, find, locked)
    service_routes.add_events(own, find, teller)
    service_routes.add_log(own, find)
    threading.Thread(target=teller.run, daemon=True).start()
    bmc.serve(places, servers, locked)


def _blade(places: LabPlaces, kept: KeptLab, driver: LabBlades) -> Blade:
    server = driver.here()
    board = Board(places.server(server.name))
    return Blade(server, board, kept.name, lambda: driver.get_power_state(server.uuid))


if __name__ == "__main__":
    main()
