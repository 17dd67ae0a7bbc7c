"""Everything about the pool that its endpoints do not say, and how it is laid over what they do."""

from msgspec import Struct
from msgspec.structs import replace

from anypool.engine.observing import merge
from anypool.model import DatastoreId, Host, HostId, Power, ServerId, VmId
from anypool.store.records import DatastoreFacts, HostFacts, ServerFacts, VmFacts


class Ours(Struct, frozen=True, gc=False):
    """Facts of ours, memory that is booked, and for each host with a BMC what that says."""

    hosts: dict[HostId, HostFacts] = {}
    vms: dict[VmId, VmFacts] = {}
    datastores: dict[DatastoreId, DatastoreFacts] = {}
    booked_mib: dict[HostId, int] = {}
    power: dict[HostId, Power | None] = {}
    servers: dict[ServerId, ServerFacts] = {}

    def over(self, host: Host, *, current: bool) -> Host:
        """Return a host with all of it; `current` is false if its endpoint does not answer."""
        shown = merge.lay_over_host(host, self.hosts.get(host.id), current=current)
        if (power := self.power.get(host.id)) is not None:
            shown = merge.lay_over_power(shown, power, current=current)
        booked = self.booked_mib.get(host.id, 0)
        return replace(shown, booked_mib=booked) if booked else shown
