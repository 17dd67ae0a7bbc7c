"""How long things take in the simulated world."""

from msgspec import Struct


class Timing(Struct, frozen=True, kw_only=True, gc=False):
    """Durations and rates; `keepalive_s` is how long a lost answer is waited for."""

    migrate_mib_s: int = 4096
    hold_s: float = 0.02
    keepalive_s: float = 30.0


USUAL = Timing()
