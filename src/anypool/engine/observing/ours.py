"""Everything about the pool that its endpoints do not say, and how it is laid over what they do."""

from collections.abc import Iterable, Mapping

from msgspec import Struct
from msgspec.structs import replace

from anypool.engine.observing import merge
from anypool.model import (
    DatastoreId,
    Host,
    HostId,
    HostState,
    Power,
    Profile,
    ProfileId,
    ServerId,
    Vm,
    VmId,
)
from anypool.plan.servereffect import lent
from anypool.store.records import DatastoreFacts, HostFacts, ServerFacts, VmFacts


class Ours(Struct, frozen=True, gc=False):
    """Facts of ours, memory that is booked, and for each host with a BMC what that says.

    `lent` are hosts whose servers bear a profile: as hosts they are off, whatever their power.
    """

    hosts: dict[HostId, HostFacts] = {}
    vms: dict[VmId, VmFacts] = {}
    datastores: dict[DatastoreId, DatastoreFacts] = {}
    booked_mib: dict[HostId, int] = {}
    power: dict[HostId, Power | None] = {}
    servers: dict[ServerId, ServerFacts] = {}
    lent: set[HostId] = set()

    def lend(self, profiles: Mapping[ProfileId, Profile]) -> frozenset[HostId]:
        """Take who bears profiles now; return the hosts that are lent since, or no longer."""
        changed = lent(profiles.values()) ^ self.lent
        self.lent.symmetric_difference_update(changed)
        return changed

    def may_hold(self, vm: Vm, hosts: Iterable[Host]) -> bool:
        """Return whether a VM could be on one of some silent hosts."""
        return merge.may_hold(vm, (one for one in hosts if one.id not in self.lent))

    def over(self, host: Host, *, current: bool) -> Host:
        """Return a host with all of it; `current` is false if its endpoint does not answer."""
        shown = merge.lay_over_host(host, self.hosts.get(host.id), current=current)
        if (power := self.power.get(host.id)) is not None:
            shown = merge.lay_over_power(shown, power, current=current)
        if host.id in self.lent and not current:
            shown = replace(shown, state=HostState.OFF)
        booked = self.booked_mib.get(host.id, 0)
        return replace(shown, booked_mib=booked) if booked else shown
