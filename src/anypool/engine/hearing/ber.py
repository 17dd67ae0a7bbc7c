"""BER as far as SNMP needs it: pure, and strict about what anybody may have sent.

Lengths are definite and within what surrounds them. What is not understood raises `ValueError`.
"""

from collections.abc import Iterator

SEQUENCE, INTEGER, OCTETS, NULL, OID = 0x30, 0x02, 0x04, 0x05, 0x06
IP_ADDRESS = 0x40
NUMBERS = frozenset({INTEGER, 0x41, 0x42, 0x43, 0x46, 0x47})
"""Counters, gauges and ticks are integers under another tag."""
LONGEST_TEXT = 200
_LONGEST_OID = 128


def value(data: bytes, tag: int) -> bytes:
    """Return the content of the one value that these bytes are, which must have this tag."""
    found = list(values(data))
    if len(found) != 1 or found[0][0] != tag:
        raise ValueError(f"a value with the tag {tag:#04x} was expected")
    return found[0][1]


def values(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield tag and content of each value in a row."""
    at = 0
    while at < len(data):
        tag, length, start = data[at], *_length(data, at + 1)
        if start + length > len(data):
            raise ValueError("a value is longer than what holds it")
        yield tag, data[start : start + length]
        at = start + length


def integer(content: bytes) -> int:
    """Return an integer of at most nine bytes."""
    if not 0 < len(content) <= 9:
        raise ValueError("an integer is too long, or empty")
    return int.from_bytes(content, "big", signed=True)


def oid(content: bytes) -> str:
    """Return an object identifier as people write it, `1.3.6.1`."""
    arcs, number = list[int](), 0
    for byte in content:
        number = number << 7 | byte & 0x7F
        if number >> 32 or len(arcs) > _LONGEST_OID:
            raise ValueError("an object identifier is too long")
        if not byte & 0x80:
            arcs.append(number)
            number = 0
    if not arcs or content[-1] & 0x80:
        raise ValueError("an object identifier is cut short")
    first = min(arcs[0] // 40, 2)
    return ".".join(map(str, (first, arcs[0] - 40 * first, *arcs[1:])))


def text(tag: int, content: bytes) -> str:
    """Return a value in printable words, "" for one that says nothing."""
    if tag in NUMBERS:
        return str(integer(content))
    if tag == OID:
        return oid(content)
    if tag == IP_ADDRESS and len(content) == 4:
        return ".".join(map(str, content))
    if tag != OCTETS:
        return ""
    found = content.rstrip(b"\0").decode("utf-8", "replace")
    if all(char.isprintable() or char in "\t\r\n" for char in found) and "\ufffd" not in found:
        return " ".join(found.split())[:LONGEST_TEXT]
    return content.hex()[:LONGEST_TEXT]


def _length(data: bytes, at: int) -> tuple[int, int]:
    """Return the length that is written at a place, and where the content begins."""
    if at >= len(data):
        raise ValueError("it ends before a length")
    first = data[at]
    if first < 0x80:
        return first, at + 1
    size = first & 0x7F
    if not 1 <= size <= 3 or at + 1 + size > len(data):
        raise ValueError("a length is not definite, or too long")
    return int.from_bytes(data[at + 1 : at + 1 + size], "big"), at + 1 + size
