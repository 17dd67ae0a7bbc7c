"""What a system draws from the mains, where its service says so.

Newer services say it in `EnvironmentMetrics`, older ones in the `Power` of the chassis. A
chassis that holds several systems speaks for all of them, and so for none.
"""

import math
from contextlib import suppress
from typing import Any

from anypool.drivers.redfish.service import Service, link, members
from anypool.errors import AnypoolError

MOST_W = 100_000.0


class Meter:
    """Remembers which resource spoke of watts, so that one is read and not all; "" for none."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._place: str | None = None

    def read(self, system: dict[str, Any]) -> float | None:
        """Return the watts drawn now, None where nobody says."""
        if self._place is not None:
            return self._watts(self._place) if self._place else None
        for place in self._places(system):
            if (found := self._watts(place)) is not None:
                self._place = place
                return found
        self._place = ""
        return None

    def _places(self, system: dict[str, Any]) -> list[str]:
        places = [link(system, "EnvironmentMetrics")]
        links = system.get("Links")
        chassis = members({"Members": links.get("Chassis")}) if isinstance(links, dict) else ()
        if len(chassis) == 1:
            found = self._get(chassis[0])
            inner = found.get("Links")
            inside = inner.get("ComputerSystems") if isinstance(inner, dict) else None
            if not isinstance(inside, list) or len(inside) <= 1:
                places += [link(found, "EnvironmentMetrics"), link(found, "Power")]
        return [place for place in places if place]

    def _watts(self, place: str) -> float | None:
        found = self._get(place)
        metric, controls = found.get("PowerWatts"), found.get("PowerControl")
        value: object = None
        if isinstance(metric, dict):
            value = metric.get("Reading")
        elif isinstance(controls, list) and len(controls) == 1 and isinstance(controls[0], dict):
            value = controls[0].get("PowerConsumedWatts")
        if isinstance(value, bool) or not isinstance(value, int | float):
            return None
        return float(value) if math.isfinite(value) and 0 <= value < MOST_W else None

    def _get(self, path: str) -> dict[str, Any]:
        with suppress(AnypoolError):  # its power is worth more than its watts
            return self._service.get(path)
        return {}
