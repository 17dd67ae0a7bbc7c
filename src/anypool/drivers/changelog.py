"""Which VMs changed since when: kept by drivers whose platform tells of changes by itself."""

import threading

from anypool.model import VmId


class ChangeLog:
    """The last change of each VM, by number; grows with the VMs, not with the events."""

    def __init__(self) -> None:
        """Empty, number 0."""
        self._changed = threading.Condition()
        self._number = 0
        self._vms: dict[VmId, int] = {}
        self._host = 0
        self._stirred = False

    def note(self, vm: VmId | None) -> None:
        """A VM changed, or with None something of the host."""
        with self._changed:
            self._number += 1
            if vm is None:
                self._host = self._number
            else:
                self._vms[vm] = self._number
            self._changed.notify_all()

    def stir(self) -> None:
        """Let whoever waits look up, though nothing was noted."""
        with self._changed:
            self._stirred = True
            self._changed.notify_all()

    def wait(self, since: int, wait_s: float) -> bool:
        """Wait until something was noted after `since`, or `stir`; say whether it was."""
        with self._changed:
            self._changed.wait_for(lambda: self._stirred or self._number > since, wait_s)
            self._stirred = False
            return self._number > since

    def after(self, since: int) -> tuple[int, frozenset[VmId], bool]:
        """The current number, the VMs noted after `since`, and whether the host was."""
        with self._changed:
            vms = frozenset(vm for vm, number in self._vms.items() if number > since)
            return self._number, vms, self._host > since
