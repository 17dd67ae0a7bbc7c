"""Letting what a profile is run where it is, or come to somebody who may bear it; and end. Pure."""

from msgspec import Struct

from anypool.errors import Conflict, NoPlan
from anypool.model import (
    VM_ALIVE,
    VM_DOWN,
    Bearer,
    Inventory,
    Means,
    Power,
    ProbeKind,
    Profile,
    ProfileId,
    Ready,
    ReadyKind,
    VmId,
)
from anypool.plan import (
    AwaitReady,
    HostOpen,
    MemoryFree,
    PowerOffServer,
    PowerOnServer,
    StartVm,
    Step,
    StopVm,
    VerifyServer,
    VmIs,
    reason,
    refuse,
)
from anypool.planner.profiles.assign import plan_bring
from anypool.planner.profiles.leaving import Leaving, Seen
from anypool.planner.profiles.moving import Virtual, plan_to_vm
from anypool.planner.profiles.steps import Steps
from anypool.planner.rules import NO_RULES, Rulebook


class Borne(Struct, frozen=True, kw_only=True):
    """A component that is a profile: who may bear it, and the VM that would, where one may."""

    profile: ProfileId
    bearer: Bearer = Bearer.EITHER
    virtual: Virtual | None = None
    seen: Seen = Seen()


def start_borne(inventory: Inventory, one: Borne, rules: Rulebook = NO_RULES) -> tuple[Step, ...]:
    """Return the steps that let a profile run: where it is, else on a server, else as a VM.

    Raise `Conflict` or `NoPlan` where it cannot.
    """
    profile = inventory.profile(one.profile)
    if profile.vm is not None:
        return _start_vm(inventory, profile, profile.vm, one.seen)
    if profile.server is not None:
        return _start_server(inventory, profile, one.seen)
    if one.bearer is not Bearer.VM:
        try:
            return plan_bring(inventory, profile.id, None, Leaving(), one.seen).steps
        except (Conflict, NoPlan):
            if one.bearer is Bearer.SERVER or one.virtual is None:
                raise
    assert one.virtual is not None
    return plan_to_vm(inventory, profile.id, one.virtual, Leaving(), rules).steps


def stop_borne(inventory: Inventory, profile: Profile) -> tuple[Step, ...]:
    """Return the step that shuts down who bears a profile, which stays there; none if it is off."""
    steps = Steps()
    vm = None if profile.vm is None else inventory.vms.get(profile.vm)
    if vm is not None and vm.host is not None and vm.state in VM_ALIVE:
        steps.add(StopVm(vm=vm.id, host=vm.host), reason("serve.stop-first"))
        steps.holds(VmIs(vm=vm.id, host=vm.host, states=VM_ALIVE))
    elif profile.machine is not None:
        server = inventory.servers.get(profile.machine)
        if server is None or server.power is not Power.OFF:
            steps.add(PowerOffServer(server=profile.machine), reason("serve.stop-first"))
    return tuple(steps.made)


def _start_server(inventory: Inventory, profile: Profile, seen: Seen) -> tuple[Step, ...]:
    assert profile.server is not None
    steps, server = Steps(), inventory.server(profile.server)
    if server.power is not Power.ON:
        boot = "Pxe" if profile.means is Means.NETBOOT else ""
        steps.add(PowerOnServer(server=server.id, boot=boot), reason("bear.starts"))
    there = VerifyServer(
        server=server.id,
        profile=profile.id,
        epoch=profile.epoch,
        within_s=seen.within_s,
        probe=seen.probe,
    )
    steps.add(there, reason("bear.seen", profile=profile.name), steps.last)
    return tuple(steps.made)


def _start_vm(inventory: Inventory, profile: Profile, key: VmId, seen: Seen) -> tuple[Step, ...]:
    vm = inventory.vms.get(key)
    if vm is None or vm.host is None:
        raise refuse(NoPlan, reason("bear.vm-gone", profile=profile.name), reason("hint.vm-lost"))
    steps = Steps()
    if vm.state in VM_DOWN:
        steps.add(StartVm(vm=vm.id, host=vm.host), reason("bear.vm-starts"))
        steps.holds(
            VmIs(vm=vm.id, host=vm.host, states=VM_DOWN),
            HostOpen(host=vm.host),
            MemoryFree(host=vm.host, memory_mib=vm.memory_mib),
        )
    elif vm.state not in VM_ALIVE:
        raise refuse(Conflict, reason("is.vm", vm=vm.name, state=vm.state))
    if seen.probe.kind is not ProbeKind.NONE:
        ready = Ready(when=ReadyKind.PROBE, timeout_s=seen.within_s)
        waiting = AwaitReady(
            vm=vm.id, host=vm.host, name=profile.name, ready=ready, probe=seen.probe
        )
        steps.add(waiting, reason("bear.seen", profile=profile.name), steps.last)
    return tuple(steps.made)
