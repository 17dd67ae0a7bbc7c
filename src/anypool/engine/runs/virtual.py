"""What to do next about a profile that a virtual machine is to bear, or no more: pure.

The same rule as for servers: the profile is the VM's before anything of it is made, and leaves it
only when the VM is gone from every host that knew it; no address is used in two places.
"""

from anypool.engine.runs.decision import Act, Decision, Deed, Done, Fail, Memory, Wait
from anypool.engine.runs.sight import Sight
from anypool.model import Inventory, Power, Profile, VmId, VmState
from anypool.model.profile import mark_of
from anypool.plan import ApplyProfile, Reason, WithdrawProfile, reason

AGAIN_S = 60.0
"""An order of which nothing came for so long is given once more."""


def of_virtual(
    action: ApplyProfile | WithdrawProfile, sight: Sight, memory: Memory, *, acked: bool
) -> Decision:
    """Return what to do about a profile that a VM is to bear, or no more."""
    profile = sight.inventory.profiles.get(action.profile)
    if profile is None:
        return Fail(reason("run.profile-gone"))
    vm = sight.inventory.vms.get(VmId(action.server))
    if not sight.boots:
        return Wait(reason("run.boot-host-silent", server=profile.name))
    if isinstance(action, WithdrawProfile):
        if profile.server != action.server or profile.epoch != action.epoch:
            return Fail(reason("run.profile-elsewhere", profile=profile.name))
        if vm is not None:
            there = reason("bear.vm-there", vm=vm.name, profile=profile.name)
            unclear = not sight.answered or vm.state is VmState.UNKNOWN
            return Wait(there) if unclear else Fail(there)
        if sight.void is not None:
            return Wait(sight.void)
        return _told(profile, memory, done=not sight.entered, acked=acked)
    if (why := _not_its(action, profile)) is not None:
        return Fail(why)
    if vm is not None:
        return Fail(reason("bear.vm-there", vm=vm.name, profile=profile.name))
    if (why := _in_use(sight.inventory, profile)) is not None:
        return Fail(why)
    wanted = mark_of(profile.id, action.epoch) if sight.serves else ""
    done = memory.sent and sight.entered == wanted
    return _told(profile, memory, done=done, acked=acked)


def _told(profile: Profile, memory: Memory, *, done: bool, acked: bool) -> Decision:
    """Return that the boot host is told, where it does not show it yet."""
    if done:
        return Done()
    if not memory.sent:
        return Act(Deed.PERFORM, None)
    waits = reason("run.profile-not-seen", server=profile.name, profile=profile.name)
    return Act(Deed.PERFORM, waits, AGAIN_S if acked else 0.0)


def _not_its(action: ApplyProfile, profile: Profile) -> Reason | None:
    """Return why a profile is not this VM's to bear in this epoch."""
    if profile.server is not None:
        mine = profile.server == action.server and profile.epoch == action.epoch
        return None if mine else reason("run.profile-elsewhere", profile=profile.name)
    if profile.epoch + 1 != action.epoch:
        return reason("run.profile-epoch", profile=profile.name, epoch=profile.epoch)
    return None


def _in_use(inventory: Inventory, profile: Profile) -> Reason | None:
    """Return which of the VM's addresses a server that is on uses, or another VM has."""
    mine = {*profile.virtual_macs, *profile.addresses}
    for server in sorted(inventory.servers.values(), key=lambda one: one.name):
        used = {port.address for port in server.ports} & mine
        if used and server.power is not Power.OFF:
            places = (profile.name, server.name)
            return reason("run.address-twice", address=min(used), places=places)
    for vm in inventory.vms.values():
        if used := {nic.mac for nic in vm.nics} & mine:
            return reason("run.address-twice", address=min(used), places=(profile.name, vm.name))
    return None
