"""What every group of operations stands on: the session, the mirror, and finding things."""

import threading
from collections.abc import Iterable
from typing import Any

from anypool.drivers.base import OPERATIONS, BaseDriver
from anypool.drivers.changelog import ChangeLog
from anypool.drivers.vsphere import properties
from anypool.drivers.vsphere.connect import Session
from anypool.drivers.vsphere.inventory import Inventory, derived, seen_as
from anypool.drivers.vsphere.mirror import Entry, Mirror
from anypool.drivers.vsphere.naming import Naming
from anypool.drivers.vsphere.rest import Rest
from anypool.drivers.vsphere.tags import Tags
from anypool.errors import Conflict, NotFound
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
        self.rest = Rest(session)
        self.tags = Tags(self.rest)
        self._lock = threading.Lock()
        self.naming = Naming(self._derived)
        self._fields: dict[int, str] = {}

    def close(self) -> None:
        """Log out."""
        self.rest.close()
        self.session.close()

    def inventory(self) -> Inventory:
        """Return what is known of the vCenter, without asking; read it if nothing is."""
        if not self.mirror.generation:
            self.mirror.refresh()
        stale = self.naming.take_stale()
        objects = self.mirror.entries()
        if stale or not self._named(objects):
            self._name(objects)
        who, tags = self.naming.who, self.tags.labels
        return Inventory(self.session.instance, objects, self._fields, who, tags)

    def moid(self, vm: VmId) -> str:
        """Return vCenter's name for a VM, asking again if it is not known; raise `NotFound`."""
        if (known := self.naming.moids.get(vm)) is not None:
            return known
        self.mirror.refresh()
        self.inventory()
        if (known := self.naming.moids.get(vm)) is None:
            raise NotFound(f"{self.session.name} knows no VM {vm}")
        return known

    def vm_object(self, vm: VmId) -> Any:
        """Return vCenter's object for a VM, for a deed; raise `NotFound`, `Conflict` for twins."""
        if vm in self.naming.who.twins:
            raise Conflict(
                f"VM {vm} bears the id of another VM: nobody can say which is meant",
                hint="give the copy an instanceUuid of its own",
            )
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
        if any(vm not in self.naming.moids for vm in asked):
            self.mirror.refresh()
            self.inventory()
        moids = self.naming.moids
        known = {moids[vm]: vm for vm in asked if vm in moids}
        found = self.mirror.read(known)
        seen = self.inventory()
        return {
            known[moid]: (moid, entry)
            for moid, entry in found.items()
            if seen.who.ids.get(moid) == known[moid]
        }

    def name_fields(self, entries: Iterable[Entry] | None = None) -> None:
        """Ask what the custom attributes are called: vCenter does not tell of new ones.

        With some entries only if they bear one whose name is not known.
        """
        if entries is not None and self._fields.keys() >= _keys_of(entries):
            return
        named = self.session.read("ask for custom attributes", _custom_fields)
        with self._lock:
            self._fields = named

    def _told(self, moid: str, entry: Entry, news: bool) -> None:
        if entry.kind != properties.VM:
            self.log.note(None)
            return
        gone = self.mirror.entry(moid) is None
        known = self.naming.who.ids.get(moid)
        concerned = self.naming.told(seen_as(moid, entry), gone=gone)
        if news or concerned != {known}:
            for vm in concerned:
                self.log.note(vm)

    def _began(self) -> None:
        self._name(self.mirror.entries(), afresh=True)
        with self._lock:
            self._fields = _custom_fields(self.session.content())

    def _derived(self, moid: str) -> VmId:
        return VmId(derived(self.session.instance, "vm", moid))

    def _named(self, objects: dict[str, Entry]) -> bool:
        """Return whether every VM of a copy of the mirror has an id: it may be newer."""
        ids = self.naming.who.ids
        return all(moid in ids for moid, one in objects.items() if one.kind == properties.VM)

    def _name(self, objects: dict[str, Entry], *, afresh: bool = False) -> None:
        vms = (seen_as(moid, one) for moid, one in objects.items() if one.kind == properties.VM)
        with self._lock:
            self.naming.renew(vms, afresh=afresh)


def _keys_of(entries: Iterable[Entry]) -> set[int]:
    return {value.key for entry in entries for value in entry.get("customValue") or ()}


def _custom_fields(root: Any) -> dict[int, str]:
    manager = root.customFieldsManager
    if manager is None:
        return {}
    return {one.key: str(one.name) for one in manager.field or ()}
