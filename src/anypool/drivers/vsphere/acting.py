"""What deeds on VMs stand on: a VM as it is now, on the host where it is expected."""

from typing import Any

from pyVmomi import vim

from anypool.drivers.vsphere import properties, vms
from anypool.drivers.vsphere.inventory import Inventory, plain
from anypool.drivers.vsphere.mirror import Entry
from anypool.drivers.vsphere.tasks import Tasks
from anypool.errors import Conflict, NotFound, Rejected
from anypool.model import DatastoreId, HostId, VmId, VmState


class Found:
    """A VM as vCenter has it now."""

    def __init__(self, seen: Inventory, moid: str, entry: Entry, thing: Any) -> None:
        self.seen = seen
        self.moid = moid
        self.entry = entry
        self.thing = thing
        self.name = plain(entry.get("name"))
        self.state = vms.state_of(seen, entry)
        self.runs = self.state is VmState.RUNNING

    @property
    def host(self) -> HostId | None:
        """Return the host that has it."""
        reference = self.entry.get("runtime.host")
        return None if reference is None else self.seen.host_ids.get(reference._moId)

    @property
    def is_template(self) -> bool:
        """Whether it is a template, which never runs."""
        return bool(self.entry.get("config.template"))


class Acting(Tasks):
    """Finds what deeds are about."""

    def found(self, vm: VmId, host: HostId) -> Found:
        """Return a VM as it is now; `NotFound` if it is gone, `Conflict` if it is elsewhere."""
        now = self.read_now((vm,)).get(vm)
        if now is None:
            raise NotFound(f"{self.session.name} knows no VM {vm}", hint="was it removed there?")
        moid, entry = now
        seen = self.inventory()
        thing = self.vm_object(vm)
        here = Found(seen, moid, entry, thing)
        if here.host != host:
            raise Conflict(
                f"VM {here.name} is not on host {self.host_name(host)} any more",
                hint="vSphere may have moved it; look, and ask again",
            )
        return here

    def live(self, vm: VmId, host: HostId) -> Found:
        """Return a VM that is no template."""
        here = self.found(vm, host)
        if here.is_template:
            raise Conflict(f"{here.name} is a template", hint="make a VM of it")
        return here

    def host_name(self, host: HostId) -> str:
        """Return a host's name, or its id where vCenter does not know it."""
        seen = self.inventory()
        for moid, known in seen.host_ids.items():
            if known == host:
                return plain(seen.objects[moid].get("name"))
        return host

    def host_entry(self, host: HostId) -> Entry:
        """Return what is known of a host; raise `NotFound`."""
        thing = self.host_object(host)
        return self.inventory().objects[thing._moId]

    def root_pool(self, host: HostId) -> Any:
        """Return the resource pool that holds all of what a host, or its cluster, has."""
        parent = self.host_entry(host).get("parent")
        seen = self.inventory()
        for moid, entry in seen.of(properties.POOL):
            owner = entry.get("parent")
            if owner is not None and owner._moId == parent._moId:
                return self.session.object(vim.ResourcePool, moid)
        raise NotFound(f"host {self.host_name(host)} has no resource pool that we may see")

    def datacenter(self, host: HostId) -> Any:
        """Return the datacenter that a host is in."""
        return self.datacenter_above(self.host_entry(host).get("parent"))

    def datacenter_above(self, reference: Any) -> Any:
        """Return the datacenter that an object is in; raise `NotFound`."""
        seen = self.inventory()
        for _ in range(64):
            entry = seen.entry(reference)
            if entry is None:
                break
            if entry.kind == properties.DATACENTER:
                return self.session.object(vim.Datacenter, reference._moId)
            reference = entry.get("parent")
        raise NotFound("its datacenter is not among what we may see")

    def datastore_entry(self, datastore: DatastoreId) -> tuple[str, Entry]:
        """Return vCenter's name for a datastore and what is known of it; raise `NotFound`."""
        seen = self.inventory()
        for moid, known in seen.datastore_ids.items():
            if known == datastore:
                return moid, seen.objects[moid]
        raise NotFound(f"{self.session.name} knows no datastore {datastore}")

    def path(self, datastore: DatastoreId, volume: str) -> str:
        """Return the path of a volume as vSphere writes it: `[store] folder/a.vmdk`."""
        _, entry = self.datastore_entry(datastore)
        return f"[{plain(entry.get('name'))}] {volume}"

    def switch_of(self, group: Entry) -> str:
        """Return the UUID of the switch that a port group belongs to."""
        reference = group.get("config.distributedVirtualSwitch")
        switch = self.session.object(vim.DistributedVirtualSwitch, reference._moId)
        return str(self.session.read("ask for a switch", lambda _: switch.uuid))

    def check_name_free(self, name: str, folder: Any, own: str = "") -> None:
        """Raise `Conflict` if another VM in a folder bears a name."""
        self.mirror.refresh()
        for moid, entry in self.inventory().of(properties.VM):
            parent = entry.get("parent")
            same = parent is not None and parent._moId == folder._moId
            if same and moid != own and plain(entry.get("name")) == name:
                raise Conflict(f"there is a VM named {name} already", hint="choose another")

    def check_room(self, datastore: DatastoreId, size_bytes: int) -> None:
        """Raise `Rejected` for a disk that is larger than its datastore."""
        _, entry = self.datastore_entry(datastore)
        summary = entry.get("summary")
        if summary is not None and size_bytes > int(summary.capacity or 0):
            raise Rejected(
                f"datastore {plain(entry.get('name'))} is full for a disk of {size_bytes} bytes",
                hint="choose a larger one",
            )
