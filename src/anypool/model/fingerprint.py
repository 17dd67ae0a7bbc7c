"""Fingerprints: the SHA-256 of a certificate, by which people trust it."""

import hashlib


def fingerprint_of(certificate: bytes) -> str:
    """Return the SHA-256 of a certificate in DER, in lower-case hex."""
    return hashlib.sha256(certificate).hexdigest()


def plain_fingerprint(written: str) -> str:
    """Return a fingerprint as `fingerprint_of` writes it: no colons, prefix and capitals."""
    return written.lower().removeprefix("sha256:").replace(":", "").replace(" ", "")
