"""A server becomes a host of its pool by a profile that boots a hypervisor, and leaves it: pure.

The profile comes to the server, that is seen as the profile, joins, and is seen to reach what all
hosts of its pool reach; only then VMs are made there. It leaves empty, and off.
"""

from collections.abc import Iterable
from functools import reduce
from typing import TypeVar

from msgspec.structs import replace

from anypool.errors import Conflict
from anypool.model import (
    EndpointId,
    Host,
    HostState,
    HostWish,
    Inventory,
    Profile,
    ProfileId,
    Server,
    ServerId,
    VmWish,
)
from anypool.plan import (
    ApplyProfile,
    JoinHost,
    LeaveHost,
    Plan,
    PowerOffServer,
    Reason,
    Step,
    VerifyHost,
    digest,
    outcome,
    plain,
    reason,
    refuse,
    say,
)
from anypool.plan.servereffect import bearing
from anypool.planner.evacuate import no_plan, plan_evacuation
from anypool.planner.operate import plan_create
from anypool.planner.profiles.assign import plan_assign
from anypool.planner.profiles.steps import Steps, leaving, withdrawal
from anypool.planner.rules import NO_RULES, Rulebook

VERIFY_S = 120.0
T = TypeVar("T")


def plan_make_host(
    inventory: Inventory,
    profile_id: ProfileId,
    server_id: ServerId | None,
    wishes: tuple[VmWish, ...] = (),
    rules: Rulebook = NO_RULES,
) -> Plan:
    """Return the steps that make a server, or the best spare, a host on which VMs then run.

    Raise `NoPlan` with what servers or the host are short of, `Conflict` where one is taken.
    """
    profile = inventory.profile(profile_id)
    _check(profile, inventory)
    brought = plan_assign(inventory, profile_id, server_id)
    server = _server_of(brought, inventory)
    if server.host in inventory.hosts:
        told = reason("join.is-host", server=server.name)
        raise refuse(Conflict, told, reason("hint.is-host"))
    steps = Steps()
    steps.made = list(brought.steps)
    add_joining(steps, inventory, profile, server, (answers(profile), None))
    rejected = brought.rejected
    if wishes:
        world = outcome(replace(brought, steps=tuple(steps.made)), inventory)
        made = plan_create(world, wishes, rules, host=server.host, start=True)
        steps.made += _after(made.steps, steps.last)
        rejected += made.rejected
    aim = reason("aim.make-host", server=server.name, profile=profile.name)
    return Plan(
        goal=say(aim),
        aim=aim,
        steps=tuple(steps.made),
        rejected=rejected,
        based_on=digest(inventory),
    )


def answers(profile: Profile) -> Reason:
    """Return when a server that bears a profile is taken for the host that this makes of it."""
    return reason("join.answers", profile=profile.name)


def add_joining(
    steps: Steps,
    inventory: Inventory,
    profile: Profile,
    server: Server,
    about: tuple[Reason, Host | None],
) -> None:
    """Add what takes a server into its pool as a host, and sees that it reaches what others do.

    `about` is why, and the host that it was on other hardware, if it was.
    """
    why, before = about
    wish = expected(inventory, server, before)
    join = JoinHost(
        server=server.id,
        profile=profile.id,
        epoch=profile.epoch + 1,
        endpoint=EndpointId(profile.name),
        uri=uri_of(profile),
        expects=wish,
    )
    steps.add(join, why, steps.last)
    reaches = VerifyHost(
        host=server.host,
        within_s=VERIFY_S,
        datastores=wish.datastores,
        networks=wish.networks,
    )
    peers = _peers(inventory, server.pool, before)
    others = reason("join.as-others", count=len(peers)) if peers else reason("join.first")
    steps.add(reaches, others, steps.last)


def joined(inventory: Inventory, profile_id: ProfileId, server_id: ServerId | None) -> Inventory:
    """Return the pool as it is expected once a server has joined; raise as `plan_make_host`."""
    plan = plan_make_host(inventory, profile_id, server_id)
    return outcome(plan, inventory)


