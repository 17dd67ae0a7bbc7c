"""Which VMs may have changed: libvirt's events, kept until somebody asks.

A cursor is `<generation>:<number>`. The generation changes with every new connection, and
a cursor of another generation is answered with `resync`: events may have been missed.
"""

import contextlib
import time

import libvirt

from anypool.drivers.changelog import ChangeLog
from anypool.drivers.libvirt.connect import Session
from anypool.drivers.libvirt.part import Part
from anypool.drivers.libvirt.platform import Platform
from anypool.drivers.libvirt.pulse import Pulse
from anypool.model import Changes, VmId

_ALIVE_CHECK_S = 1.0
# An event may have one callback per connection: the end of jobs is heard by `migrate`.
_VM_EVENTS = (
    "VIR_DOMAIN_EVENT_ID_LIFECYCLE",
    "VIR_DOMAIN_EVENT_ID_REBOOT",
    "VIR_DOMAIN_EVENT_ID_IO_ERROR_REASON",
    "VIR_DOMAIN_EVENT_ID_BALLOON_CHANGE",
    "VIR_DOMAIN_EVENT_ID_DEVICE_ADDED",
    "VIR_DOMAIN_EVENT_ID_DEVICE_REMOVED",
    "VIR_DOMAIN_EVENT_ID_METADATA_CHANGE",
)


class Events(Part):
    """The operation that waits for changes."""

    def __init__(self, session: Session, host: Platform) -> None:
        """Listen on this connection and on every later one."""
        super().__init__(session, host)
        self._log = ChangeLog()
        self._pulse = Pulse(session, self._log.stir)
        session.listen(self._listen)

    def changes(self, since: str, wait_s: float) -> Changes:
        """Wait for changes; a connection that breaks meanwhile is opened again: `resync`.

        Return at once, `quiet`, when the host falls silent; the next call knocks at it.
        """
        if self._pulse.silent:
            self._pulse.look()
        self.session.connection()
        self._pulse.keep()
        generation, _, written = since.partition(":")
        if generation != self.session.generation or not written.isdigit():
            return self._changes(self._log.after(0)[0], resync=bool(since))
        number = int(written)
        deadline = time.monotonic() + wait_s
        while (left_s := deadline - time.monotonic()) > 0:
            if self._log.wait(number, min(left_s, _ALIVE_CHECK_S)):
                break
            if self._pulse.silent:
                return Changes(cursor=since, quiet=True)
            self.session.connection()
            if self.session.generation != generation:
                return self._changes(self._log.after(0)[0], resync=True)
        return self._changes(number, resync=False)

    def close(self) -> None:
        """Give both connections back."""
        self._pulse.close()
        super().close()

    def _changes(self, since: int, *, resync: bool) -> Changes:
        number, vms, host = self._log.after(since)
        return Changes(
            cursor=f"{self.session.generation}:{number}", vms=vms, host=host, resync=resync
        )

    def _listen(self, connection: libvirt.virConnect) -> None:
        for event in _VM_EVENTS:
            with contextlib.suppress(libvirt.libvirtError):  # not every hypervisor has each
                connection.domainEventRegisterAny(
                    None, getattr(libvirt, event), self._vm_changed, None
                )
        for register in (
            connection.networkEventRegisterAny,
            connection.storagePoolEventRegisterAny,
        ):
            with contextlib.suppress(libvirt.libvirtError):
                register(None, 0, self._host_changed, None)

    def _vm_changed(self, _: object, domain: libvirt.virDomain, *__: object) -> None:
        self._log.note(VmId(domain.UUIDString()))

    def _host_changed(self, *_: object) -> None:
        self._log.note(None)
