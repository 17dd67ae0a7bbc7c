"""What the lab's BMCs show and ask for: one certificate of their own making, one password."""

import ipaddress
import secrets

from cryptography import x509

from anypool.lab import certificates
from anypool.lab.places import LabPlaces
from anypool.lab.spec import Server

BMC_USER = "operator"


def write(places: LabPlaces, servers: tuple[Server, ...]) -> None:
    """Make certificate, key and password, once."""
    if places.bmc_certificate.exists():
        return
    certificates.write_secret(places.bmc_password, f"{secrets.token_urlsafe(12)}\n".encode())
    addresses = [x509.IPAddress(ipaddress.ip_address(one.bmc_address)) for one in servers]
    certificates.make(places.bmc_certificate, places.bmc_key, "BMCs of a lab", addresses)
    other = (places.bmc_other_certificate, places.bmc_other_key)
    certificates.make(*other, "somebody in between", addresses)


def fingerprint(places: LabPlaces) -> str:
    """Return the SHA-256 of the certificate, in hex."""
    return certificates.fingerprint(places.bmc_certificate)
