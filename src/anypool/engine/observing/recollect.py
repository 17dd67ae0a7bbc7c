"""What the database knows of the pool, before anybody was asked."""

from collections.abc import Iterable

from msgspec.structs import replace

from anypool.engine.observing import merge
from anypool.engine.observing.ours import Ours
from anypool.engine.observing.picture import Picture
from anypool.model import VM_DOWN, HostId, StateReason, Vm, VmCopy, VmId, VmState
from anypool.store import Store, bookings, facts, ha, observed
from anypool.store.ha import Charge
from anypool.store.records import LastKnown


def recollected(store: Store) -> Picture:
    """Return what was last known; all of it UNKNOWN until it is read."""
    with store.reading() as tx:
        known = observed.load(tx)
        left, charges = ha.left(tx), ha.charges(tx)
        ours = Ours(
            {one.host: one for one in facts.hosts.all(tx)},
            {one.vm: one for one in facts.vms.all(tx)},
            {one.datastore: one for one in facts.datastores.all(tx)},
            bookings.booked_mib(tx),
            servers={one.server: one for one in facts.servers.all(tx)},
        )
        images = facts.images.all(tx)
        profiles = {one.id: one for one in facts.profiles.all(tx)}
    picture = Picture(ours)
    picture.remember(replace(known, vms=where_they_may_be(known, left, charges)))
    picture.put_images(images)
    picture.put_profiles(profiles)
    return picture


def where_they_may_be(
    known: LastKnown, left: Iterable[tuple[VmId, HostId]], charges: Iterable[Charge]
) -> tuple[Vm, ...]:
    """Return VMs with a copy also where they were sent or seen after they were last written.

    The journal is ahead of what was observed: a VM may have moved to a host that is silent now,
    and its old host says that it is stopped; or it was started where it was seen stopped.
    """
    runs_on = {one.vm: one for one in charges}
    hosts: dict[VmId, set[HostId]] = {}
    for vm, host in (*left, *((one.vm, one.host) for one in runs_on.values())):
        hosts.setdefault(vm, set()).add(host)
    found = []
    for one in known.vms:
        charge = runs_on.get(one.id)
        if charge is not None and charge.since >= known.seen_at.get(one.id, 0.0):
            one = _unsure(one, charge.host)
        more = sorted(hosts.get(one.id, set()) - merge.where(one))
        copies = (VmCopy(host=host, state=VmState.UNKNOWN) for host in more)
        found.append(replace(one, copies=(*one.copies, *copies)) if more else one)
    return tuple(found)


def _unsure(vm: Vm, host: HostId) -> Vm:
    """Return a VM that may have run on a host since it was seen to be down there."""
    if vm.host != host or vm.state not in VM_DOWN:
        return vm
    return replace(vm, state=VmState.UNKNOWN, reason=StateReason.NONE)
