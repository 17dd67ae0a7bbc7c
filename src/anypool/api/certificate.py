"""A certificate of our own making, for managers that listen beyond this machine."""

import datetime
import ipaddress
import os
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

_DAYS = 825
_RENEW_DAYS = 30


class Certificate:
    """A certificate and its key, as files; `fingerprint` is the SHA-256 in hex with colons."""

    def __init__(self, certificate: Path, key: Path) -> None:
        self.certificate = certificate
        self.key = key

    @property
    def fingerprint(self) -> str:
        """Return what people compare before they trust it."""
        raw = _read(self.certificate).fingerprint(hashes.SHA256()).hex().upper()
        return ":".join(raw[i : i + 2] for i in range(0, len(raw), 2))


def own(folder: Path, names: frozenset[str], now: float) -> Certificate:
    """Return the certificate in `folder`; make one if it is missing or soon over."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = Certificate(folder / "certificate.pem", folder / "key.pem")
    soon = datetime.datetime.fromtimestamp(now, datetime.UTC) + datetime.timedelta(_RENEW_DAYS)
    complete = found.certificate.exists() and found.key.exists()
    if not complete or _read(found.certificate).not_valid_after_utc < soon:
        _make(found, names, now)
    return found


def _read(path: Path) -> x509.Certificate:
    return x509.load_pem_x509_certificate(path.read_bytes())


def _make(to: Certificate, names: frozenset[str], now: float) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "anypool")])
    begin = datetime.datetime.fromtimestamp(now, datetime.UTC) - datetime.timedelta(hours=1)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begin)
        .not_valid_after(begin + datetime.timedelta(_DAYS))
        .add_extension(x509.SubjectAlternativeName(list(map(_alternative, sorted(names)))), False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), False)
        .sign(key, hashes.SHA256())
    )
    _write(
        to.key,
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        ),
    )
    _write(to.certificate, made.public_bytes(serialization.Encoding.PEM))


def _alternative(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _write(path: Path, content: bytes) -> None:
    fresh = path.with_suffix(".new")
    fresh.unlink(missing_ok=True)
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)
    fresh.replace(path)
