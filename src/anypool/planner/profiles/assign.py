"""Bringing a profile to a server, moving it, taking it away: pure.

A profile leaves a server only when that was seen to be off, and comes to one that is off. So
every plan is: off, withdraw, write, on, see that it works. A VM that bears it is stopped and
deleted instead.
"""

from anypool.errors import Conflict
from anypool.model import (
    Inventory,
    Profile,
    ProfileId,
    Server,
    ServerId,
    Stated,
    VmId,
)
from anypool.plan import (
    Plan,
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
from anypool.planner.profiles.leaving import Leaving, Seen, bearer_name, come, leave
from anypool.planner.profiles.steps import Steps, rank


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
    how = Leaving(stated=stated, force=force)
    return plan_bring(inventory, profile_id, server_id, how)


def plan_bring(
    inventory: Inventory,
    profile_id: ProfileId,
    server_id: ServerId | None,
    how: Leaving,
    seen: Seen | None = None,
) -> Plan:
    """Return the steps of `plan_assign`; `seen` has to answer, None for the profile's probe."""
    profile = inventory.profile(profile_id)
    if server_id is None:
        server, refused, chosen = best_spare(inventory, profile)
    else:
        server = inventory.server(server_id)
        refused, chosen = (), None
        check_named(inventory, profile, server)
    steps = Steps()
    if profile.server is not None:
        leave(steps, inventory, profile, how)
    come(steps, profile, server, chosen or reason("bear.free", profile=profile.name), seen)
    aim = reason("aim.assign-profile", profile=profile.name, server=server.name)
    if profile.server is not None:
        source = bearer_name(inventory, profile)
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
    steps = Steps()
    leave(steps, inventory, profile, Leaving(stated=stated, force=force))
    name = bearer_name(inventory, profile)
    aim = reason("aim.unassign-profile", profile=profile.name, server=name)
    return Plan(goal=say(aim), aim=aim, steps=tuple(steps.made), based_on=digest(inventory))


def check_named(inventory: Inventory, profile: Profile, server: Server) -> None:
    """Raise `Conflict` where a server is not to be had, `NoPlan` where it does not fit."""
    if (why := taken(profile, server, inventory)) is not None:
        told = reason("no.profile-server", profile=profile.name, server=server.name, why=why)
        raise refuse(Conflict, told, reason("hint.profile-state"))
    if lacks := unfit(profile, server):
        why = reason("bear.unfit", why=lacks)
        told = reason("no.profile-server", profile=profile.name, server=server.name, why=why)
        raise no_plan(told, reason("hint.profile-place"), [(plain(server.name), why)])


def best_spare(
    inventory: Inventory, profile: Profile
) -> tuple[Server, tuple[Refusal, ...], Reason]:
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
