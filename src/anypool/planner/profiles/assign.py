"""Bringing a profile to a server, moving it, taking it away: pure.

A profile leaves a server only when that was seen to be off, and comes to one that is off. So
every plan is: off, withdraw, write, on, see that it works.
"""

from anypool.errors import Conflict
from anypool.model import (
    Inventory,
    Power,
    Profile,
    ProfileId,
    Server,
    ServerId,
    Stated,
    VmId,
)
from anypool.plan import (
    Plan,
    PowerOffServer,
    Reason,
    Refusal,
    digest,
    plain,
    reason,
    refuse,
    say,
)
from anypool.planner.evacuate import no_plan
from anypool.planner.profiles.fitness import idle, taken, unfit
from anypool.planner.profiles.steps import Steps, bring, leaving, rank, withdrawal


def plan_assign(
    inventory: Inventory,
    profile_id: ProfileId,
    server_id: ServerId | None,
    stated: Stated | None = None,
    *,
    force: bool = False,
) -> Plan:
    """Return the steps that bring a profile to a server, to the best spare where none is named.

    `stated` stands for seeing its old server off, `force` does not ask its operating system.
    Raise `NoPlan` with what each server is short of, `Conflict` where it is there already.
    """
    profile = inventory.profile(profile_id)
    if server_id is None:
        server, refused, chosen = _best(inventory, profile)
    else:
        server = inventory.server(server_id)
        refused, chosen = (), None
        _check_named(inventory, profile, server)
    old = None if profile.server is None else inventory.servers.get(profile.server)
    steps = Steps()
    if profile.server is not None:
        _leave(steps, profile, (profile.server, old), stated, force=force)
    _come(steps, profile, server, chosen or reason("bear.free", profile=profile.name))
    aim = reason("aim.assign-profile", profile=profile.name, server=server.name)
    if profile.server is not None:
        source = profile.server if old is None else old.name
        aim = reason("aim.move-profile", profile=profile.name, source=source, server=server.name)
    return Plan(
        goal=say(aim),
        aim=aim,
        steps=tuple(steps.made),
        rejected=refused,
        based_on=digest(inventory),
    )


def plan_unassign(
    inventory: Inventory,
    profile_id: ProfileId,
    stated: Stated | None = None,
    *,
    force: bool = False,
) -> Plan:
    """Return the steps that take a profile from its server; raise `Conflict` if none has it."""
    profile = inventory.profile(profile_id)
    if profile.server is None:
        why = reason("bear.free", profile=profile.name)
        raise refuse(Conflict, why, reason("hint.profile-state"))
    server = inventory.servers.get(profile.server)
    steps = Steps()
    _leave(steps, profile, (profile.server, server), stated, force=force)
    name = profile.server if server is None else server.name
    aim = reason("aim.unassign-profile", profile=profile.name, server=name)
    return Plan(goal=say(aim), aim=aim, steps=tuple(steps.made), based_on=digest(inventory))


def _leave(
    steps: Steps,
    profile: Profile,
    old: tuple[ServerId, Server | None],
    stated: Stated | None,
    *,
    force: bool,
) -> None:
    """Add what takes a profile from its server: seen off, or said to be dead by a person."""
    key, server = old
    why = leaving(key if server is None else server.name, stated)
    if stated is None:
        steps.add(PowerOffServer(server=key, force=force), why, steps.last)
    steps.add(withdrawal(profile, key, stated), why, steps.last)


def _come(steps: Steps, profile: Profile, server: Server, why: Reason) -> None:
    """Add what brings a profile to a server."""
    if server.power is not Power.OFF:
        off = PowerOffServer(server=server.id)
        steps.add(off, reason("bear.must-be-off", server=server.name), steps.last)
    bring(steps, profile, server, (why, reason("bear.starts")), (steps.last,))


def _check_named(inventory: Inventory, profile: Profile, server: Server) -> None:
    """Raise `Conflict` where a server is not to be had, `NoPlan` where it does not fit."""
    if (why := taken(profile, server, inventory)) is not None:
        told = reason("no.profile-server", profile=profile.name, server=server.name, why=why)
        raise refuse(Conflict, told, reason("hint.profile-state"))
    if lacks := unfit(profile, server):
        why = reason("bear.unfit", why=lacks)
        told = reason("no.profile-server", profile=profile.name, server=server.name, why=why)
        raise no_plan(told, reason("hint.profile-place"), [(plain(server.name), why)])


def _best(inventory: Inventory, profile: Profile) -> tuple[Server, tuple[Refusal, ...], Reason]:
    """Return the spare that is least too large; raise `NoPlan` with each server's reason."""
    fits: list[Server] = []
    refused: list[Refusal] = []
    for server in sorted(inventory.servers.values(), key=lambda one: (one.name, one.id)):
        why = _against(inventory, profile, server)
        if why is None:
            fits.append(server)
        else:
            refused.append(Refusal(vm=VmId(profile.id), host=server.host, why=why))
    if not fits:
        against = [(plain(inventory.servers[ServerId(one.host)].name), one.why) for one in refused]
        told = reason("no.profile-place", profile=profile.name)
        raise no_plan(told, reason("hint.profile-place"), against)
    best = min(fits, key=lambda one: tuple(rank(inventory, profile, one)))
    why = reason("bear.chosen", server=best.name, others=len(fits))
    return best, tuple(refused), why


def _against(inventory: Inventory, profile: Profile, server: Server) -> Reason | None:
    if (why := idle(profile, server, inventory)) is not None:
        return why
    lacks = unfit(profile, server)
    return reason("bear.unfit", why=lacks) if lacks else None
