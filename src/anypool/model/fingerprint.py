"""Fingerprints: the SHA-256 of a certificate, by which people trust it."""

import hashlib
import re

from anypool.errors import Invalid

_SHA256 = re.compile("[0-9a-f]{64}")


def fingerprint_of(certificate: bytes) -> str:
    """Return the SHA-256 of a certificate in DER, in lower-case hex."""
    return hashlib.sha256(certificate).hexdigest()


def plain_fingerprint(written: str) -> str:
    """Return a fingerprint as `fingerprint_of` writes it: no colons, prefix and capitals."""
    return written.lower().removeprefix("sha256:").replace(":", "").replace(" ", "")


def checked_fingerprint(written: str) -> str:
    """Return a fingerprint as it is compared, "" for none; raise `Invalid`."""
    plain = plain_fingerprint(written)
    if plain and not _SHA256.fullmatch(plain):
        hint = "64 hexadecimal digits, with or without colons"
        raise Invalid("that is not the SHA-256 of a certificate", hint=hint)
    return plain
