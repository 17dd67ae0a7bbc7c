"""Failing a server over: its profile comes to a spare, which may have to be emptied first: pure.

The server is switched off and seen off, or a person says that it is dead; only then anything
else begins. A spare that is idle is taken before one that runs VMs; of those the one of which the
least memory has to move.
"""

from collections.abc import Iterator

from msgspec import Struct
from msgspec.structs import replace

from anypool.errors import AnypoolError, Conflict, NoPlan
from anypool.model import (
    Adoption,
    Condition,
    HostId,
    HostState,
    Inventory,
    Power,
    Profile,
    Server,
    ServerId,
    Stated,
    VmId,
)
from anypool.plan import (
    ApplyProfile,
    CreateVm,
    FenceHost,
    MigrateVm,
    Plan,
    PowerOffServer,
    Proven,
    Reason,
    Refusal,
    Step,
    digest,
    plain,
    reason,
    refuse,
    say,
    why_of,
)
from anypool.plan.servereffect import bearing, in_use
from anypool.planner.evacuate import no_plan, plan_evacuation
from anypool.planner.profiles.fitness import idle, taken, unfit
from anypool.planner.profiles.leaving import Leaving
from anypool.planner.profiles.moving import Virtual, plan_to_vm
from anypool.planner.profiles.rejoining import against as another_host
from anypool.planner.profiles.rejoining import of_vms, rejoin, told_at_power_on
from anypool.planner.profiles.steps import Steps, bring, leaving, rank, withdrawal
from anypool.planner.rules import NO_RULES, Rulebook


class Spare(Struct, frozen=True, kw_only=True):
    """A server that can take a profile over; `emptying` are the steps that empty it before."""

    server: Server
    emptying: tuple[Step, ...] = ()

    @property
    def moves(self) -> tuple[MigrateVm, ...]:
        """The migrations that empty it."""
        return tuple(one.action for one in self.emptying if isinstance(one.action, MigrateVm))


class Found(Struct, frozen=True, kw_only=True):
    """The spares for a profile, the best first, and why each other server is none."""

    spares: tuple[Spare, ...] = ()
    refused: tuple[tuple[Server, Reason], ...] = ()


def find_spares(
    inventory: Inventory, profile: Profile, rules: Rulebook = NO_RULES, *, named: str = ""
) -> Found:
    """Return which servers can take over a profile, `named` that one alone.

    Only where none is idle it is asked which could be emptied.
    """
    some = [
        one
        for one in sorted(inventory.servers.values(), key=lambda one: (one.name, one.id))
        if one.id != profile.server and named in ("", one.id)
    ]
    against = {one.id: _against(inventory, profile, one, named=bool(named)) for one in some}
    spares = [Spare(server=one) for one in some if against[one.id] is None]
    if not spares:
        for one in some:
            found = _emptied(inventory, profile, one, rules)
            if isinstance(found, Spare):
                spares.append(found)
                against[one.id] = None
            elif found is not None:
                against[one.id] = found
    spares.sort(key=lambda one: tuple(_rank(inventory, profile, one)))
    refused = tuple((one, why) for one in some if (why := against[one.id]) is not None)
    return Found(spares=tuple(spares), refused=refused)


