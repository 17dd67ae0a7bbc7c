"""Random secrets that we hand out: long enough that a plain hash of them is safe to keep."""

import hashlib
import secrets

TOKEN_PREFIX = "ap_"


def new_secret(prefix: str = "") -> str:
    """Return 256 random bits as text; the prefix lets secret scanners recognise it."""
    return prefix + secrets.token_urlsafe(32)


def hashed(secret: str) -> str:
    """Return the SHA-256 of a secret in hex, which is all that is stored of it."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()
