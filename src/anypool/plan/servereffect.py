"""What an action on a physical server does to the inventory, or why it cannot be done."""

from collections.abc import Iterable

from msgspec.structs import replace

from anypool.errors import Conflict
from anypool.model import (
    HOLDS_MEMORY,
    HostId,
    HostState,
    Inventory,
    Means,
    Port,
    Power,
    Profile,
    Server,
    ServerId,
    VmId,
    VmState,
)
from anypool.model.profile import mark_of
from anypool.plan.reason import Reason, reason
from anypool.plan.refuse import refuse
from anypool.plan.serveraction import (
    ApplyProfile,
    JoinHost,
    LeaveHost,
    PowerOffServer,
    PowerOnServer,
    ServerAction,
    VerifyServer,
    WithdrawProfile,
)


def served(inventory: Inventory, action: ServerAction) -> Inventory:
    """Return the inventory after one action; raise `Conflict` or `NotFound` if it cannot run."""
    if isinstance(action, WithdrawProfile) and action.stated is not None:
        return _released(inventory, action)  # also from a server that is not known any more
    if isinstance(action, ApplyProfile | WithdrawProfile) and action.means is Means.VM:
        return _virtual(inventory, action)
    server = inventory.server(action.server)
    match action:
        case PowerOffServer():
            return _off(inventory, server)
        case PowerOnServer():
            return inventory.with_server(replace(server, power=Power.ON))
        case ApplyProfile():
            return _apply(inventory, server, action)
        case WithdrawProfile():
            return _withdraw(inventory, server, action)
        case VerifyServer():
            return _seen(inventory, server, action)
        case JoinHost():
            return _join(inventory, server, action)
        case LeaveHost():
            return _leave(inventory, server)


def seen_off(inventory: Inventory, host: HostId) -> Inventory:
    """Return the inventory with the server that is a host off, where it is known as one."""
    server = inventory.servers.get(ServerId(host))
    off = None if server is None else replace(server, power=Power.OFF)
    return inventory if off is None else inventory.with_server(off)


def in_use(inventory: Inventory, server: Server) -> Reason | None:
    """Return why a server may not be switched off: it runs VMs, or is open for them."""
    host = inventory.hosts.get(server.host)
    if host is None or host.state is HostState.OFF:
        return None
    busy = sum(vm.state in HOLDS_MEMORY for vm in inventory.vms_on(host.id))
    if busy:
        return reason("bear.runs-vms", server=server.name, count=busy)
    return None if host.maintenance else reason("bear.open-host", server=server.name)


def _off(inventory: Inventory, server: Server) -> Inventory:
    if (why := in_use(inventory, server)) is not None:
        raise refuse(Conflict, why, reason("hint.evacuate"))
    host = inventory.hosts.get(server.host)
    if host is not None:
        inventory = inventory.with_host(replace(host, state=HostState.OFF))
    return inventory.with_server(replace(server, power=Power.OFF))


def _apply(inventory: Inventory, server: Server, action: ApplyProfile) -> Inventory:
    profile = inventory.profile(action.profile)
    if server.power is not Power.OFF:
        raise _refused(reason("bear.must-be-off", server=server.name))
    if profile.server is not None:
        raise _refused(reason("run.profile-elsewhere", profile=profile.name))
    if profile.epoch + 1 != action.epoch:
        raise _refused(reason("run.profile-epoch", profile=profile.name, epoch=profile.epoch))
    if (other := bearing(inventory, server)) is not None:
        raise _refused(reason("bear.has-another", server=server.name, profile=other.name))
    mark = mark_of(profile.id, action.epoch)
    if action.means is Means.NETBOOT:
        borne = replace(server, entered=mark)
    else:
        borne = _written(replace(server, bears=mark), profile)
    owned = replace(profile, server=server.id, epoch=action.epoch, means=action.means)
    return inventory.with_server(borne).with_profile(owned)


def _withdraw(inventory: Inventory, server: Server, action: WithdrawProfile) -> Inventory:
    profile = inventory.profile(action.profile)
    if profile.server != server.id or profile.epoch != action.epoch:
        raise _refused(reason("run.profile-elsewhere", profile=profile.name))
    free = inventory.with_profile(replace(profile, server=None, means=None))
    if server.power is not Power.OFF:
        raise _refused(reason("bear.leaves-off-only", server=server.name))
    return free.with_server(_own(replace(server, bears="", entered="")))


def _released(inventory: Inventory, action: WithdrawProfile) -> Inventory:
    """Return the inventory with a profile free that a person took from a dead server."""
    profile = inventory.profile(action.profile)
    if profile.server != action.server or profile.epoch != action.epoch:
        raise _refused(reason("run.profile-elsewhere", profile=profile.name))
    return inventory.with_profile(replace(profile, server=None, means=None))