def plan_fail_over(
    inventory: Inventory,
    server_id: ServerId,
    to: ServerId | None = None,
    stated: Stated | None = None,
    rules: Rulebook = NO_RULES,
) -> Plan:
    """Return the steps that bring the profile of a failed server to a spare, the best if None.

    `stated` stands for seeing it off. Raise `Conflict` where it bears no profile, `NoPlan` with
    what is against each server.
    """
    profile, name = _borne(inventory, server_id)
    found = find_spares(inventory, profile, rules, named=to or "")
    if not found.spares:
        raise _no_spare_for(profile, name, _by_name(found))
    best = found.spares[0]
    steps = Steps()
    gone = _prove_and_take(steps, inventory, profile, stated)
    ready = _empty(steps, best, gone[0])
    whys = (_chosen(best, found, named=bool(to)), reason("bear.starts"))
    seen = bring(steps, profile, best.server, whys, (gone[1], ready))
    rejoin(steps, inventory, profile, best.server)
    host = inventory.hosts.get(HostId(server_id))
    told_at_power_on(steps, seen - 1, of_vms(steps, inventory, host, rules))
    aim = reason("aim.fail-over", profile=profile.name, source=name, server=best.server.name)
    moves = len(best.moves)
    bounds = (Proven(what="moves", reached=moves, bound=moves),) if moves else ()
    return Plan(
        goal=say(aim),
        aim=aim,
        steps=tuple(steps.made),
        rejected=_rejected(found, profile),
        based_on=digest(inventory),
        bounds=bounds,
    )


def plan_over_to_vm(
    inventory: Inventory,
    server_id: ServerId,
    virtual: Virtual,
    stated: Stated | None = None,
    rules: Rulebook = NO_RULES,
) -> Plan:
    """Return the steps of `plan_fail_over`; where no spare fits, those that let a VM be it.

    The proof of death is the same, and first. Raise `NoPlan` with what is against each server,
    and against a VM.
    """
    profile, name = _borne(inventory, server_id)
    found = find_spares(inventory, profile, rules)
    if found.spares:
        return plan_fail_over(inventory, server_id, None, stated, rules)
    how = Leaving(stated=stated, force=True)
    try:
        plan = plan_to_vm(inventory, profile.id, virtual, how, rules)
    except (Conflict, NoPlan) as error:
        against = [*_by_name(found), (plain(virtual.wish.name), why_of(error))]
        raise _no_spare_for(profile, name, against) from error
    made = next(step.action for step in plan if isinstance(step.action, CreateVm))
    host = inventory.host(made.host).name
    aim = reason("aim.fail-over-vm", profile=profile.name, source=name, host=host)
    why = reason("fail.vm-instead", profile=profile.name)
    steps = tuple(
        replace(step, why=why) if isinstance(step.action, ApplyProfile) else step for step in plan
    )
    return replace(plan, goal=say(aim), aim=aim, steps=steps, rejected=_refused(found, profile))


def _borne(inventory: Inventory, server_id: ServerId) -> tuple[Profile, str]:
    """Return the profile of a server, and what that is called; raise `Conflict` if it has none."""
    profile = next((one for one in inventory.profiles.values() if one.machine == server_id), None)
    dead = inventory.servers.get(server_id)
    name = server_id if dead is None else dead.name
    if profile is None:
        raise refuse(Conflict, reason("fail.bears-none", server=name), reason("hint.fail-over"))
    return profile, name


def _by_name(found: Found) -> list[tuple[Reason, Reason]]:
    return [(plain(one.name), why) for one, why in found.refused]


def _no_spare_for(
    profile: Profile, name: str, against: list[tuple[Reason, Reason]]
) -> AnypoolError:
    told = reason("no.spare-server", profile=profile.name, server=name)
    return no_plan(told, reason("hint.profile-place"), against)


def _prove_and_take(
    steps: Steps, inventory: Inventory, profile: Profile, stated: Stated | None
) -> tuple[int, int]:
    """Add what shows that a server is dead and takes its profile; return both steps' numbers."""
    key = profile.server
    assert key is not None
    dead = inventory.servers.get(key)
    name = key if dead is None else dead.name
    why, proof = leaving(name, stated), 0
    if stated is None:
        host = inventory.hosts.get(HostId(key))
        silent = host is not None and host.state is not HostState.UP
        runs = dead is not None and in_use(inventory, dead) is not None
        fence = FenceHost(host=HostId(key)) if silent and runs else None
        proof = steps.add(fence or PowerOffServer(server=key, force=True), why)
    taken_ = steps.add(withdrawal(profile, key, stated), why, proof)
    return proof or taken_, taken_


