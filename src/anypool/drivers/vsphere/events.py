"""Which VMs may have changed: what the property collector tells, kept until somebody asks.

A cursor is `<generation>:<number>`. The generation changes with every new session, and a
cursor of another generation is answered with `resync`: changes may have been missed.
"""

from anypool.drivers.vsphere.connect import Session
from anypool.drivers.vsphere.part import Part
from anypool.drivers.vsphere.remarks import Remarks
from anypool.model import Changes, HostId

HOT_WAIT_S = 0.5
"""While events of a change may still come, they are asked for so often."""


class Events(Part):
    """The operation that waits for changes."""

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self.remarks = Remarks(session, self.naming.id_of, self._host)

    def changes(self, since: str, wait_s: float) -> Changes:
        """Wait for changes; a session that ended meanwhile is begun again: `resync`."""
        if not self.mirror.generation:
            self.mirror.refresh()
        generation, _, written = since.partition(":")
        if generation != self.mirror.generation or not written.isdigit():
            return self._changes(self.log.after(0)[0], resync=bool(since))
        number = int(written)
        if number == self.log.after(0)[0]:
            self.mirror.wait(min(wait_s, HOT_WAIT_S) if self.remarks.hot else wait_s)
        else:
            self.mirror.wait(0.0)
        if self.mirror.generation != generation:
            return self._changes(self.log.after(0)[0], resync=True)
        return self._changes(number, resync=False)

    def _changes(self, since: int, *, resync: bool) -> Changes:
        number, vms, host = self.log.after(since)
        if resync or vms or host:
            self.remarks.warm()
        remarks = self.remarks.new() if self.remarks.hot or not self.remarks.begun else ()
        cursor = f"{self.mirror.generation}:{number}"
        return Changes(cursor=cursor, vms=vms, host=host, resync=resync, remarks=remarks)

    def _host(self, moid: str) -> HostId | None:
        return self.inventory().host_ids.get(moid)
