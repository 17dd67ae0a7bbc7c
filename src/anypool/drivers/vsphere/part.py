"""What every group of operations stands on: the session, the mirror, and finding things."""

import threading
from collections.abc import Iterable
from typing import Any

from anypool.drivers.base import OPERATIONS, BaseDriver
from anypool.drivers.changelog import ChangeLog
from anypool.drivers.vsphere import properties
from anypool.drivers.vsphere.connect import Session
from anypool.drivers.vsphere.inventory import Inventory, vm_id
from anypool.drivers.vsphere.mirror import Entry, Mirror
from anypool.errors import NotFound
from anypool.model import HostId, VmId


class Part(BaseDriver):
    """A driver of one vCenter; a subclass declares exactly what it overrides."""

    name = "vsphere"

    def __init_subclass__(cls) -> None:
        """Read the capabilities off the operations that are there."""
        cls.capabilities = frozenset(
            capability
            for operation, capability in OPERATIONS.items()
            if getattr(cls, operation) is not getattr(BaseDriver, operation)
        )

    def __init__(self, session: Session) -> None:
        self.session = session
        self.log = ChangeLog()
        self.mirror = Mirror(session, self._told, self._began)
        self._lock = threading.Lock()
        self._moids: dict[VmId, str] = {}
        self._fields: dict[int, str] = {}

    def close(self) -> None:
        """Log out."""
        self.session.close()

    def inventory(self) -> Inventory:
        """Return what is known of the vCenter, without asking; read it if nothing is."""
        if not self.mirror.generation:
            self.mirror.refresh()
        return Inventory(self.session.instance, self.mirror.entries(), self._fields)

    def moid(self, vm: VmId) -> str:
        """Return vCenter's name for a VM, asking again if it is not known; raise `NotFound`."""
        if (known := self._moids.get(vm)) is not None:
            return known
        self.mirror.refresh()
        self.index()
        if (known := self._moids.get(vm)) is None:
            raise NotFound(f"{self.session.name} knows no VM {vm}")
        return known

    def index(self) -> None:
        """Note again which of vCenter's names each VM has."""
        seen = self.inventory()
        self._moids = {vm_id(seen, moid, one): moid for moid, one in seen.of(properties.VM)}

    def vm_object(self, vm: VmId) -> Any:
        """Return vCenter's object for a VM; raise `NotFound`."""
        return self.session.object(properties.KINDS[properties.VM], self.moid(vm))

    def host_object(self, host: HostId) -> Any:
        """Return vCenter's object for a host; raise `NotFound`."""
        for moid, known in self.inventory().host_ids.items():
            if known == host:
                return self.session.object(properties.KINDS[properties.HOST], moid)
        raise NotFound(f"{self.session.name} knows no host {host}")

    def read_now(self, vms: Iterable[VmId]) -> dict[VmId, tuple[str, Entry]]:
        """Ask for VMs now; return those that are there, with vCenter's names for them."""
        asked = tuple(vms)
        if any(vm not in self._moids for vm in asked):
            self.mirror.refresh()
            self.index()
        known = {self._moids[vm]: vm for vm in asked if vm in self._moids}
        found = self.mirror.read(known)
        seen = self.inventory()
        return {
            known[moid]: (moid, entry)
            for moid, entry in found.items()
            if vm_id(seen, moid, entry) == known[moid]
        }

    def _told(self, moid: str, entry: Entry) -> None:
        if entry.kind != properties.VM:
            self.log.note(None)
            return
        seen = Inventory(self.session.instance, {}, {})
        self.log.note(vm_id(seen, moid, entry))

    def _began(self) -> None:
        seen = self.inventory()
        with self._lock:
            self._moids = {vm_id(seen, moid, one): moid for moid, one in seen.of(properties.VM)}
            self._fields = self._custom_fields()

    def _custom_fields(self) -> dict[int, str]:
        content = self.session.content()
        manager = content.customFieldsManager
        if manager is None:
            return {}
        return {one.key: str(one.name) for one in manager.field or ()}
