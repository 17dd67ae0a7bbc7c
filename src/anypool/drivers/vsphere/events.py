"""Which VMs may have changed: what the property collector tells, kept until somebody asks.

A cursor is `<generation>:<number>`. The generation changes with every new session, and a
cursor of another generation is answered with `resync`: changes may have been missed.
"""

from anypool.drivers.vsphere.part import Part
from anypool.model import Changes


class Events(Part):
    """The operation that waits for changes."""

    def changes(self, since: str, wait_s: float) -> Changes:
        """Wait for changes; a session that ended meanwhile is begun again: `resync`."""
        if not self.mirror.generation:
            self.mirror.refresh()
        generation, _, written = since.partition(":")
        if generation != self.mirror.generation or not written.isdigit():
            return self._changes(self.log.after(0)[0], resync=bool(since))
        number = int(written)
        if number == self.log.after(0)[0]:
            self.mirror.wait(wait_s)
        else:
            self.mirror.wait(0.0)
        if self.mirror.generation != generation:
            return self._changes(self.log.after(0)[0], resync=True)
        return self._changes(number, resync=False)

    def _changes(self, since: int, *, resync: bool) -> Changes:
        number, vms, host = self.log.after(since)
        cursor = f"{self.mirror.generation}:{number}"
        return Changes(cursor=cursor, vms=vms, host=host, resync=resync)
