"""Trust in a manager's own certificate, by its fingerprint."""

import ssl
from urllib.parse import urlsplit

from anypool.errors import Invalid, Unreachable
from anypool.model import fingerprint_of, plain_fingerprint, taken_apart

_TIMEOUT_S = 5.0


def trust(url: str, fingerprint: str, key: str = "") -> ssl.SSLContext | bool:
    """Return what httpx verifies with: the one pinned certificate, or the system's authorities.

    A renewed certificate is trusted if it is of the same `key`: only who has that can show it.
    Raises `Invalid` when the manager shows another certificate, `Unreachable` when none.
    """
    if not fingerprint or urlsplit(url).scheme != "https":
        return True
    certificate = shown_certificate(url)
    pinned = plain_fingerprint(fingerprint)
    if digest(certificate) != pinned and not (key and key_digest(certificate) == key):
        raise Invalid(
            f"{url} shows a certificate that is not the known one",
            hint="if it was given another one, log in again; if not, somebody is in between",
        )
    context = ssl.create_default_context(cadata=certificate)
    context.check_hostname = False
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    return context


def shown_certificate(url: str) -> str:
    """Return the certificate a server shows, as PEM, trusted or not; raise `Unreachable`."""
    place = taken_apart(url, "such as https://h1:8420")
    address = (place.hostname or "localhost", place.port or 443)
    try:
        return ssl.get_server_certificate(address, timeout=_TIMEOUT_S)
    except OSError as error:
        raise Unreachable(
            f"no TLS at {url}: {error}", hint="is the manager running there?"
        ) from error


def digest(certificate: str) -> str:
    """Return the SHA-256 of a PEM certificate, in lower-case hex."""
    return fingerprint_of(ssl.PEM_cert_to_DER_cert(certificate))


def key_digest(certificate: str) -> str:
    """Return the SHA-256 of the public key in a PEM certificate, in lower-case hex."""
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    found = x509.load_pem_x509_certificate(certificate.encode()).public_key()
    return fingerprint_of(found.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))
