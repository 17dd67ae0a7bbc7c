"""The whole pool as it is now, for those who show things: names, loads, news."""

from collections.abc import Mapping

from anypool.engine import Engine, LoadRate, Subscription
from anypool.model import HostId, Inventory, VmId
from anypool.search import Completion, Noun, complete
from anypool.service.access import Deed, Principal, require


class Pool:
    """What the rendering of any answer may need."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def inventory(self, by: Principal) -> Inventory:
        """Return everything that is known now."""
        require(by, Deed.READ)
        return self._engine.inventory

    def loads(self, by: Principal) -> Mapping[HostId | VmId, LoadRate]:
        """Return the loads last measured, by the id of the host or VM."""
        require(by, Deed.READ)
        return self._engine.loads()

    def complete(self, by: Principal, text: str, at: int, noun: Noun | None) -> Completion:
        """Return what may stand at a place of an unfinished query; raises nothing for bad ones."""
        require(by, Deed.READ)
        return complete(text, at, self._engine.inventory, noun)

    def subscribe(self) -> Subscription:
        """Return a queue of notices; whoever passes them on asks for permission."""
        return self._engine.subscribe()
