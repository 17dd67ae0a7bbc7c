"""A certificate of our own making, for managers that listen beyond this machine."""

import datetime
import ipaddress
import os
import ssl
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from anypool.errors import Invalid

DAY_S = 86_400.0
_DAYS = 825.0
_RENEW_DAYS = 30.0


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

    @property
    def span(self) -> tuple[float, float]:
        """Return from when until when it is good, in seconds since 1970."""
        found = _read(self.certificate)
        return found.not_valid_before_utc.timestamp(), found.not_valid_after_utc.timestamp()

    def check(self) -> None:
        """Return quietly if both files can be read and belong together; raise `Invalid`."""
        try:
            ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(self.certificate, self.key)
            _read(self.certificate)
        except (OSError, ValueError) as error:  # an SSLError is an OSError
            why = getattr(error, "reason", None) or getattr(error, "strerror", None) or error
            raise Invalid(
                f"the certificate {self.certificate} with the key {self.key} will not do: {why}",
                hint="both are PEM, the certificate first and then those that vouch for it",
            ) from error


def own(
    folder: Path, names: frozenset[str], now: float, days: float = _DAYS, *, force: str = ""
) -> Certificate:
    """Return the certificate in `folder`; make one if it is missing, soon over or over.

    The key stays: whoever trusts it needs not be asked again. `force` makes one now: "renew"
    with the key that is there, "new-key" with another.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = Certificate(folder / "certificate.pem", folder / "key.pem")
    if force or not _whole(found) or found.span[1] - now < _rest_s(found):
        keep = force != "new-key" and _whole(found)
        _make(found, names, now, days, None if not keep else _key(found.key))
    return found


def _rest_s(found: Certificate) -> float:
    """Return how long before its end a certificate is renewed: a third of its life at most."""
    begin, end = found.span
    return min(_RENEW_DAYS * DAY_S, (end - begin) / 3)


def _whole(found: Certificate) -> bool:
    """Say whether both files are there and belong together."""
    try:
        found.check()
    except Invalid:
        return False
    return True


def _key(path: Path) -> ec.EllipticCurvePrivateKey | None:
    made = serialization.load_pem_private_key(path.read_bytes(), None)
    return made if isinstance(made, ec.EllipticCurvePrivateKey) else None


def _read(path: Path) -> x509.Certificate:
    return x509.load_pem_x509_certificate(path.read_bytes())


def _make(
    to: Certificate,
    names: frozenset[str],
    now: float,
    days: float,
    kept: ec.EllipticCurvePrivateKey | None,
) -> None:
    key = kept or ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "anypool")])
    today = datetime.datetime.fromtimestamp(now, datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(today - datetime.timedelta(seconds=min(3600, days * DAY_S)))
        .not_valid_after(today + datetime.timedelta(days))
        .add_extension(x509.SubjectAlternativeName(list(map(_alternative, sorted(names)))), False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), False)
        .sign(key, hashes.SHA256())
    )
    if kept is None:
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
