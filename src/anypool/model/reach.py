"""Whether one host comes through to an address: asked of the neighbours of a silent one."""

from enum import StrEnum


class Reach(StrEnum):
    """What came of a connection to an address.

    `ANSWERS` is anything that was sent by whoever has the address, also a refusal. `SILENT` is
    nothing at all within the time, or a network that knows no way. `UNKNOWN` is that the host
    that was asked could not try.
    """

    ANSWERS = "answers"
    SILENT = "silent"
    UNKNOWN = "unknown"
