"""A baseboard management controller: what switches a server on and off from outside."""

from enum import StrEnum
from uuid import UUID

from msgspec import Struct

from anypool.errors import Invalid
from anypool.model.ids import HostId
from anypool.model.uri import taken_apart


class Power(StrEnum):
    """What was read of a server's power; `UNKNOWN` while it changes and where nobody says."""

    ON = "on"
    OFF = "off"
    UNKNOWN = "unknown"


class PowerReading(Struct, frozen=True, kw_only=True, gc=False):
    """The power of one server, and what it draws from the mains; None where nobody says."""

    power: Power = Power.UNKNOWN
    watts: float | None = None


class Bmc(Struct, frozen=True, kw_only=True, gc=False):
    """The Redfish service that switches a host; its password is kept elsewhere.

    `url` is `https://HOST[:PORT]`, `system` the path of the host's system there, `fingerprint`
    the SHA-256 of the one certificate that is trusted, in lower-case hex. `product` is what
    answered. `identified` says that the system names the same hardware as the host does;
    else somebody has vouched for it.
    """

    host: HostId
    url: str
    user: str
    system: str
    fingerprint: str
    product: str = ""
    identified: bool = False


class KnownBmc(Struct, frozen=True, kw_only=True, gc=False):
    """A BMC, and what was read last: `read_at` is seconds since 1970, 0 for never.

    `message` says why nothing could be read at the last attempt; empty if it could.
    """

    bmc: Bmc
    reading: PowerReading = PowerReading()
    read_at: float = 0.0
    message: str = ""


ADDRESS_HINT = "write https://HOST or https://HOST:PORT; user and password are given apart from it"


_SYSTEM_HINT = "such as redfish://10.0.0.9/redfish/v1/Systems/1, or leave the path out"


def split_address(url: str) -> tuple[str, int]:
    """Return host and port of `https://HOST[:PORT]`; raise `Invalid` for anything else."""
    place = taken_apart(url, ADDRESS_HINT)
    plain = f"https://{place.netloc}"
    if url.rstrip("/") != plain or not place.hostname or "@" in place.netloc:
        raise Invalid("that is no address of a BMC", hint=ADDRESS_HINT)
    return place.hostname, place.port or 443


def split_uri(uri: str) -> tuple[str, str]:
    """Return the service and the path of the system of `redfish://HOST[:PORT][/SYSTEM]`.

    An address that is `https` already is the service alone. Raise `Invalid` for a path that is
    none of Redfish.
    """
    place = taken_apart(uri, ADDRESS_HINT)
    if place.scheme != "redfish":
        return uri, ""
    path = place.path.rstrip("/")
    if path and not path.startswith("/redfish/"):
        raise Invalid(f"{uri[:80]!r} names no Redfish system", hint=_SYSTEM_HINT)
    return f"https://{place.netloc}", path


def same_hardware(host: HostId, system: str) -> bool | None:
    """Return whether a host and a system of a BMC are one machine; None where that is open.

    Both bear the machine's UUID, of which some firmware writes the first half in the other
    byte order. A host that is not known by a UUID cannot be compared.
    """
    try:
        mine, there = UUID(host), UUID(system)
    except ValueError:
        return None
    return mine in (there, UUID(bytes=there.bytes_le))
