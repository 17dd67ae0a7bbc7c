"""A repair of the simulator: one exact piece of one file, and what stands there instead."""

from typing import NamedTuple


class Repair(NamedTuple):
    """One piece of one file of the simulator, and what stands there instead."""

    file: str
    before: str
    after: str
