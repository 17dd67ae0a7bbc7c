"""Which VMs may have changed: what the property collector tells, kept until somebody asks.

A cursor is `<generation>:<number>`. The generation changes with every new session, and a
cursor of another generation is answered with `resync`: changes may have been missed.
"""

import time

from anypool.drivers.vsphere import properties
from anypool.drivers.vsphere.connect import Session
from anypool.drivers.vsphere.part import Part
from anypool.drivers.vsphere.remarks import Remarks
from anypool.drivers.vsphere.tags import said
from anypool.model import Changes, HostId, Remark, VmId

HOT_WAIT_S = 0.5
"""While events of a change may still come, they are asked for so often."""


class Events(Part):
    """The operation that waits for changes."""

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self.remarks = Remarks(session, self.naming.id_of, self._host)
        self._tagged: list[Remark] = []

    def changes(self, since: str, wait_s: float) -> Changes:
        """Wait for changes; a session that ended meanwhile is begun again: `resync`."""
        if not self.mirror.generation:
            self.mirror.refresh()
        generation, _, written = since.partition(":")
        if generation != self.mirror.generation or not written.isdigit():
            return self._changes(self.log.after(0)[0], resync=bool(since))
        number = int(written)
        self._await(number, wait_s)
        if self.mirror.generation != generation:
            return self._changes(self.log.after(0)[0], resync=True)
        return self._changes(number, resync=False)

    def _await(self, number: int, wait_s: float) -> None:
        """Take in changes until there are some after a number, or for up to `wait_s`."""
        until = time.monotonic() + (min(wait_s, HOT_WAIT_S) if self.remarks.hot else wait_s)
        generation = self.mirror.generation
        while True:
            known = self.log.after(0)[0] != number
            left = 0.0 if known else max(0.0, until - time.monotonic())
            self.mirror.wait(min(left, self.tags.due_s()))
            self._tell_of_tags()
            over = known or time.monotonic() >= until or self.mirror.generation != generation
            if over or self.log.after(0)[0] != number:
                return

    def _tell_of_tags(self) -> None:
        """Note what got or lost tags; nobody at vCenter says who did it."""
        for moid, (got, lost) in self.tags.poll().items():
            entry = self.mirror.entry(moid)
            if entry is None:
                continue
            vm = self.naming.who.ids.get(moid) if entry.kind == properties.VM else None
            self.log.note(vm)
            host = self._host(moid) if entry.kind == properties.HOST else None
            if vm is not None or host is not None:
                self._tagged.append(_tagged(vm, host, said(got, lost)))

    def _changes(self, since: int, *, resync: bool) -> Changes:
        number, vms, host = self.log.after(since)
        if resync or vms or host:
            self.remarks.warm(vms)
        remarks = self.remarks.take() if self.remarks.hot or not self.remarks.begun else ()
        tagged, self._tagged = self._tagged, []
        remarks += tuple(tagged)
        cursor = f"{self.mirror.generation}:{number}"
        return Changes(cursor=cursor, vms=vms, host=host, resync=resync, remarks=remarks)

    def _host(self, moid: str) -> HostId | None:
        return self.inventory().host_ids.get(moid)


def _tagged(vm: VmId | None, host: HostId | None, what: str) -> Remark:
    """Return the remark about tags; `own`, for it may be of what our own runs did."""
    return Remark(what=what, at=time.time(), by="", vm=vm, host=host, own=True)
