"""Who answers is asked for VMs that nobody saw end, before they start: all of them at once."""

import threading
from collections.abc import Callable, Iterable
from functools import partial

from anypool.engine.observing.vitals import Vitals
from anypool.model import EndpointId, Inventory, VmId
from anypool.plan import Reason, reason

Submit = Callable[[Callable[[], object]], None]

SOON_S = 3.0
"""For so long VMs that were seen to end wait with the others: those may be of higher priority."""


class Around:
    """Asks each endpoint once for all such VMs; an answer, or none, is news for the guard."""

    def __init__(self, vitals: Vitals) -> None:
        self._vitals = vitals
        self._lock = threading.Lock()
        self._under_way: set[EndpointId] = set()
        self._since: dict[VmId, float] = {}

    def forget(self) -> None:
        """Begin anew."""
        self._since = {}

    def ask(self, vms: Iterable[VmId], inventory: Inventory, submit: Submit) -> dict[VmId, Reason]:
        """Have asked who was not asked yet; return which VMs wait for that."""
        now, waiting = self._vitals.moments.now(), dict[VmId, Reason]()
        about: dict[EndpointId, list[VmId]] = {}
        for vm in sorted(vms):
            if not (found := self._vitals.unasked(inventory.vms[vm])):
                self._since.pop(vm, None)
                continue
            self._since.setdefault(vm, now)
            waiting[vm] = reason("ha.asks", count=len(found))
            for endpoint in found:
                about.setdefault(endpoint, []).append(vm)
        for endpoint, some in about.items():
            if self._begins(endpoint):
                submit(partial(self._ask, endpoint, tuple(some)))
        return waiting

    def holds_all(self, waiting: Iterable[VmId]) -> bool:
        """Return whether VMs that were seen to end wait a moment for those that were not."""
        now = self._vitals.moments.now()
        return any(now - self._since.get(vm, now) < SOON_S for vm in waiting)

    def _begins(self, endpoint: EndpointId) -> bool:
        with self._lock:
            if endpoint in self._under_way:
                return False
            self._under_way.add(endpoint)
            return True

    def _ask(self, endpoint: EndpointId, vms: tuple[VmId, ...]) -> None:
        try:
            self._vitals.ask_about(endpoint, vms)
        finally:
            with self._lock:
                self._under_way.discard(endpoint)
                last = not self._under_way
            if last:
                self._vitals.news()