def plan_retire_host(inventory: Inventory, server_id: ServerId, rules: Rulebook = NO_RULES) -> Plan:
    """Return the steps that empty a host, take it out of its pool and switch its server off.

    Raise `NoPlan` with what cannot leave, `Conflict` where it is no host by a profile.
    """
    server = inventory.server(server_id)
    profile = bearing(inventory, server)
    host = inventory.hosts.get(server.host)
    if host is None or profile is None or not profile.hypervisor:
        told = reason("join.no-host", server=server.name)
        raise refuse(Conflict, told, reason("hint.profile-state"))
    if host.endpoint != profile.name:
        told = reason("join.other-way", server=server.name, endpoint=host.endpoint)
        raise refuse(Conflict, told, reason("hint.profile-state"))
    if host.state is not HostState.UP:
        raise _stays(server, reason("join.unknown-host", server=server.name))
    left = [vm for vm in inventory.vms_on(host.id) if vm not in inventory.holding(host.id)]
    if left:
        names = tuple(vm.name for vm in left[:5])
        raise _stays(server, reason("join.has-vms", server=server.name, vms=names, count=len(left)))
    steps = Steps()
    emptied = None if host.maintenance else plan_evacuation(inventory, host.id, rules)
    steps.made = [] if emptied is None else list(emptied.steps)
    before = tuple(step.number for step in steps.made)
    leave = LeaveHost(server=server.id, endpoint=host.endpoint)
    steps.add(leave, reason("join.empty", server=server.name), *before)
    steps.add(PowerOffServer(server=server.id), leaving(server.name, None), steps.last)
    gone = withdrawal(profile, server.id, None)
    steps.add(gone, leaving(server.name, None), steps.last)
    aim = reason("aim.retire-host", server=server.name, profile=profile.name)
    return Plan(
        goal=say(aim),
        aim=aim,
        steps=tuple(steps.made),
        rejected=() if emptied is None else emptied.rejected,
        based_on=digest(inventory),
    )


def expected(inventory: Inventory, server: Server, before: Host | None = None) -> HostWish:
    """Return what a server has once it is a host: its hardware, and what all hosts there have.

    Where there is no other it has what it had `before`, on other hardware.
    """
    others = _peers(inventory, server.pool, before)
    peers = others or ([] if before is None else [before])
    hardware = HostWish(cpus=server.cpus, memory_mib=server.memory_mib, arch=server.arch)
    if not peers:
        return hardware
    shared = {key for key, one in inventory.datastores.items() if one.shared}
    first = peers[0]
    alike = all(one.platform == first.platform for one in peers)
    accelerators = _common(frozenset(one.accelerators) for one in peers)
    return replace(
        hardware,
        platform=first.platform if alike else "",
        hypervisor=first.hypervisor if alike else "",
        accelerators=tuple(sorted(accelerators)),
        cpu_models=_common(one.cpu_models for one in peers),
        capabilities=_common(one.abilities for one in peers),
        datastores=_common(one.datastores for one in peers) & shared,
        networks=_common(one.networks for one in peers),
    )


def uri_of(profile: Profile) -> str:
    """Return how a hypervisor that runs as a profile is asked."""
    return f"qemu+ssh://root@{profile.ip}/system"


def _peers(inventory: Inventory, pool: str, but: Host | None) -> list[Host]:
    """Return the hosts of a pool that are up, by id, without one."""
    some = (one for one in inventory.hosts.values() if one.pool == pool and one != but)
    return sorted((one for one in some if one.state is HostState.UP), key=lambda one: one.id)


def _common(parts: Iterable[frozenset[T]]) -> frozenset[T]:
    return reduce(frozenset.intersection, parts)


def _check(profile: Profile, inventory: Inventory) -> None:
    """Raise `Conflict` for a profile that makes no host."""
    why = None
    if not profile.hypervisor:
        why = reason("join.no-hypervisor", profile=profile.name)
    elif not profile.ip:
        why = reason("join.no-address", profile=profile.name)
    elif not (profile.image or profile.script):
        why = reason("join.no-image", profile=profile.name)
    elif profile.server is not None:
        known = inventory.servers.get(profile.server)
        name = profile.server if known is None else known.name
        why = reason("join.borne", profile=profile.name, server=name)
    if why is not None:
        told = reason("no.make-host", profile=profile.name, why=why)
        borne = profile.server is not None
        hint = reason("hint.profile-state" if borne else "hint.make-host")
        raise refuse(Conflict, told, hint)


def _server_of(plan: Plan, inventory: Inventory) -> Server:
    found = next(step.action for step in plan if isinstance(step.action, ApplyProfile))
    return inventory.server(found.server)


def _after(steps: Iterable[Step], last: int) -> list[Step]:
    """Return steps that follow others, numbered on."""
    return [
        replace(
            step,
            number=step.number + last,
            after=frozenset(one + last for one in step.after) or frozenset({last}),
        )
        for step in steps
    ]


def _stays(server: Server, why: Reason) -> Exception:
    told = reason("no.retire-host", server=server.name, why=why)
    return no_plan(told, reason("hint.retire-host"), [(plain(server.name), why)])
