"""Who is who right now: our ids by vCenter's names and back, worked out anew when they change."""

from collections.abc import Callable, Iterable

from anypool.drivers.vsphere.identity import Identities, Seen, identities, usable
from anypool.model import VmId

_REMEMBERED = 1000


class Naming:
    """The ids of one vCenter's VMs; `derived` makes one from vCenter's own name for a VM.

    Readers take `who` and `moids` as they are: both are replaced, never changed.
    """

    def __init__(self, derived: Callable[[str], VmId]) -> None:
        self._derived = derived
        self._uuids: dict[str, VmId | None] = {}
        self._gone: dict[str, VmId] = {}
        self.who = Identities({}, {})
        self.moids: dict[VmId, str] = {}
        self._stale = True

    def take_stale(self) -> bool:
        """Return whether ids may have changed since this was asked last.

        Ask before the VMs are copied that `renew` is given: what changes later is asked again.
        """
        stale, self._stale = self._stale, False
        return stale

    def renew(self, seen: Iterable[Seen], *, afresh: bool = False) -> None:
        """Work everything out from all VMs; `afresh` without what was known before."""
        there = tuple(seen)
        before = {} if afresh else self.who.ids
        who = identities(there, before, self._derived)
        self._uuids = {one.moid: usable(one.instance_uuid) for one in there}
        self.moids = {vm: moid for moid, vm in who.ids.items()}
        self.who = who

    def told(self, one: Seen, *, gone: bool) -> frozenset[VmId]:
        """Return whom it concerns that a VM came, changed or went, and note if ids may change."""
        known = self.who.ids.get(one.moid)
        uuid = usable(one.instance_uuid)
        if gone and known is not None:
            self._remember(one.moid, known)
        if known is not None and not gone and uuid == self._uuids.get(one.moid):
            return frozenset({known})
        self._stale = True
        found = {uuid or known or self._derived(one.moid)}
        if self.moids.get(min(found), one.moid) != one.moid:
            found.add(self._derived(one.moid))
        if known is not None:
            found |= {known, *self.who.twins.get(known, ())}
        return frozenset(found)

    def id_of(self, moid: str) -> VmId | None:
        """Return our id of a VM that is there, or was a moment ago; None for one never seen."""
        return self.who.ids.get(moid) or self._gone.get(moid)

    def _remember(self, moid: str, vm: VmId) -> None:
        self._gone[moid] = vm
        while len(self._gone) > _REMEMBERED:
            del self._gone[next(iter(self._gone))]
