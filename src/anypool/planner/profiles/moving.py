"""Bringing a profile to a virtual machine: the same identity, the same central disk. Pure.

The VM has the MACs of the profile and no disk: it boots from the network as a server does, by
the same entry of the same boot host. The profile is the VM's before that is made, so that nobody
who reads the records finds it free while it may be in use.
"""

from msgspec import Struct

from anypool.errors import Conflict
from anypool.model import (
    AdapterKind,
    HostId,
    Inventory,
    Means,
    ProbeKind,
    Profile,
    ProfileId,
    Ready,
    ReadyKind,
    VmWish,
)
from anypool.model.profile import BootWay, bearer_of, boots_there
from anypool.plan import (
    ApplyProfile,
    AwaitReady,
    CreateVm,
    HostOpen,
    Plan,
    Reason,
    VmAbsent,
    digest,
    plain,
    reason,
    refuse,
    say,
)
from anypool.planner.evacuate import no_plan
from anypool.planner.operate import choice_of, no_place, start_after, wished
from anypool.planner.place import Choice, Wanted
from anypool.planner.profiles.leaving import Leaving, Seen, bearer_name, leave
from anypool.planner.profiles.steps import Steps
from anypool.planner.rules import NO_RULES, Rulebook


class Virtual(Struct, frozen=True, kw_only=True):
    """The VM that is to bear a profile, on `host` or on the best one of the profile's pool."""

    wish: VmWish
    host: HostId | None = None
    seen: Seen = Seen()


def against_virtual(profile: Profile) -> Reason | None:
    """Return why no VM can bear a profile, None if one can."""
    if profile.ports_of(AdapterKind.FC):
        return reason("bear.vm-fc")
    if not boots_there(profile) and BootWay.NETWORK not in profile.boot:
        return reason("bear.vm-disk")
    return None


def plan_to_vm(
    inventory: Inventory,
    profile_id: ProfileId,
    asked: Virtual,
    how: Leaving,
    rules: Rulebook = NO_RULES,
) -> Plan:
    """Return the steps that bring a profile to a VM that is made for it.

    Raise `Conflict` where no VM can bear it or one does, `NoPlan` with each host's reason.
    """
    profile = inventory.profile(profile_id)
    if profile.vm is not None:
        there = bearer_name(inventory, profile)
        why = reason("bear.vm-already", profile=profile.name, vm=there)
        raise refuse(Conflict, why, reason("hint.vm-already"))
    if (against := against_virtual(profile)) is not None:
        raise refuse(Conflict, reason("no.profile-vm", profile=profile.name, why=against))
    choice, where = _placed(inventory, profile, asked, rules)
    steps = Steps()
    if profile.server is not None:
        leave(steps, inventory, profile, how)
    _make(steps, profile, asked, where)
    _await(steps, profile, asked, where[0])
    name = inventory.host(where[0]).name
    aim = reason("aim.assign-vm", profile=profile.name, host=name)
    if profile.server is not None:
        source = bearer_name(inventory, profile)
        aim = reason("aim.move-to-vm", profile=profile.name, source=source, host=name)
    return Plan(
        goal=say(aim),
        aim=aim,
        steps=tuple(steps.made),
        rejected=choice.refused,
        based_on=digest(inventory),
    )


def _placed(
    inventory: Inventory, profile: Profile, asked: Virtual, rules: Rulebook
) -> tuple[Choice, tuple[HostId, Reason]]:
    """Return which host of the profile's pool takes the VM, and why; raise `NoPlan` if none."""
    vm = wished(asked.wish)
    world = inventory.patched_vms({vm.id: vm})
    bound = rules.joined_by((vm,), world)
    elsewhere = {one.id: one for one in inventory.hosts.values() if one.pool != profile.pool}
    if asked.host in elsewhere:
        pool = elsewhere[asked.host].pool
        why = reason("bear.other-pool", server=elsewhere[asked.host].name, pool=pool)
        told = reason("no.profile-vm", profile=profile.name, why=why)
        raise no_plan(told, reason("hint.profile-state"), [(plain(asked.host), why)])
    wanted = Wanted(rules=bound, avoid=frozenset(elsewhere))
    choice = choice_of(world, vm, asked.host, wanted)
    if choice.host is None or choice.why is None:
        raise no_place(inventory, vm, choice, bound)
    return choice, (choice.host, choice.why)


def _make(steps: Steps, profile: Profile, asked: Virtual, where: tuple[HostId, Reason]) -> None:
    """Add what gives the profile to the VM, makes that and starts it."""
    wish, host = asked.wish, where[0]
    epoch = profile.epoch + 1
    given = ApplyProfile(profile=profile.id, server=bearer_of(wish.id), epoch=epoch, means=Means.VM)
    steps.add(given, reason("bear.vm-first", profile=profile.name), steps.last)
    number = steps.add(CreateVm(wish=wish, host=host), where[1], steps.last)
    steps.holds(VmAbsent(vm=wish.id), HostOpen(host=host))
    start = start_after(steps.made[-1], wish, host)
    steps.add(start.action, reason("bear.vm-starts"), number)
    steps.holds(*start.valid_while)


def _await(steps: Steps, profile: Profile, asked: Virtual, host: HostId) -> None:
    """Add what sees that it is there: its probe answers."""
    seen = asked.seen
    if seen.probe.kind is ProbeKind.NONE:
        return
    ready = Ready(when=ReadyKind.PROBE, timeout_s=seen.within_s)
    waiting = AwaitReady(
        vm=asked.wish.id, host=host, name=profile.name, ready=ready, probe=seen.probe
    )
    steps.add(waiting, reason("bear.seen", profile=profile.name), steps.last)
