"""What a resource says, with its type and bounds checked: what is wrong is not said.

A BMC that answers a text where a number belongs has said nothing; it never becomes a value.
"""

import math
import re
from typing import Any, TypeAlias

from anypool.drivers.redfish.service import words
from anypool.model import Condition

Resource: TypeAlias = dict[str, Any]

MOST = 2.0**63
_HEALTH = {"OK": Condition.OK, "Warning": Condition.WARNING, "Critical": Condition.CRITICAL}
_MAC = re.compile(r"[0-9a-f]{12}")
_WWN = re.compile(r"[0-9a-f]{16}")
_ABSENT = frozenset({"Absent"})


def text(resource: Resource, *names: str) -> str:
    """Return the first text among some names, "" where there is none."""
    return next((found for name in names if (found := words(resource.get(name)))), "")


def number(resource: Resource, name: str, most: float = MOST) -> float | None:
    """Return a number, None where there is none or where it is absurd."""
    value = resource.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return float(value) if math.isfinite(value) and abs(value) <= most else None
    except OverflowError:
        return None


def count(resource: Resource, *names: str) -> int | None:
    """Return the first whole number that is not negative among some names."""
    for name in names:
        value = resource.get(name)
        if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < MOST:
            return value
    return None


def flag(resource: Resource, name: str) -> bool | None:
    """Return true or false, None where it is neither."""
    value = resource.get(name)
    return value if isinstance(value, bool) else None


def part(resource: Resource, *names: str) -> Resource:
    """Return an object within a resource, by a path of names; {} where it is none."""
    found: Any = resource
    for name in names:
        found = found.get(name) if isinstance(found, dict) else None
    return found if isinstance(found, dict) else {}


def parts(resource: Resource, name: str) -> list[Resource]:
    """Return the objects of a list within a resource."""
    found = resource.get(name)
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []


def texts(resource: Resource, name: str, most: int = 64) -> tuple[str, ...]:
    """Return the texts of a list."""
    found = resource.get(name)
    every = found[:most] if isinstance(found, list) else []
    return tuple(said for one in every if (said := words(one)))


def health(resource: Resource) -> Condition:
    """Return how a resource is."""
    said = text(part(resource, "Status"), "Health", "HealthRollup")
    return _HEALTH.get(said, Condition.UNKNOWN)


def absent(resource: Resource) -> bool:
    """Return whether this is a place where nothing is plugged in."""
    return text(part(resource, "Status"), "State") in _ABSENT


def slot(resource: Resource) -> str:
    """Return where a part is plugged in, as printed on the enclosure, or its number there."""
    places = [part(resource, name, "PartLocation") for name in ("PhysicalLocation", "Location")]
    for place in places:
        if said := text(place, "ServiceLabel"):
            return said
    for place in places:
        if (ordinal := count(place, "LocationOrdinalValue")) is not None:
            return str(ordinal)
    return text(resource, "DeviceLocator", "Socket") or text(part(resource, "Location"), "Info")


def mac(value: object) -> str:
    """Return a MAC in lower case with colons, "" for what is none or all zeros."""
    return _hex(value, _MAC)


def wwn(value: object) -> str:
    """Return a world wide name in lower case with colons, "" for what is none or all zeros."""
    return _hex(value, _WWN)


def _hex(value: object, shape: re.Pattern[str]) -> str:
    plain = re.sub(r"[:.\-]", "", words(value)).lower().removeprefix("0x")
    if not shape.fullmatch(plain) or not plain.strip("0"):
        return ""
    return ":".join(plain[at : at + 2] for at in range(0, len(plain), 2))
