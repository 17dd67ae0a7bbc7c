"""Who answers is asked for VMs that nobody saw end, before they start: all of them at once."""

from collections.abc import Callable, Iterable
from functools import partial

from anypool.engine.ha.asking import Submit
from anypool.engine.observing.vitals import Vitals
from anypool.engine.threads import UnderWay
from anypool.model import EndpointId, Inventory, VmId
from anypool.plan import Reason, reason

SOON_S = 3.0
"""For so long VMs that were seen to end wait with the others: those may be of higher priority."""


class Around:
    """Asks each endpoint once for all such VMs; an answer, or none, is news for the guard."""

    def __init__(self, vitals: Vitals) -> None:
        self._vitals = vitals
        self._under_way = UnderWay()
        self._since: dict[VmId, float] = {}

    def forget(self) -> None:
        """Begin anew."""
        self._since = {}
        self._under_way.forget()

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
            ask = partial(self._vitals.ask_about, endpoint, tuple(some))
            if (task := self._under_way.once(endpoint, ask)) is not None:
                submit(partial(self._done, task))
        return waiting

    def holds_all(self, waiting: Iterable[VmId]) -> bool:
        """Return whether VMs that were seen to end wait a moment for those that were not."""
        now = self._vitals.moments.now()
        return any(now - self._since.get(vm, now) < SOON_S for vm in waiting)

    def _done(self, task: Callable[[], None]) -> None:
        try:
            task()
        finally:
            if not self._under_way:
                self._vitals.news()
