"""From a vCenter's objects to our ids and names: places, hosts, VMs, datastores, networks.

One reading's view of a mirror: whatever is looked up twice is worked out once.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any
from urllib.parse import urlsplit
from uuid import NAMESPACE_URL, uuid5

from anypool.drivers.vsphere import properties
from anypool.drivers.vsphere.identity import Identities, Seen
from anypool.drivers.vsphere.mirror import Entry
from anypool.model import DatastoreId, HostId, NetworkId

_NETWORKS = (properties.NETWORK, properties.PORTGROUP, properties.OPAQUE)
_HIDDEN = ("vm", "host", "datastore", "network")
"""The four folders that every datacenter has, which people do not see."""


class Inventory:
    """The objects of one vCenter, `instance`, at one moment."""

    def __init__(
        self,
        instance: str,
        objects: dict[str, Entry],
        fields: dict[int, str],
        who: Identities,
        tags: Mapping[str, frozenset[str]],
    ) -> None:
        self.instance = instance
        self.objects = objects
        self.fields = fields
        self.who = who
        self.tags = tags
        self._places: dict[str, tuple[str, ...]] = {}

    def of(self, *kinds: str) -> Iterator[tuple[str, Entry]]:
        """Yield the objects of some kinds, with vCenter's names for them, in their order."""
        found = [(moid, entry) for moid, entry in self.objects.items() if entry.kind in kinds]
        yield from sorted(found)

    def entry(self, reference: Any) -> Entry | None:
        """Return what is known of an object that another one refers to."""
        return None if reference is None else self.objects.get(reference._moId)

    def name(self, reference: Any) -> str:
        """Return the name of an object, "" if it is not known."""
        entry = self.entry(reference)
        return "" if entry is None else plain(entry.get("name"))

    def above(self, entry: Entry) -> tuple[str, ...]:
        """Return where an object is: the datacenter and the folders in it, from the top."""
        parent = entry.get("parent")
        if parent is None:
            return ()
        if (known := self._places.get(parent._moId)) is None:
            known = self._places[parent._moId] = tuple(self._climb(parent))
        return known

    def _climb(self, reference: Any) -> list[str]:
        names: list[str] = []
        for _ in range(64):
            entry = self.entry(reference)
            if entry is None or entry.get("parent") is None:
                break
            if entry.kind in (properties.FOLDER, properties.DATACENTER, properties.STORAGE_POD):
                names.append(plain(entry.get("name")))
            above = self.entry(entry.get("parent"))
            if _is_hidden(entry, above):
                names.pop()
            reference = entry.get("parent")
        return names[::-1]

    def labels(self, moid: str, entry: Entry) -> frozenset[str]:
        """Return an object's tags as `category:name`, its custom fields as `field=value`."""
        values = entry.get("customValue") or ()
        fields = frozenset(
            f"{self.fields.get(one.key, one.key)}={one.value}"
            for one in values
            if getattr(one, "value", "")
        )
        return fields | self.tags.get(moid, frozenset())

    @cached_property
    def host_ids(self) -> dict[str, HostId]:
        """Our ids of the hosts, by vCenter's names: their own UUIDs where these are unique."""
        uuids = {moid: _host_uuid(entry) for moid, entry in self.of(properties.HOST)}
        count = Counter(uuids.values())
        return {
            moid: HostId(own if own and count[own] == 1 else self.derived("host", moid))
            for moid, own in uuids.items()
        }

    @cached_property
    def datastore_ids(self) -> dict[str, DatastoreId]:
        """Our ids of the datastores, by vCenter's names."""
        return {
            moid: self._datastore_id(moid, entry) for moid, entry in self.of(properties.DATASTORE)
        }

    @cached_property
    def network_ids(self) -> dict[str, NetworkId]:
        """Our ids of the networks: their names, with the place where a name is there twice."""
        names = {moid: plain(entry.get("name")) for moid, entry in self.of(*_NETWORKS)}
        count = Counter(names.values())
        return {
            moid: NetworkId(name if count[name] == 1 else f"{name} ({moid})")
            for moid, name in names.items()
        }

    def derived(self, kind: str, moid: str) -> str:
        """Return an id made from vCenter's own name for a thing."""
        return derived(self.instance, kind, moid)

    def _datastore_id(self, moid: str, entry: Entry) -> DatastoreId:
        """Return the UUID in the address of a datastore, which other vCenters know it by too."""
        summary = entry.get("summary")
        address = urlsplit(getattr(summary, "url", "") or "")
        if address.scheme == "ds" and "/vmfs/volumes/" in address.path:
            return DatastoreId(address.path.rstrip("/").rpartition("/")[2])
        return DatastoreId(self.derived("datastore", moid))


def derived(instance: str, kind: str, moid: str) -> str:
    """Return an id made from a vCenter's own name for a thing."""
    return str(uuid5(NAMESPACE_URL, f"vsphere://{instance}/{kind}/{moid}"))


def seen_as(moid: str, entry: Entry) -> Seen:
    """Return what vCenter says a VM is; of one it cannot read now, what it knew before."""
    uuid = entry.get("config.instanceUuid") or entry.get("summary.config.instanceUuid")
    return Seen(moid, str(uuid or ""))


def plain(name: str | None) -> str:
    """Return a name as people wrote it: vCenter escapes three characters."""
    text = name or ""
    if "%" not in text:
        return text
    return text.replace("%2f", "/").replace("%5c", "\\").replace("%25", "%")


def _host_uuid(entry: Entry) -> str:
    hardware = entry.get("summary.hardware")
    own = str(getattr(hardware, "uuid", "") or "").lower()
    return "" if set(own) <= {"0", "-", "f"} else own


def _is_hidden(entry: Entry, above: Entry | None) -> bool:
    in_datacenter = above is not None and above.kind == properties.DATACENTER
    return in_datacenter and entry.kind == properties.FOLDER and entry.get("name") in _HIDDEN
