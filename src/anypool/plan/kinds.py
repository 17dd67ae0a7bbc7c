"""What a fact of a reason is, so that each language can write it its own way."""

from enum import StrEnum


class Kind(StrEnum):
    """What a fact is.

    TEXT stays as it is: names, and what platforms say. WORD is a word of ours that has an
    entry `word.<it>`. COUNT is a number of things; MIB, BYTES, SECONDS and MILLISECONDS
    bear their unit. REASON is a reason within a reason. NAMES are texts; LIST and REASONS
    are reasons, separated by commas and by semicolons.
    """

    TEXT = "text"
    WORD = "word"
    COUNT = "count"
    MIB = "mib"
    BYTES = "bytes"
    SECONDS = "seconds"
    MILLISECONDS = "milliseconds"
    REASON = "reason"
    NAMES = "names"
    LIST = "list"
    REASONS = "reasons"


T, W, N = Kind.TEXT, Kind.WORD, Kind.COUNT
MIB, BYTES, S, MS = Kind.MIB, Kind.BYTES, Kind.SECONDS, Kind.MILLISECONDS
R, NAMES, LIST, RS = Kind.REASON, Kind.NAMES, Kind.LIST, Kind.REASONS
