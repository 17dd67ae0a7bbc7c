"""What a blade's IPMI controller keeps as bytes: sensors, its label, its log. Values only.

The layouts are those of the IPMI 2.0 specification (chapters 32 and 43) and of the platform
management FRU information storage definition.
"""

import struct
from typing import NamedTuple

from anypool.lab.blades.board import Entry, Happening

_DEGREES_C, _WATTS = 1, 6
_TEMPERATURE, _OTHER_UNITS = 0x01, 0x0B
_BMC = 0x20


class Sensor(NamedTuple):
    """A sensor that tells a number from 0 to 255 in its unit."""

    number: int
    name: str
    kind: int
    unit: int
    entity: int


SENSORS = (
    Sensor(1, "Inlet Temp", _TEMPERATURE, _DEGREES_C, 0x37),
    Sensor(2, "CPU Temp", _TEMPERATURE, _DEGREES_C, 0x03),
    Sensor(3, "Blade Power", _OTHER_UNITS, _WATTS, 0x13),
)
_LOGGED: dict[Happening, tuple[int, int, int]] = {
    "power-on": (0x22, 0x10, 0x00),
    "power-off": (0x22, 0x10, 0x06),
    "reset": (0x1D, 0x11, 0x02),
    "watchdog": (0x23, 0x12, 0x01),
    "button": (0x14, 0x13, 0x00),
    "panic": (0x20, 0x14, 0x01),
}
"""Kind of sensor, its number and the offset that tells what happened; the rest is not logged."""


def sensor_record(sensor: Sensor) -> bytes:
    """Return a full sensor record."""
    name = sensor.name.encode()
    readable = 0x7F  # no thresholds are set, readings are on
    body = struct.pack(
        "<BBBBBBBBBHHHBBBBBBBBBBBBBBBB",
        *(_BMC, 0, sensor.number, sensor.entity, 1, readable, 0x68, sensor.kind, 0x01),
        *(0, 0, 0),
        *(0, sensor.unit, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 0),
    )
    body += bytes(6 + 2 + 2 + 1) + bytes([0xC0 | len(name)]) + name
    return struct.pack("<HBBB", sensor.number, 0x51, 0x01, len(body)) + body


def label(fields: tuple[str, str, str, str, str]) -> bytes:
    """Return the FRU data: maker, model, part number, version and serial number."""
    area = b"".join(_text(field) for field in fields) + _text("") + _text("") + b"\xc1"
    length = (3 + len(area) + 1 + 7) // 8
    area = bytes([1, length, 0]) + area
    area += bytes(length * 8 - 1 - len(area))
    header = bytes([1, 0, 0, 0, 1, 0, 0])
    return header + _sum(header) + area + _sum(area)


def logged(entries: list[Entry]) -> list[bytes]:
    """Return the records of a log, 16 bytes each, numbered as the entries are."""
    found = []
    for entry in entries:
        if entry.what in _LOGGED:
            kind, number, offset = _LOGGED[entry.what]
            found.append(
                struct.pack(
                    "<HBIHBBBBBBB",
                    *(entry.number, 0x02, int(entry.at), _BMC, 0x04),
                    *(kind, number, 0x6F, offset, 0xFF, 0xFF),
                )
            )
    return found


def watts_reading(now: int, at: float) -> bytes:
    """Return the answer to DCMI's question for power."""
    return struct.pack("<BHHHHIIB", 0xDC, now, now, now, now, int(at), 1000, 0x40)


def _text(words: str) -> bytes:
    encoded = words.encode()[:63]
    return bytes([0xC0 | len(encoded)]) + encoded


def _sum(data: bytes) -> bytes:
    return bytes([-sum(data) & 0xFF])
