"""What BMCs tell by themselves, for people to see."""

from msgspec import Struct

from anypool.engine.hearing.traps import Heard, Traps
from anypool.service.access import Deed, Principal, require


class TrapsHeard(Struct, frozen=True, kw_only=True):
    """Where SNMP traps are listened for, "" for nowhere, why not, and from whom they came."""

    listen: str
    problem: str
    heard: tuple[Heard, ...]


class Hearing:
    """The use cases of what BMCs tell."""

    def __init__(self, traps: Traps) -> None:
        self._traps = traps

    def traps(self, by: Principal) -> TrapsHeard:
        """Return what SNMP traps came since this manager began, the latest source first."""
        require(by, Deed.READ)
        traps = self._traps
        return TrapsHeard(listen=traps.wanted, problem=traps.problem, heard=traps.heard())
