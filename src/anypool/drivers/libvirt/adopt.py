"""Defining a VM anew on another host than the one that had it, with the volumes it has."""

from anypool.drivers.libvirt import xml_domain
from anypool.drivers.libvirt.leases import HostLeases
from anypool.drivers.libvirt.part import long
from anypool.drivers.libvirt.xml_domain import Placed
from anypool.drivers.libvirt.xml_write import document
from anypool.errors import Conflict, Rejected
from anypool.model import VM_ALIVE, DiskWish, HostId, Proof, VmWish


class Adopt(HostLeases):
    """The operation that brings a VM of a dead host back."""

    @long
    def adopt_vm(self, wish: VmWish, host: HostId, tag: str, proof: Proof) -> None:
        """Define the VM unless it is defined here, and start it; no volume is made or changed."""
        xml_domain.check(wish)
        self.check_host(host)
        if not self._defined(wish):
            self.check_networks(wish.nics)
            disks = tuple(self._placed(disk) for disk in wish.disks)
            taste = xml_domain.Taste.of(self.session.options)
            described = document(xml_domain.domain(wish, disks, self.platform, taste, tag))
            with self.session.doing(f"define VM {wish.name}") as connection:
                connection.defineXML(described)
        domain = self.find(wish.id, host)
        if self.state(domain) in VM_ALIVE:
            return
        self.vouch(domain, proof)
        with self.session.doing(f"start VM {wish.name}"):
            domain.createWithFlags(0)

    def _placed(self, wish: DiskWish) -> Placed:
        found = self.volumes.find(wish.datastore, wish.volume)
        if found is None:
            raise Rejected(
                f"there is no volume {wish.volume} on this host",
                hint="is its datastore shared, and mounted here?",
            )
        return Placed(wish=wish, path=self.volumes.finished(found))

    def _defined(self, wish: VmWish) -> bool:
        """Return whether the VM is defined here; raise `Conflict` for one that is not ours."""
        maker = self.maker_of(wish)
        if maker == "":
            raise Conflict(f"there is a VM {wish.id} on this host already", hint="observe it again")
        return maker is not None
