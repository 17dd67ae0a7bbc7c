"""Reading a vCenter: whole, and single VMs."""

from anypool.drivers.vsphere import hosts, properties, vms
from anypool.drivers.vsphere.part import Part
from anypool.model import Capability, EndpointInfo, Frame, VmId


class Observe(Part):
    """The operations that only read."""

    def info(self) -> EndpointInfo:
        """Say what answers here."""
        about = self.session.read("ask what it is", lambda root: root.about)
        self.mirror.refresh()
        return EndpointInfo(
            product=str(about.name),
            version=str(about.version),
            hosts=tuple(sorted(self.inventory().host_ids.values())),
        )

    def observe(self) -> Frame:
        """Bring the mirror up to date and tell all of it."""
        self.mirror.refresh()
        self.tags.refresh()
        self.name_fields(self.mirror.entries().values())
        seen = self.inventory()
        endpoint = self.session.endpoint
        return Frame(
            full=True,
            hosts=tuple(hosts.hosts(seen, endpoint, *self._offer())),
            vms=tuple(vms.vm(seen, moid, entry) for moid, entry in seen.of(properties.VM)),
            datastores=tuple(hosts.datastores(seen, endpoint.id)),
            volumes=tuple(vms.volumes(seen)),
            networks=tuple(hosts.networks(seen, endpoint.id)),
        )

    def _offer(self) -> tuple[frozenset[Capability], str]:
        """Return what its hosts can do, and how VMs come to them from other vCenters."""
        if uri := self.session.peer_uri:
            return self.capabilities, uri
        return self.capabilities - {Capability.INVITATION}, ""

    def observe_vms(self, vms_asked: tuple[VmId, ...]) -> Frame:
        """Ask for some VMs now."""
        found = self.read_now(vms_asked)
        self.name_fields(entry for _, entry in found.values())
        seen = self.inventory()
        return Frame(
            full=False,
            vms=tuple(vms.vm(seen, *found[vm]) for vm in vms_asked if vm in found),
            missing=tuple(vm for vm in vms_asked if vm not in found),
        )