def _virtual(inventory: Inventory, action: ApplyProfile | WithdrawProfile) -> Inventory:
    """Return the inventory with a profile that a VM bears, or none that is gone bears any more."""
    profile, vm = inventory.profile(action.profile), VmId(action.server)
    if vm in inventory.vms:
        there = inventory.vms[vm].name
        raise _refused(reason("bear.vm-there", vm=there, profile=profile.name))
    if isinstance(action, WithdrawProfile):
        if profile.server != action.server or profile.epoch != action.epoch:
            raise _refused(reason("run.profile-elsewhere", profile=profile.name))
        return inventory.with_profile(replace(profile, server=None, means=None))
    if profile.server is not None:
        raise _refused(reason("run.profile-elsewhere", profile=profile.name))
    if profile.epoch + 1 != action.epoch:
        raise _refused(reason("run.profile-epoch", profile=profile.name, epoch=profile.epoch))
    owned = replace(profile, server=action.server, epoch=action.epoch, means=Means.VM)
    return inventory.with_profile(owned)


def bearing(inventory: Inventory, server: Server) -> Profile | None:
    """Return the profile that a server owns, None if it owns none."""
    return next((one for one in inventory.profiles.values() if one.server == server.id), None)


def lent(profiles: Iterable[Profile]) -> frozenset[HostId]:
    """Return the hosts whose servers bear a profile that boots no hypervisor.

    Each was seen to be off since it ran VMs, and is something else since.
    """
    return frozenset(
        HostId(one.machine) for one in profiles if one.machine is not None and not one.hypervisor
    )


def _seen(inventory: Inventory, server: Server, action: VerifyServer) -> Inventory:
    if inventory.profile(action.profile).server != server.id:
        raise _refused(reason("run.profile-elsewhere", profile=_name(inventory, action)))
    return inventory


def _join(inventory: Inventory, server: Server, action: JoinHost) -> Inventory:
    profile = inventory.profile(action.profile)
    if profile.server != server.id or profile.epoch != action.epoch:
        raise _refused(reason("run.profile-elsewhere", profile=profile.name))
    if server.host in inventory.hosts:
        raise _refused(reason("join.is-host", server=server.name))
    named = (server.host, profile.name, action.endpoint, server.pool)
    host = replace(action.expects.host(*named), peer_uri=action.uri)  # it invites its neighbours
    joined = inventory.with_host(host)
    for one in inventory.hosts.values():
        if one.endpoint == action.endpoint:
            joined = _succeeded(joined, one.id, server.host)
    return joined


def _succeeded(inventory: Inventory, old: HostId, new: HostId) -> Inventory:
    """Return the inventory with a host gone that is on other hardware now, where its VMs are."""
    for vm in inventory.vms_on(old):
        there = vm.host if vm.host != old else new
        copies = tuple(one for one in vm.copies if one.host != old)
        state = VmState.STOPPED if vm.host == old else vm.state
        inventory = inventory.with_vm(replace(vm, host=there, state=state, copies=copies))
    return inventory.without_host(old)


def _leave(inventory: Inventory, server: Server) -> Inventory:
    host = inventory.hosts.get(server.host)
    if host is None:
        raise _refused(reason("join.no-host", server=server.name))
    if not host.maintenance:
        raise refuse(
            Conflict, reason("bear.open-host", server=server.name), reason("hint.evacuate")
        )
    return inventory.without_host(host.id)


def _written(server: Server, profile: Profile) -> Server:
    """Return a server whose ports use the addresses of a profile, the others their own."""
    left = {kind: list(profile.ports_of(kind)) for kind in {one.kind for one in server.adapters}}

    def port(kind: str, old: Port) -> Port:
        some = left.get(kind, [])  # type: ignore[call-overload]
        if not some:
            return old
        new = some.pop(0)
        return replace(old, address=new.address, node=new.node or old.node)

    adapters = tuple(
        replace(one, ports=tuple(port(one.kind, old) for old in one.ports))
        for one in server.adapters
    )
    return replace(server, adapters=adapters)


def _own(server: Server) -> Server:
    """Return a server whose ports use their own addresses."""
    adapters = tuple(
        replace(one, ports=tuple(replace(p, address=p.permanent or p.address) for p in one.ports))
        for one in server.adapters
    )
    return replace(server, adapters=adapters)


def _name(inventory: Inventory, action: VerifyServer) -> str:
    return inventory.profile(action.profile).name


def _refused(why: Reason) -> Conflict:
    return refuse(Conflict, why, reason("hint.profile-state"))
