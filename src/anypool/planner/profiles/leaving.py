"""How a profile leaves who bears it, a server or a VM, and comes to a server: pure.

It leaves a server that was seen to be off, and a VM that is stopped and deleted: nothing of such
a VM is lost, since it has no disk of its own.
"""

from msgspec import Struct
from msgspec.structs import replace

from anypool.errors import Conflict, NoPlan
from anypool.model import (
    VM_ALIVE,
    HostState,
    Inventory,
    Power,
    Probe,
    Profile,
    Server,
    Stated,
    Vm,
    VmState,
)
from anypool.plan import (
    DeleteVm,
    PowerOffServer,
    Reason,
    StopHow,
    StopVm,
    VerifyServer,
    VmIs,
    reason,
    refuse,
)
from anypool.plan.serveraction import NO_PROBE
from anypool.planner.profiles.steps import Steps, bring, leaving, withdrawal

VERIFY_S = 600.0


class Leaving(Struct, frozen=True, kw_only=True):
    """How a profile leaves who bears it.

    `stated` stands for seeing a server off, or a VM gone; `force` asks no operating system.
    """

    stated: Stated | None = None
    force: bool = False


class Seen(Struct, frozen=True, kw_only=True):
    """What has to answer until a profile is where it is to be, and within how many seconds."""

    probe: Probe = NO_PROBE
    within_s: float = VERIFY_S


def bearer_name(inventory: Inventory, profile: Profile) -> str:
    """Return what people call who bears a profile, its id where nobody knows."""
    if profile.server is None:
        return ""
    if profile.vm is not None:
        known = inventory.vms.get(profile.vm)
        host = None if known is None or known.host is None else inventory.hosts.get(known.host)
        name = profile.server if known is None else known.name
        return name if host is None else f"{name} ({host.name})"
    server = inventory.servers.get(profile.server)
    return profile.server if server is None else server.name


def leave(steps: Steps, inventory: Inventory, profile: Profile, how: Leaving) -> None:
    """Add what takes a profile from who bears it; raise `Conflict` or `NoPlan` where it cannot."""
    key = profile.server
    assert key is not None
    if profile.vm is not None:
        _leave_vm(steps, inventory, profile, how)
        return
    server = inventory.servers.get(key)
    why = leaving(key if server is None else server.name, how.stated)
    if how.stated is None:
        steps.add(PowerOffServer(server=key, force=how.force), why, steps.last)
    steps.add(withdrawal(profile, key, how.stated), why, steps.last)


def _leave_vm(steps: Steps, inventory: Inventory, profile: Profile, how: Leaving) -> None:
    assert profile.vm is not None
    assert profile.server is not None
    vm = inventory.vms.get(profile.vm)
    if vm is None:
        _check_unseen(inventory, profile, how.stated)
        why = reason("bear.vm-gone", profile=profile.name)
    else:
        _stop_and_delete(steps, vm, force=how.force)
        why = reason("bear.vm-leaves-gone", vm=vm.name)
    steps.add(withdrawal(profile, profile.server, how.stated), why, steps.last)


def _check_unseen(inventory: Inventory, profile: Profile, stated: Stated | None) -> None:
    """Raise `NoPlan` where a VM that nobody shows may run on a host that nobody hears."""
    silent = sorted(
        one.name
        for one in inventory.hosts.values()
        if one.pool == profile.pool and one.state is HostState.UNKNOWN
    )
    if silent and stated is None:
        told = reason("bear.vm-unseen", profile=profile.name, hosts=tuple(silent[:5]))
        raise refuse(NoPlan, told, reason("hint.vm-unseen"))


def _stop_and_delete(steps: Steps, vm: Vm, *, force: bool) -> None:
    if vm.host is None or vm.state is VmState.UNKNOWN:
        raise refuse(Conflict, reason("is.vm", vm=vm.name, state=vm.state))
    why = reason("bear.vm-leaves-gone", vm=vm.name)
    if vm.state in VM_ALIVE:
        hard = force or vm.state is not VmState.RUNNING
        how = StopHow.POWER_OFF if hard else StopHow.SHUT_DOWN
        steps.add(StopVm(vm=vm.id, host=vm.host, how=how), why, steps.last)
        steps.holds(VmIs(vm=vm.id, host=vm.host, states=VM_ALIVE))
    steps.add(DeleteVm(vm=vm.id, host=vm.host), why, steps.last)


def come(
    steps: Steps, profile: Profile, server: Server, why: Reason, seen: Seen | None = None
) -> None:
    """Add what brings a profile that is free by then to a server, and sees that it works there.

    `seen` is what has to answer, the profile's own probe where that is None.
    """
    if server.power is not Power.OFF:
        off = PowerOffServer(server=server.id)
        steps.add(off, reason("bear.must-be-off", server=server.name), steps.last)
    bring(steps, profile, server, (why, reason("bear.starts")), (steps.last,))
    last = steps.made[-1]
    if seen is not None and isinstance(last.action, VerifyServer):
        action = replace(last.action, within_s=seen.within_s, probe=seen.probe)
        steps.made[-1] = replace(last, action=action)
