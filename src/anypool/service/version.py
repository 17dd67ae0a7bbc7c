"""A short text that changes whenever a record does, for If-Match."""

import hashlib

import msgspec

from anypool.errors import Stale

_encoder = msgspec.json.Encoder(order="deterministic")


def version_of(record: msgspec.Struct) -> str:
    """Return 16 hex digits that depend on the record's content alone."""
    return hashlib.sha256(_encoder.encode(record)).hexdigest()[:16]


def require_version(record: msgspec.Struct, expected: str | None) -> None:
    """Return quietly if the caller has seen this very record, or asks for none; raise `Stale`."""
    if expected is not None and expected != version_of(record):
        raise Stale("it changed since you read it", hint="read it again and repeat the change")
