"""After a restore from a backup: what is still closed, why, and when it opens again.

An endpoint is closed where drivers are handed out, by what `store.facts.effective` says of
it, as with one that is observe-only: nothing gets past that. Here is what opens it: a whole
reading that was merged into the inventory. And here is what refuses plans beforehand.
"""

import logging
import threading
from collections.abc import Callable, Iterable, Iterator

from msgspec import Struct

from anypool.engine.observing.board import Board, Notice
from anypool.engine.observing.endpoints import Endpoints
from anypool.engine.observing.merge import may_hold
from anypool.engine.runs.state import Asked, Request
from anypool.errors import AnypoolError, Busy
from anypool.model import EndpointId, HostId, Inventory, VmId
from anypool.plan import (
    Action,
    DeleteVm,
    Plan,
    ResumeVm,
    RevertSnapshot,
    StartAfterFailure,
    StartVm,
    hosts_of,
    reason,
    refuse,
)
from anypool.store import Store, restoration
from anypool.store.restoration import Restoration, Unread

log = logging.getLogger(__name__)

_SHOWN = 5


class Left(Struct, frozen=True, kw_only=True, gc=False):
    """The latest restore, None if there was none, and the endpoints that wait to be read."""

    restoration: Restoration | None = None
    unread: tuple[Unread, ...] = ()


class Resync:
    """Opens endpoints one by one; `leads` says whether this manager may write."""

    def __init__(
        self, store: Store, endpoints: Endpoints, board: Board, must_lead: Callable[[], None]
    ) -> None:
        self._store = store
        self._endpoints = endpoints
        self._board = board
        self._must_lead = must_lead
        self._opening = threading.Lock()
        self._awaited: frozenset[EndpointId] = frozenset()

    @property
    def awaited(self) -> int:
        """How many endpoints are closed, as far as this manager leads; costs nothing."""
        if not self._awaited:
            return 0
        return sum(one.id in self._awaited for one in self._endpoints.all())

    def begin(self) -> None:
        """Learn what is closed, when this manager begins to lead."""
        found = self.left()
        self._awaited = frozenset(one.endpoint for one in found.unread)
        if self._awaited:
            log.warning("restored from a backup; still to be read: %s", sorted(self._awaited))

    def left(self) -> Left:
        """Return what the records say now; also while another manager leads."""
        with self._store.reading() as tx:
            found = restoration.state(tx)
            unread = () if found is None else restoration.pending(tx)
        return Left(restoration=found, unread=unread)

    def read(self, endpoint: EndpointId) -> None:
        """Open an endpoint that was just read whole, with all that it said in the inventory.

        What cannot be written now is tried again after the next whole reading; until then
        the endpoint stays closed.
        """
        if endpoint not in self._awaited:
            return
        with self._opening:
            if endpoint not in self._awaited:
                return
            try:
                with self._store.writing() as tx:
                    restoration.settle(tx, endpoint)
                self._endpoints.renew((endpoint,))
            except AnypoolError as error:
                log.warning("%s stays closed: %s", endpoint, error)
                return
            self._awaited -= {endpoint}
        self._told(endpoint)

    def vouch(self, endpoint: EndpointId, by: str) -> None:
        """Note that somebody looked: no VM runs behind an endpoint that was not read yet."""
        self._must_lead()
        with self._store.writing() as tx:
            restoration.vouch(tx, endpoint, by)
        self._told(endpoint)

    def vouched(self) -> frozenset[EndpointId]:
        """Return the endpoints behind which no VM runs by somebody's word; it ends when read."""
        if not self._awaited:
            return frozenset()
        return frozenset(one.endpoint for one in self.left().unread if one.vouched_by)

    def allow(self, plan: Plan, inventory: Inventory) -> None:
        """Return quietly if nothing a plan touches waits to be read; raise `Busy`."""
        self._check([step.action for step in plan], inventory)

    def allow_asked(self, asked: Asked, plan: Plan, inventory: Inventory) -> None:
        """Return quietly unless a run is to go on where nothing may be done yet; raise `Busy`."""
        if asked.request is Request.RESUME:
            self.allow(plan, inventory)
        elif asked.request is Request.RETRY and 0 < asked.number <= len(plan.steps):
            self._check([plan.steps[asked.number - 1].action], inventory)

    def _check(self, actions: Iterable[Action], inventory: Inventory) -> None:
        if not self._awaited:
            return
        unread, actions = self.left().unread, tuple(actions)
        closed = {one.endpoint for one in unread}
        hosts = {host for action in actions for host in hosts_of(action)}
        known = (inventory.hosts[key] for key in hosts if key in inventory.hosts)
        names = sorted(host.name for host in known if host.endpoint in closed)
        if names:
            why = reason("admit.unread", hosts=tuple(names[:_SHOWN]))
            raise refuse(Busy, why, reason("hint.unread"))
        for vm, endpoints in _in_doubt(actions, unread, inventory):
            name = inventory.vms[vm].name if vm in inventory.vms else vm
            why = reason("admit.unread-copy", vm=name, endpoints=endpoints[:_SHOWN])
            raise refuse(Busy, why, reason("hint.vouch", endpoint=endpoints[0]))

    def _told(self, endpoint: EndpointId) -> None:
        self._board.tell((Notice("endpoint", endpoint), Notice("event")))


_TAKES_ONE = StartVm | StartAfterFailure | ResumeVm | RevertSnapshot | DeleteVm
"""What must not happen to a VM of which somebody else may have a copy."""


def _in_doubt(
    actions: Iterable[Action], unread: Iterable[Unread], inventory: Inventory
) -> Iterator[tuple[VmId, tuple[str, ...]]]:
    """Yield the VMs of which nobody else may have a copy, and the endpoints that may have one.

    What the records say of it is from before: it may have moved there since.
    """
    silent = [one.endpoint for one in unread if not one.vouched_by]
    for action in actions:
        if not isinstance(action, _TAKES_ONE):
            continue
        dead = _dead(action)
        there = tuple(one for one in silent if _may_have(one, action.vm, inventory, dead))
        if there:
            yield action.vm, there


def _dead(action: Action) -> frozenset[HostId]:
    """Return the hosts that a start after a failure has a proof about."""
    if not isinstance(action, StartAfterFailure):
        return frozenset()
    return frozenset(proof.host for proof in (action.proof, *action.also))


def _may_have(
    endpoint: EndpointId, vm: VmId, inventory: Inventory, dead: frozenset[HostId]
) -> bool:
    there = [host for host in inventory.hosts.values() if host.endpoint == endpoint]
    hosts = [host for host in there if host.id not in dead]
    known = inventory.vms.get(vm)
    return not there or (bool(hosts) and (known is None or may_hold(known, hosts)))
