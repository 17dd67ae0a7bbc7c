"""Snapshots: internal ones, kept in the VM's qcow2 volumes, with memory if the VM runs."""

import libvirt

from anypool.drivers.libvirt import trouble, xml_snapshot
from anypool.drivers.libvirt.part import Part, long
from anypool.drivers.names import check_name
from anypool.errors import Conflict, Rejected
from anypool.model import HostId, VmId


class Snapshots(Part):
    """The operations on snapshots."""

    @long
    def create_snapshot(self, vm: VmId, host: HostId, name: str, tag: str) -> None:
        """Take a snapshot; one of that name by the same step is enough."""
        check_name("snapshot", name)
        domain = self.find(vm, host)
        with self.session.doing(f"take snapshot {name} of VM {domain.name()}"):
            for taken in xml_snapshot.read(domain):
                if taken.name == name and taken.tag == tag:
                    return
                if taken.name == name:
                    raise Conflict(
                        f"VM {domain.name()} has a snapshot {name} already",
                        hint="choose a new name",
                    )
            self._refuse_raw_disks(domain)
            domain.snapshotCreateXML(xml_snapshot.wish(name, tag), 0)

    @long
    def revert_snapshot(self, vm: VmId, host: HostId, name: str) -> None:
        """Return to a snapshot; a VM that ran when it was taken runs afterwards."""
        domain = self.find(vm, host)
        with self.session.doing(f"return VM {domain.name()} to snapshot {name}"):
            domain.revertToSnapshot(domain.snapshotLookupByName(name, 0), 0)

    @long
    def delete_snapshot(self, vm: VmId, host: HostId, name: str) -> None:
        """Forget a snapshot; quiet if it is not there."""
        domain = self.find(vm, host)
        with self.session.doing(f"forget snapshot {name} of VM {domain.name()}"):
            try:
                domain.snapshotLookupByName(name, 0).delete(0)
            except libvirt.libvirtError as problem:
                if not trouble.is_gone(problem):
                    raise

    def _refuse_raw_disks(self, domain: libvirt.virDomain) -> None:
        if self.platform.kind not in ("qemu", "kvm"):
            return
        raw = [
            disk.target
            for disk in self.reader.some([domain])[0].disks
            if disk.format != "qcow2" and not disk.readonly
        ]
        if raw:
            raise Rejected(
                f"VM {domain.name()} cannot have snapshots: {', '.join(raw)} is not qcow2",
                hint="only qcow2 volumes keep snapshots",
            )
