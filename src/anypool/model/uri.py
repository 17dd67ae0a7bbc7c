"""Addresses as people write them, taken apart."""

from urllib.parse import SplitResult, urlsplit

from anypool.errors import Invalid


def taken_apart(text: str, hint: str = "") -> SplitResult:
    """Return the parts of an address; raise `Invalid` if its host or port can be none."""
    try:
        found = urlsplit(text)
        _ = found.port  # it is looked at only now
    except ValueError as error:
        raise Invalid(f"{text[:80]!r} is no address: {error}", hint=hint) from error
    return found
