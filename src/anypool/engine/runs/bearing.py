"""What to do next about a step on a physical server: pure, from a sight to a decision.

The iron rule is judged here once more, whatever was planned: a profile leaves a server only with
proof that it is off, comes only to one that is off, and no address is used in two places.
"""

from anypool.engine.runs import joining
from anypool.engine.runs.decision import Act, Decision, Deed, Done, Fail, Memory, Wait
from anypool.engine.runs.migration import Times
from anypool.engine.runs.sight import Sight
from anypool.engine.runs.virtual import AGAIN_S
from anypool.model import Inventory, Means, Power, Profile, Server, ServerAbility
from anypool.model.profile import boots_there, mark_of
from anypool.plan import (
    ApplyProfile,
    JoinHost,
    LeaveHost,
    PowerOffServer,
    PowerOnServer,
    Reason,
    ServerAction,
    VerifyServer,
    WithdrawProfile,
    reason,
)
from anypool.plan.servereffect import bearing, in_use

_DO = Act(Deed.PERFORM, None)
_OfKnown = PowerOffServer | PowerOnServer | ApplyProfile | WithdrawProfile | VerifyServer | JoinHost


def of_server(
    action: ServerAction, sight: Sight, about: tuple[Memory, Times], *, acked: bool
) -> Decision:
    """Return what to do about a step on a server."""
    if isinstance(action, WithdrawProfile) and action.stated is not None:
        return _released(action, sight, about[0], acked=acked)
    server = sight.inventory.servers.get(action.server)
    if server is None:
        return Fail(reason("run.server-gone"))
    if isinstance(action, LeaveHost):
        return joining.of_leaving(action, server, sight)
    if (silent := _silent(action, server, sight)) is not None:
        return silent
    return _of_known(action, server, sight, about, acked=acked)


def _silent(action: ServerAction, server: Server, sight: Sight) -> Decision | None:
    """Return that somebody who has a say does not answer, None if all do."""
    if sight.power is Power.UNKNOWN or not sight.answered:
        leaves = isinstance(action, PowerOffServer | WithdrawProfile)
        code = "run.bmc-mute" if leaves else "bear.power-unknown"
        return Wait(reason(code, server=server.name))
    if not sight.boots:
        return Wait(reason("run.boot-host-silent", server=server.name))
    return None


def _of_known(
    action: _OfKnown,
    server: Server,
    sight: Sight,
    about: tuple[Memory, Times],
    *,
    acked: bool,
) -> Decision:
    memory = about[0]
    match action:
        case PowerOffServer():
            return _off(action, server, sight, about, acked=acked)
        case PowerOnServer():
            return _on(server, sight, memory, acked=acked)
        case ApplyProfile():
            return _apply(action, server, sight, memory, acked=acked)
        case WithdrawProfile():
            return _withdraw(action, server, sight, memory, acked=acked)
        case VerifyServer():
            return _verify(action, server, sight)
        case JoinHost():
            return joining.of_joining(action, server, sight)


def _off(
    action: PowerOffServer,
    server: Server,
    sight: Sight,
    about: tuple[Memory, Times],
    *,
    acked: bool,
) -> Decision:
    memory, times = about
    if sight.power is Power.OFF:
        return Done()
    if (why := in_use(sight.inventory, server)) is not None:
        return Fail(why)
    waits = reason("run.server-not-off", server=server.name)
    if acked:
        return Act(Deed.FORCE_OFF, waits, AGAIN_S if action.force else times.host_off_s)
    return Act(Deed.PERFORM, waits, AGAIN_S) if memory.sent else _DO


def _on(server: Server, sight: Sight, memory: Memory, *, acked: bool) -> Decision:
    if sight.power is Power.ON:
        return Done()
    if (why := twice(sight.inventory, server, _used(server))) is not None:
        return Fail(why)
    waits = reason("run.server-not-on", server=server.name)
    return Act(Deed.PERFORM, waits, AGAIN_S) if acked or memory.sent else _DO


def _apply(
    action: ApplyProfile, server: Server, sight: Sight, memory: Memory, *, acked: bool
) -> Decision:
    profile = sight.inventory.profiles.get(action.profile)
    if profile is None:
        return Fail(reason("run.profile-gone"))
    if (why := _not_its(action, profile, server, sight.inventory)) is not None:
        return Fail(why)
    if sight.power is not Power.OFF:
        return Fail(reason("bear.must-be-off", server=server.name))
    if (why := twice(sight.inventory, server, set(profile.addresses))) is not None:
        return Fail(why)
    if not memory.sent:
        return _DO
    if borne(server, profile, action.epoch, action.means):
        return Done()
    waits = reason("run.profile-not-seen", server=server.name, profile=profile.name)
    return Act(Deed.PERFORM, waits, AGAIN_S if acked else 0.0)


