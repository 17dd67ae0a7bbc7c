"""Making VMs and forgetting them, and the volumes that come and go with them."""

import libvirt

from anypool.drivers.libvirt import making, pools, trouble, xml_domain, xml_read, xml_vm
from anypool.drivers.libvirt.part import Part, long
from anypool.drivers.libvirt.xml_write import document
from anypool.drivers.protocol import Spared
from anypool.errors import Conflict, NotFound
from anypool.model import VM_DOWN, DatastoreId, Disk, HostId, VmId, VmWish


class Create(Part):
    """The operations that make and forget."""

    @long
    def create_vm(self, wish: VmWish, host: HostId, tag: str) -> None:
        """Make the volumes and define the VM; a repetition by the same step is quiet."""
        xml_domain.check(wish)
        self.check_host(host)
        if self._made_before(wish, tag):
            making.forget_mark(self.volumes, wish.disks, tag)
            return
        self.check_networks(wish.nics)
        with making.made(self.volumes, wish.disks, tag) as disks:
            taste = xml_domain.Taste.of(self.session.options)
            described = document(xml_domain.domain(wish, disks, self.platform, taste, tag))
            with self.session.doing(f"define VM {wish.name}") as connection:
                connection.defineXML(described)

    @long
    def delete_vm(self, vm: VmId, host: HostId, volumes: bool, spared: Spared = ()) -> None:
        """Forget a stopped VM, then its volumes; quiet if it is not there."""
        try:
            domain = self.find(vm, host)
        except NotFound:
            self.check_host(host)
            return
        if (state := self.state(domain)) not in VM_DOWN:
            raise Conflict(f"VM {domain.name()} is {state}", hint="stop it first")
        with self.session.reading(f"read VM {domain.name()}"):
            described = xml_read.parse(domain.XMLDesc(0))
        disks = xml_vm.disks(described, self._datastore_of) if volumes else ()
        self._undefine(domain, with_nvram=volumes)
        for disk in disks:
            if (disk.datastore, disk.volume) not in spared:
                self._delete_disk(disk)

    @long
    def discard_copy(self, vm: VmId, host: HostId) -> None:
        """End and forget one copy of a VM; quiet if it is not there."""
        try:
            domain = self.find(vm, host)
        except NotFound:
            self.check_host(host)
            return
        with self.session.doing(f"discard the copy of VM {domain.name()} on this host"):
            try:
                domain.destroyFlags(0)
            except libvirt.libvirtError as problem:
                if not (trouble.is_gone(problem) or _not_running(problem)):
                    raise
        self._undefine(domain, with_nvram=False)
        self.wait_for(lambda: not self._there(vm), f"discard VM {vm}")

    @long
    def delete_volume(self, datastore: DatastoreId, name: str) -> None:
        """Delete a volume; raise `Conflict` while a VM or a linked clone uses it."""
        found = self.volumes.find(datastore, name)
        if found is None:
            return
        user = self._user_of(str(found.path()))
        if user:
            raise Conflict(f"VM {user} uses volume {name}", hint="delete the VM first")
        clones = self.volumes.clones_of(self.pools.of(datastore), name)
        if clones:
            raise Conflict(f"{name} is the base of {', '.join(clones[:3])}", hint="keep it")
        self.volumes.delete(datastore, name)

    def mark_datastore(self, datastore: DatastoreId) -> None:
        """Write the marker into a datastore of this host's own; quiet if it bears one."""
        pool = self.pools.of(datastore)
        if not pool.shared:
            self.volumes.touch(datastore, pools.new_marker())
        self.pools.read(refresh=False)

    def _made_before(self, wish: VmWish, tag: str) -> bool:
        maker = self.maker_of(wish)
        if maker is None:
            with self.session.reading(f"look for VM {wish.name}") as connection:
                self._check_name_free(connection, wish.name)
            return False
        if maker == tag:
            return True
        raise Conflict(f"there is a VM {wish.id} on this host already", hint="observe it again")

    def _check_name_free(self, connection: libvirt.virConnect, name: str) -> None:
        try:
            connection.lookupByName(name)
        except libvirt.libvirtError as problem:
            if not trouble.is_gone(problem):
                raise
            return
        raise Conflict(f"there is a VM named {name} on this host already", hint="choose another")

    def _undefine(self, domain: libvirt.virDomain, *, with_nvram: bool) -> None:
        """Forget a VM; the variables of its UEFI, which may lie on shared storage, are volumes."""
        drop, keep = libvirt.VIR_DOMAIN_UNDEFINE_NVRAM, libvirt.VIR_DOMAIN_UNDEFINE_KEEP_NVRAM
        flags = (
            libvirt.VIR_DOMAIN_UNDEFINE_MANAGED_SAVE
            | libvirt.VIR_DOMAIN_UNDEFINE_SNAPSHOTS_METADATA
            | libvirt.VIR_DOMAIN_UNDEFINE_CHECKPOINTS_METADATA
            | (drop if with_nvram else keep)
        )
        with self.session.doing(f"forget VM {domain.name()}"):
            try:
                domain.undefineFlags(flags if self.platform.kind in ("qemu", "kvm") else 0)
            except libvirt.libvirtError as problem:
                if not (trouble.is_gone(problem) or _not_running(problem)):
                    raise

    def _there(self, vm: VmId) -> bool:
        try:
            self.session.vm(vm)
        except NotFound:
            return False
        return True

    def _datastore_of(self, path: str) -> DatastoreId | None:
        pool = self.pools.at(path)
        return pool.id if pool else None

    def _delete_disk(self, disk: Disk) -> None:
        if disk.datastore is None or disk.readonly or self._user_of(disk.path):
            return
        if not self.volumes.clones_of(self.pools.of(disk.datastore), disk.volume):
            self.volumes.delete(disk.datastore, disk.volume)

    def _user_of(self, path: str) -> str:
        """The name of a VM here that has the volume at `path` as a disk, "" if there is none."""
        with self.session.reading("read the VMs' disks") as connection:
            for domain in connection.listAllDomains(0):
                try:
                    described = xml_read.parse(domain.XMLDesc(0))
                except libvirt.libvirtError as problem:
                    if trouble.is_gone(problem):
                        continue
                    raise
                sources = described.findall("devices/disk")
                if path in (xml_vm.disk_path(disk) for disk in sources):
                    return str(domain.name())
        return ""


def _not_running(problem: libvirt.libvirtError) -> bool:
    return bool(problem.get_error_code() == libvirt.VIR_ERR_OPERATION_INVALID)
