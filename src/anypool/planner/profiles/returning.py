"""Putting a profile back to where it was before a move that failed: pure.

What was begun elsewhere never answered, so no operating system is asked there.
"""

from msgspec import Struct
from msgspec.structs import replace

from anypool.model import Inventory, PlanId, Profile, ProfileId, ServerId
from anypool.plan import Plan, Step, VerifyServer, digest, reason, say
from anypool.planner.profiles.assign import plan_bring
from anypool.planner.profiles.leaving import Leaving, Seen
from anypool.planner.profiles.moving import Virtual, plan_to_vm
from anypool.planner.profiles.running import Borne, start_borne
from anypool.planner.rules import NO_RULES, Rulebook


class Home(Struct, frozen=True, kw_only=True):
    """Where a profile was: on a server, or as a VM, which is made again."""

    server: ServerId | None = None
    virtual: Virtual | None = None


def plan_back(
    inventory: Inventory,
    profile_id: ProfileId,
    home: tuple[Home, PlanId],
    seen: Seen,
    rules: Rulebook = NO_RULES,
) -> Plan:
    """Return the steps that bring a profile back, none where it never left.

    Raise `NoPlan` or `Conflict` where its old place does not take it any more.
    """
    profile = inventory.profile(profile_id)
    aim = reason("aim.put-back", profile=profile.name, plan=home[1])
    steps = _steps(inventory, profile, home[0], seen, rules)
    if all(isinstance(step.action, VerifyServer) for step in steps):
        steps = ()
    return Plan(goal=say(aim), aim=aim, steps=steps, based_on=digest(inventory))


def _steps(
    inventory: Inventory, profile: Profile, home: Home, seen: Seen, rules: Rulebook
) -> tuple[Step, ...]:
    hard = Leaving(force=True)
    there = profile.machine == home.server if home.server else profile.vm is not None
    if there:
        return start_borne(inventory, Borne(profile=profile.id, seen=seen), rules)
    if home.virtual is None:
        return plan_bring(inventory, profile.id, home.server, hard, seen).steps
    virtual = replace(home.virtual, seen=seen)
    return plan_to_vm(inventory, profile.id, virtual, hard, rules).steps