def _not_its(
    action: ApplyProfile, profile: Profile, server: Server, inventory: Inventory
) -> Reason | None:
    """Return why a profile is not this server's to bear in this epoch."""
    if profile.server is not None:
        mine = profile.server == server.id and profile.epoch == action.epoch
        return None if mine else reason("run.profile-elsewhere", profile=profile.name)
    if profile.epoch + 1 != action.epoch:
        return reason("run.profile-epoch", profile=profile.name, epoch=profile.epoch)
    other = bearing(inventory, server)
    if other is None:
        return None
    return reason("bear.has-another", server=server.name, profile=other.name)


def _withdraw(
    action: WithdrawProfile, server: Server, sight: Sight, memory: Memory, *, acked: bool
) -> Decision:
    profile = sight.inventory.profiles.get(action.profile)
    if profile is None:
        return Fail(reason("run.profile-gone"))
    if profile.server != server.id or profile.epoch != action.epoch:
        return Fail(reason("run.profile-elsewhere", profile=profile.name))
    if sight.power is Power.ON:
        return Fail(reason("run.profile-on", server=server.name))
    if sight.void is not None:
        still = sight.void.code == "run.still-answers"
        return Wait(sight.void if still else reason("run.profile-second", server=server.name))
    if bare(server, profile):
        return Done()
    waits = reason("run.profile-not-seen", server=server.name, profile=server.name)
    return Act(Deed.PERFORM, waits, AGAIN_S) if acked and memory.sent else _DO


def _released(action: WithdrawProfile, sight: Sight, memory: Memory, *, acked: bool) -> Decision:
    """Return whether a profile leaves a server that a person says is dead.

    Nothing is written into the server; a boot host takes the disk of the profile from it.
    """
    profile = sight.inventory.profiles.get(action.profile)
    if profile is None:
        return Fail(reason("run.profile-gone"))
    if profile.server != action.server or profile.epoch != action.epoch:
        return Fail(reason("run.profile-elsewhere", profile=profile.name))
    if sight.void is not None:
        return Fail(sight.void)
    server = sight.inventory.servers.get(action.server)
    if server is None or ServerAbility.BOOT_HOST not in server.abilities:
        return Done()
    if not sight.boots:
        return Wait(reason("run.boot-host-silent", server=server.name))
    if server.entered != mark_of(profile.id, action.epoch):
        return Done()
    waits = reason("run.profile-not-seen", server=server.name, profile=server.name)
    return Act(Deed.PERFORM, waits, AGAIN_S) if acked and memory.sent else _DO


def _verify(action: VerifyServer, server: Server, sight: Sight) -> Decision:
    profile = sight.inventory.profiles.get(action.profile)
    if profile is None:
        return Fail(reason("run.profile-gone"))
    if profile.server != server.id or profile.epoch != action.epoch:
        return Fail(reason("run.profile-elsewhere", profile=profile.name))
    if (why := twice(sight.inventory, server, _used(server))) is not None:
        return Fail(why)
    if sight.power is Power.ON and borne(server, profile, action.epoch, profile.means):
        if sight.unready:
            return Wait(reason("run.no-service", profile=profile.name, why=sight.unready))
        return Done()
    return Wait(reason("run.profile-not-seen", server=server.name, profile=profile.name))


def borne(server: Server, profile: Profile, epoch: int, means: Means | None) -> bool:
    """Return whether a server shows that it bears a profile in an epoch, by its means.

    One that can keep the mark shows that; of another its ports are compared. Where a boot host
    has a part in it that must show it too.
    """
    mark = mark_of(profile.id, epoch)
    if means is Means.NETBOOT:
        return server.entered == mark
    if ServerAbility.BOOT_HOST in server.abilities and boots_there(profile):
        if server.entered != mark:
            return False
    elif server.entered:
        return False
    if server.bears:
        return server.bears == mark
    wanted = {port.address for port in profile.ports}
    return bool(wanted) and wanted <= _used(server)


def bare(server: Server, profile: Profile) -> bool:
    """Return whether a server shows nothing of a profile any more."""
    if server.bears or server.entered:
        return False
    return not set(profile.addresses) & _used(server)


def twice(inventory: Inventory, server: Server, addresses: set[str]) -> Reason | None:
    """Return which address would be in use twice: at another server that is on, or at a VM."""
    places: dict[str, list[str]] = {}
    for other in inventory.servers.values():
        if other.id != server.id and other.power is Power.ON:
            for address in sorted(_used(other) & addresses):
                places.setdefault(address, []).append(other.name)
    for vm in inventory.vms.values():
        for nic in vm.nics:
            if nic.mac in addresses:
                places.setdefault(nic.mac, []).append(vm.name)
    for address, names in sorted(places.items()):
        found = tuple(sorted([server.name, *names]))
        return reason("run.address-twice", address=address, places=found)
    return None


def _used(server: Server) -> set[str]:
    return {text for port in server.ports for text in (port.address,) if text}
