"""Certificates of the lab's own making, with their keys."""

import datetime
import os
from collections.abc import Iterable
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


def make(certificate: Path, key: Path, name: str, others: Iterable[x509.GeneralName]) -> None:
    """Write a certificate for a name and its alternatives, and a key that nobody else may read."""
    own = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    begin = datetime.datetime.now(datetime.UTC) - datetime.timedelta(hours=1)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(own.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begin)
        .not_valid_after(begin + datetime.timedelta(days=3650))
        .add_extension(x509.SubjectAlternativeName(others), critical=False)
        .sign(own, hashes.SHA256())
    )
    plain = serialization.NoEncryption()
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
    write_secret(key, own.private_bytes(*form))
    certificate.write_bytes(made.public_bytes(serialization.Encoding.PEM))


def fingerprint(certificate: Path) -> str:
    """Return the SHA-256 of a certificate, in hex."""
    read = x509.load_pem_x509_certificate(certificate.read_bytes())
    return read.fingerprint(hashes.SHA256()).hex()


def write_secret(path: Path, content: bytes) -> None:
    """Write what nobody else may read."""
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(content)
