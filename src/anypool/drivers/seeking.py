"""What answers at an address that nobody manages yet: asked without any login."""

from msgspec import Struct

from anypool.drivers import registry
from anypool.drivers.presence import PORT, present


class Ports(Struct, frozen=True, kw_only=True):
    """Where BMCs listen: Redfish over TCP, IPMI over UDP."""

    redfish: int = 443
    ipmi: int = PORT


class Greeting(Struct, frozen=True, kw_only=True, gc=False):
    """A Redfish service; `uuid` is the service's own, which is that of the server or not."""

    fingerprint: str
    version: str
    product: str = ""
    uuid: str = ""


class FoundBmc(Struct, frozen=True, kw_only=True):
    """What answers at an address; `redfish` is None where there is no such service."""

    address: str
    redfish: Greeting | None
    ipmi: bool


def look(address: str, ports: Ports) -> FoundBmc | None:
    """Return what answers at an address, None for nothing that is a BMC; takes some seconds."""
    redfish: Greeting | None = registry.part("redfish", "greeting").greet(address, ports.redfish)
    ipmi = present(address, ports.ipmi)
    if redfish is None and not ipmi:
        return None
    return FoundBmc(address=address, redfish=redfish, ipmi=ipmi)
