"""Passwords as argon2id hashes; comparing takes the same time for people who do not exist."""

import threading
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from anypool.errors import Busy, Invalid

LEAST, MOST = 10, 1024

_hasher = PasswordHasher()
_at_once = threading.BoundedSemaphore(2)
_WAIT_S = 10.0


def hash_of(password: str) -> str:
    """Return what is stored of a password; raise `Invalid` for one that is too short or long."""
    if not LEAST <= len(password) <= MOST:
        raise Invalid("the password is too short or too long", hint=f"use {LEAST} to {MOST} signs")
    with _Turn():
        return _hasher.hash(password)


def matches(password: str, stored: str) -> bool:
    """Return whether the password fits; never for the empty hash of somebody without one."""
    with _Turn():
        try:
            return _hasher.verify(stored or _nobody(), password) and bool(stored)
        except (VerificationError, InvalidHashError):
            return False


class _Turn:
    """Each comparison takes 64 MiB: a crowd of guessers must not take all memory."""

    def __enter__(self) -> None:
        if not _at_once.acquire(timeout=_WAIT_S):
            raise Busy("too many logins at once", hint="try again in a few seconds")

    def __exit__(self, *_: object) -> None:
        _at_once.release()


@cache
def _nobody() -> str:
    return _hasher.hash("nobody has this password")
