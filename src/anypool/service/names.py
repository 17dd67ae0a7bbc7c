"""Names and texts that come from outside, judged before anything else sees them."""

import re
from collections.abc import Iterable

from anypool.errors import Invalid

NAME = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$"
TAG = r"^[A-Za-z0-9][A-Za-z0-9._:=/-]{0,62}$"
MAC = r"^[0-9a-f]{2}(:[0-9a-f]{2}){5}$"

_NAME, _TAG, _MAC = (re.compile(text) for text in (NAME, TAG, MAC))
_MOST_TAGS = 64


def checked_name(name: str, what: str) -> str:
    """Return a name that is safe on every platform; raise `Invalid`."""
    if _NAME.fullmatch(name) is None or name.endswith("\n"):
        raise Invalid(
            f"{name[:80]!r} is not a name for {what}",
            hint="use 1 to 63 letters, digits, dots, dashes and underscores; "
            "begin with a letter or digit",
        )
    return name


def checked_tags(tags: Iterable[str]) -> frozenset[str]:
    """Return the tags as a set; raise `Invalid` at the first that is not one."""
    found = frozenset(tags)
    for tag in sorted(found):
        if _TAG.fullmatch(tag) is None or tag.endswith("\n"):
            hint = "use letters, digits and . _ : = / -, at most 63"
            raise Invalid(f"{tag[:80]!r} is not a tag", hint=hint)
    if len(found) > _MOST_TAGS:
        raise Invalid(f"{len(found)} tags are too many", hint=f"use at most {_MOST_TAGS}")
    return found


def checked_mac(mac: str) -> str:
    """Return a unicast MAC in lower case with colons; raise `Invalid`."""
    lower = mac.lower().replace("-", ":")
    if _MAC.fullmatch(lower) is None or lower.endswith("\n"):
        raise Invalid(f"{mac[:40]!r} is not a MAC", hint="write it as 52:54:00:12:34:56")
    if int(lower[:2], 16) & 1 or lower == "00:00:00:00:00:00":
        raise Invalid(f"{lower} cannot be an adapter's address", hint="use a unicast address")
    return lower


def checked_text(text: str, what: str, most: int) -> str:
    """Return one printable line of at most `most` characters; raise `Invalid`."""
    if len(text) > most:
        raise Invalid(f"{what} has {len(text)} characters", hint=f"use at most {most}")
    bad = [mark for mark in text if not mark.isprintable()]
    if bad:
        raise Invalid(f"{what} contains the character U+{ord(bad[0]):04X}", hint="remove it")
    return text
