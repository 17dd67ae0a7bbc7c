"""Sizes as people write and read them; binary multiples only."""

import re

from anypool.errors import Invalid

KIB, MIB, GIB, TIB = 1 << 10, 1 << 20, 1 << 30, 1 << 40
_UNITS = {"": 1, "b": 1, "kib": KIB, "mib": MIB, "gib": GIB, "tib": TIB}
_UNITS |= {"k": KIB, "m": MIB, "g": GIB, "t": TIB}
_SIZE = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([a-zA-Z]*)\s*")


def parse_size(text: str) -> int:
    """Return bytes for texts such as `512MiB`, `1.5 GiB`, `4g` or `1048576`; raise `Invalid`."""
    match = _SIZE.fullmatch(text)
    unit = match and _UNITS.get(match[2].lower())
    if match is None or unit is None:
        raise Invalid(f"'{text}' is not a size", hint="write a number and KiB, MiB, GiB or TiB")
    return round(float(match[1]) * unit)


def format_size(size_bytes: int) -> str:
    """Return at most one decimal and the largest unit that keeps it at 1 or more."""
    for name, unit in (("TiB", TIB), ("GiB", GIB), ("MiB", MIB), ("KiB", KIB)):
        if abs(size_bytes) >= unit:
            return f"{size_bytes / unit:.1f}".removesuffix(".0") + f" {name}"
    return f"{size_bytes} B"


def format_mib(size_mib: int) -> str:
    """Return a size given in MiB as `format_size` would."""
    return format_size(size_mib * MIB)
