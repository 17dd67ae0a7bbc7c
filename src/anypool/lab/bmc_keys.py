"""What the lab's BMCs show and ask for: one certificate of their own making, one password."""

import datetime
import hashlib
import ipaddress
import os
import secrets
import ssl
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from anypool.lab.places import LabPlaces
from anypool.lab.spec import Server

BMC_USER = "operator"
_DAYS = 825


def write(places: LabPlaces, servers: tuple[Server, ...]) -> None:
    """Make certificate, key and password, once."""
    if places.bmc_certificate.exists():
        return
    _write(places.bmc_password, f"{secrets.token_urlsafe(12)}\n")
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "BMCs of a lab")])
    begin = datetime.datetime.now(datetime.UTC) - datetime.timedelta(hours=1)
    addresses = [x509.IPAddress(ipaddress.ip_address(one.bmc_address)) for one in servers]
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begin)
        .not_valid_after(begin + datetime.timedelta(_DAYS))
        .add_extension(x509.SubjectAlternativeName(addresses), False)
        .sign(key, hashes.SHA256())
    )
    plain = serialization.NoEncryption()
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
    _write(places.bmc_key, key.private_bytes(*form).decode())
    places.bmc_certificate.write_bytes(made.public_bytes(serialization.Encoding.PEM))


def _write(path: Path, text: str) -> None:
    """Write what nobody else may read."""
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(text)


def fingerprint(places: LabPlaces) -> str:
    """Return the SHA-256 of the certificate, in hex."""
    shown = ssl.PEM_cert_to_DER_cert(places.bmc_certificate.read_text())
    return hashlib.sha256(shown).hexdigest()
