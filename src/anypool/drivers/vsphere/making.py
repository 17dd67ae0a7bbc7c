"""Making VMs, empty or from a template, and forgetting them.

A VM is made by one task, whose effect is whole or nothing. It bears the id that was chosen
beforehand as its instance UUID, and its step in its notes.
"""

from typing import Any, NoReturn

from pyVmomi import vim

from anypool.drivers.names import check_name, check_vm_id
from anypool.drivers.protocol import Spared
from anypool.drivers.vsphere import notes, properties, vms
from anypool.drivers.vsphere.acting import Found
from anypool.drivers.vsphere.devices import Devices, check_disk
from anypool.drivers.vsphere.mirror import Entry
from anypool.drivers.vsphere.reconfigure import Reconfigure, check_size
from anypool.errors import Conflict, Invalid, NotFound, Rejected
from anypool.model import DatastoreId, HostId, VmChange, VmId, VmState, VmWish

GUEST = "otherGuest64"
_DISK = vim.vm.device.VirtualDisk


class Making(Devices, Reconfigure):
    """The operations that make and forget."""

    def create_vm(self, wish: VmWish, host: HostId, tag: str) -> None:
        """Make a VM, stopped; a repetition by the same step is quiet."""
        check(wish)
        if self._made_before(wish, tag):
            return
        folder = self._folder(host)
        self.check_name_free(wish.name, folder)
        for disk in wish.disks:
            self.check_room(disk.datastore, disk.size_bytes)
        if any(disk.base for disk in wish.disks):
            self._clone(wish, host, tag, folder)
        spec = self._spec(wish, host, tag)
        spec.guestId = GUEST
        store = wish.disks[0].datastore if wish.disks else min(self._stores(host), default=None)
        if store is None:
            raise Rejected(f"host {self.host_name(host)} has no datastore for a VM")
        spec.files = vim.vm.FileInfo(vmPathName=self.path(store, "").rstrip())
        spec.deviceChange = [
            *self.disk_changes(wish.disks, {}),
            *self.nic_changes(wish.nics, host),
        ]
        pool, place = self.root_pool(host), self.host_object(host)
        self.begin(f"make VM {wish.name}", lambda _: folder.CreateVM_Task(spec, pool, place))

    def delete_vm(self, vm: VmId, host: HostId, volumes: bool, spared: Spared = ()) -> None:
        """Forget a stopped VM, with `volumes` also its files; quiet if it is not there."""
        try:
            here = self.found(vm, host)
        except NotFound:
            self.host_object(host)
            return
        if here.state is not VmState.STOPPED:
            raise Conflict(f"VM {here.name} is {here.state}", hint="stop it first")
        if not volumes:
            self.session.do(f"forget VM {here.name}", lambda _: here.thing.UnregisterVM())
            return
        self._spare_shared(here, spared)
        self.begin(f"delete VM {here.name}", lambda _: here.thing.Destroy_Task())

    def discard_copy(self, vm: VmId, host: HostId) -> None:
        """Refuse where the VM is: vCenter has one copy of it, which is no leftover."""
        now = self.read_now((vm,)).get(vm)
        if now is None:
            return
        seen = self.inventory()
        reference = now[1].get("runtime.host")
        if reference is None or seen.host_ids.get(reference._moId) != host:
            return
        raise Rejected(
            "vCenter has one copy of a VM; it is not discarded", hint="look at the VM there"
        )

    def delete_volume(self, datastore: DatastoreId, name: str) -> None:
        """Delete a volume; `Conflict` while a VM or a linked clone uses it."""
        _, store = self.datastore_entry(datastore)
        path = self.path(datastore, name)
        for entry, chain in self._chains():
            if path in chain:
                user = entry.get("name")
                raise Conflict(f"VM {user} uses volume {name}", hint="delete the VM first")
        center = self.datacenter_above(store.get("parent"))
        try:
            self.finish(
                f"delete volume {name}",
                lambda root: root.virtualDiskManager.DeleteVirtualDisk_Task(path, center),
            )
        except NotFound:
            return

    def mark_datastore(self, datastore: DatastoreId) -> None:
        """Nothing is written: vCenter itself knows which hosts see the same datastore."""
        self.datastore_entry(datastore)

    def _made_before(self, wish: VmWish, tag: str) -> bool:
        now = self.read_now((wish.id,)).get(wish.id)
        if now is None:
            return False
        if notes.made_by(now[1].get("config.annotation")) == tag:
            return True
        raise Conflict(f"there is a VM {wish.id} already", hint="observe it again")

    def _clone(self, wish: VmWish, host: HostId, tag: str, folder: Any) -> NoReturn:
        """Let vCenter clone the VM or template whose disks are the wished ones' bases."""
        moid, source = self._source(wish)
        origin = self.session.object(vim.VirtualMachine, moid)
        store, _ = self.datastore_entry(wish.disks[0].datastore)
        where = vim.vm.RelocateSpec(
            host=self.host_object(host),
            pool=self.root_pool(host),
            datastore=self.session.object(vim.Datastore, store),
        )
        config = self._spec(wish, host, tag)
        config.name = None
        cards = vms.devices(source, vim.vm.device.VirtualEthernetCard)
        config.deviceChange = [
            *(vim.vm.device.VirtualDeviceSpec(operation="remove", device=card) for card in cards),
            *self.nic_changes(wish.nics, host),
        ]
        spec = vim.vm.CloneSpec(location=where, config=config, powerOn=False, template=False)
        self.begin(
            f"make VM {wish.name} from {source.get('name')}",
            lambda _: origin.CloneVM_Task(folder, wish.name, spec),
        )

    def _source(self, wish: VmWish) -> tuple[str, Entry]:
        """Return the one VM or template whose disks are all that the wish is made from."""
        bases = [(disk.datastore, disk.base) for disk in wish.disks]
        seen = self.inventory()
        for moid, entry in seen.of(properties.VM):
            own = [(one.datastore, one.volume) for one in vms.disks(seen, entry)]
            if own == bases:
                return moid, entry
        missing = ", ".join(base or "an empty disk" for _, base in bases)
        raise Rejected(
            f"no VM or template has exactly these disks: {missing}",
            hint="vSphere clones a VM with all of its disks",
        )

    def _spec(self, wish: VmWish, host: HostId, tag: str) -> Any:
        spec = vim.vm.ConfigSpec(
            name=wish.name,
            instanceUuid=wish.id,
            annotation=notes.words(tag, wish.origin),
            numCPUs=wish.vcpus,
            memoryMB=wish.memory_mib,
            cpuHotAddEnabled=wish.max_vcpus > wish.vcpus or None,
            memoryHotAddEnabled=wish.max_memory_mib > wish.memory_mib or None,
        )
        self.tune(spec, wish.resources, host)
        return spec

    def _folder(self, host: HostId) -> Any:
        center = self.datacenter(host)
        return self.session.read("ask for the folder of VMs", lambda _: center.vmFolder)

    def _stores(self, host: HostId) -> list[DatastoreId]:
        known = self.inventory().datastore_ids
        there = self.host_entry(host).get("datastore") or ()
        return [known[one._moId] for one in there if one._moId in known]

    def _spare_shared(self, here: Found, spared: Spared) -> None:
        """Take away what is spared or other VMs use or stand on, so that it is not deleted too."""
        others: set[str] = set()
        for entry, chain in self._chains():
            if entry is not here.entry and entry.get("config.instanceUuid") != here.entry.get(
                "config.instanceUuid"
            ):
                others |= chain
        disks = zip(
            vms.devices(here.entry, _DISK), vms.disks(self.inventory(), here.entry), strict=True
        )
        shared = [
            device
            for device, disk in disks
            if disk.path in others or (disk.datastore, disk.volume) in spared
        ]
        if not shared:
            return
        changes = [
            vim.vm.device.VirtualDeviceSpec(operation="remove", device=disk) for disk in shared
        ]
        wish = vim.vm.ConfigSpec(deviceChange=changes)
        what = f"keep the disks of VM {here.name} that others use"
        self.finish(what, lambda _: here.thing.ReconfigVM_Task(wish))

    def _chains(self) -> list[tuple[Entry, set[str]]]:
        """Return the files that each VM's disks are, and stand on."""
        found: list[tuple[Entry, set[str]]] = []
        self.mirror.refresh()
        for _, entry in self.inventory().of(properties.VM):
            files: set[str] = set()
            for disk in vms.devices(entry, _DISK):
                backing = disk.backing
                while backing is not None:
                    files.add(str(getattr(backing, "fileName", "") or ""))
                    backing = getattr(backing, "parent", None)
            found.append((entry, files))
        return found


def check(wish: VmWish) -> None:
    """Raise `Invalid` for a VM that cannot be as it is wished."""
    check_name("VM", wish.name)
    check_vm_id(wish.id)
    check_size(VmChange(vcpus=wish.vcpus, memory_mib=wish.memory_mib))
    for disk in wish.disks:
        check_disk(disk)
    if wish.boot is not None:
        raise Invalid("a VM in vSphere boots from its disks", hint="leave the kernel out")
