"""That hosts are looked at is kept every so often: whoever begins after a pause is cold."""

from msgspec.structs import replace

from anypool.engine.ha.fences import Fences
from anypool.store import Store, ha
from anypool.store.ha import Pulse

PULSE_S = 20.0
WARM_S = 60.0
"""A manager that takes over while the last look is not older than this knows enough."""


class Pulses:
    """When this manager began to look without knowing what was before, if it did."""

    def __init__(self, store: Store, fences: Fences) -> None:
        self._store = store
        self._fences = fences
        self._last = Pulse()

    @property
    def cold_at(self) -> float:
        """When it began without knowing; 0 if whoever led before had looked right before."""
        return self._last.cold_at

    def begin(self, now: float) -> None:
        """Take over."""
        with self._store.reading() as tx:
            last = ha.pulse(tx)
        warm = last.at and abs(now - last.at) < WARM_S
        self._last = Pulse(at=0.0, cold_at=last.cold_at if warm else now)

    def beat(self, now: float) -> bool:
        """Keep that the hosts were looked at, if that is due; return whether it was."""
        if now - self._last.at <= PULSE_S:
            return False
        self._last = replace(self._last, at=now)
        aged = self._fences.aged()
        with self._store.writing() as tx:
            ha.put_pulse(tx, self._last)
            ha.put_ages(tx, aged)
        return True
