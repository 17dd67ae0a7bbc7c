"""Amounts and moments as people read them in tables."""

from datetime import UTC, datetime
from typing import Any

from anypool.errors import Invalid
from anypool.model.units import MIB, format_mib, format_size, parse_size

_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400, "y": 365 * 86400}


def mib(value: Any) -> str:
    """Return MiB as a size, `-` for nothing known."""
    return "-" if value is None else format_mib(int(value))


def size(value: Any) -> str:
    """Return bytes as a size, `-` for nothing known."""
    return "-" if value is None else format_size(int(value))


def moment(value: Any) -> str:
    """Return seconds since 1970 as local time, `-` for never."""
    if not value:
        return "-"
    return datetime.fromtimestamp(float(value), UTC).astimezone().strftime("%Y-%m-%d %H:%M:%S")


def duration(milliseconds: Any) -> str:
    """Return milliseconds as people say them."""
    count = int(milliseconds or 0)
    if count < 1000:
        return f"{count} ms"
    seconds = count / 1000
    return f"{seconds:.1f} s" if seconds < 100 else f"{seconds / 60:.0f} min"


def to_mib(text: str) -> int:
    """Return MiB for a size as people write it; raise `Invalid` for less than one."""
    if text.isdecimal():
        raise Invalid(f"{text} has no unit", hint=f"write {text}MiB or {text}GiB")
    if (found := parse_size(text) // MIB) < 1:
        raise Invalid(f"{text} is less than 1 MiB")
    return found


def with_unit(text: str) -> str:
    """Return a size as it was written, "" for none; raise `Invalid` for what is none."""
    if text:
        to_bytes(text)
    return text


def to_seconds(text: str) -> int:
    """Return seconds for a time as people write it, such as 90s, 30m, 24h, 7d, 2w or 1y."""
    number, unit = text[:-1], text[-1:].lower()
    if not number.isdecimal() or unit not in _SECONDS or not 0 < int(number) < 10**6:
        raise Invalid(f"{text[:40]!r} is no time", hint="write 90s, 30m, 24h, 7d, 2w or 1y")
    return int(number) * _SECONDS[unit]


def to_bytes(text: str) -> int:
    """Return bytes for a size as people write it; raise `Invalid`."""
    if text.isdecimal():
        raise Invalid(f"{text} has no unit", hint=f"write {text}MiB or {text}GiB")
    return parse_size(text)