def _empty(steps: Steps, spare: Spare, proven: int) -> int:
    """Add what empties a spare and switches it off; return the last step, 0 if none is needed."""
    offset, last = len(steps.made), 0
    for step in spare.emptying:
        waits = [number + offset for number in step.after] or [proven]
        number = steps.add(step.action, step.why, *waits)
        steps.made[-1] = replace(steps.made[-1], valid_while=step.valid_while)
        last = number
    if spare.server.power is Power.OFF:
        return last
    why = reason("bear.must-be-off", server=spare.server.name)
    return steps.add(PowerOffServer(server=spare.server.id), why, last or proven)


def _against(
    inventory: Inventory, profile: Profile, server: Server, *, named: bool
) -> Reason | None:
    """Return why a server cannot take a profile as it is, None if it can."""
    if not named and (why := _no_spare(profile, server)) is not None:
        return why
    if lacks := unfit(profile, server):
        return reason("bear.unfit", why=lacks)
    if (why := another_host(inventory, profile, server)) is not None:
        return why
    return taken(profile, server, inventory) if named else idle(profile, server, inventory)


def _emptied(
    inventory: Inventory, profile: Profile, server: Server, rules: Rulebook
) -> Spare | Reason | None:
    """Return a host as a spare once it is emptied, or why it cannot be; None if it is no host."""
    host = inventory.hosts.get(server.host)
    able = server.spare and server.pool == profile.pool and not unfit(profile, server)
    if not able or host is None or host.state is not HostState.UP or host.maintenance:
        return None
    if another_host(inventory, profile, server) is not None:
        return None
    if server.adoption is not Adoption.ADOPTED or bearing(inventory, server) is not None:
        return None
    if server.health is Condition.CRITICAL or server.power is Power.UNKNOWN:
        return None
    try:
        emptied = plan_evacuation(_without(inventory, profile), host.id, rules)
    except AnypoolError as error:
        return reason("fail.not-emptied", server=server.name, why=why_of(error))
    return Spare(server=server, emptying=emptied.steps)


def _without(inventory: Inventory, profile: Profile) -> Inventory:
    """Return the pool without the server that failed: its VMs move nowhere, and none goes there."""
    host = None if profile.server is None else inventory.hosts.get(HostId(profile.server))
    if host is None or host.state is HostState.OFF:
        return inventory
    return inventory.with_host(replace(host, state=HostState.UNKNOWN))


def _no_spare(profile: Profile, server: Server) -> Reason | None:
    """Return why a server is not even to be looked at."""
    if server.pool != profile.pool:
        return reason("bear.other-pool", server=server.name, pool=server.pool)
    return None if server.spare else reason("bear.no-spare")


def _rank(inventory: Inventory, profile: Profile, spare: Spare) -> Iterator[int | str]:
    """Yield what orders spares: none to be emptied first, then as profiles are brought."""
    yield bool(spare.emptying)
    yield sum(inventory.vms[one.vm].memory_mib for one in spare.moves)
    yield from rank(inventory, profile, spare.server)


def _chosen(best: Spare, found: Found, *, named: bool) -> Reason:
    if named:
        return reason("fail.named", server=best.server.name)
    if best.moves:
        count = len(best.moves)
        return reason("fail.emptied-first", server=best.server.name, count=count)
    return reason("bear.chosen", server=best.server.name, others=len(found.spares))


def _refused(found: Found, profile: Profile) -> tuple[Refusal, ...]:
    refused = found.refused
    return tuple(Refusal(vm=VmId(profile.id), host=one.host, why=why) for one, why in refused)


def _rejected(found: Found, profile: Profile) -> tuple[Refusal, ...]:
    refused = list(_refused(found, profile))
    for one in found.spares[1:]:
        moves = len(one.moves)
        why = reason("fail.more-moves", count=moves) if moves else reason("fail.also-fits")
        refused.append(Refusal(vm=VmId(profile.id), host=one.server.host, why=why))
    return tuple(refused)
