"""Switch a host off and on again while nobody needs it, to see that it wakes."""

from anypool.errors import Conflict, NotSupported
from anypool.model import Capability, HostId, HostState, Inventory
from anypool.plan import (
    LeaveMaintenance,
    Plan,
    PowerOffHost,
    PowerOnHost,
    Refusal,
    Step,
    VerifyHost,
    digest,
    outcome,
    reason,
    refuse,
    say,
)
from anypool.planner.evacuate import plan_evacuation
from anypool.planner.rules import NO_RULES, Rulebook
from anypool.planner.saving.order import WITHIN_S
from anypool.planner.saving.turn import in_turn


def plan_wake_proof(inventory: Inventory, host_id: HostId, rules: Rulebook = NO_RULES) -> Plan:
    """Return the steps that empty a host, switch it off, on, and open it where it was open.

    Raises `Conflict` if it is not up, `NotSupported` if its power cannot be switched from here,
    `NoPlan` if it cannot be emptied.
    """
    host = inventory.host(host_id)
    if host.state is not HostState.UP:
        why = reason("is.host", host=host.name, state=host.state)
        raise refuse(Conflict, why, reason("hint.answer"))
    if Capability.HOST_POWER not in host.capabilities:
        raise refuse(NotSupported, reason("saving.cannot-switch", host=host.name))
    steps: tuple[Step, ...] = ()
    rejected: tuple[Refusal, ...] = ()
    if not host.maintenance:
        emptying = plan_evacuation(inventory, host_id, rules)
        steps, rejected = emptying.steps, emptying.rejected
    verify = VerifyHost(
        host=host_id, within_s=WITHIN_S, datastores=host.datastores, networks=host.networks
    )
    cycle = (
        (PowerOffHost(host=host_id), reason("saving.test-off")),
        (PowerOnHost(host=host_id, within_s=WITHIN_S), reason("saving.test-on")),
        (verify, reason("saving.verified")),
    )
    opened = ((LeaveMaintenance(host=host_id), reason("saving.opened")),)
    cycle_ = cycle if host.maintenance else (*cycle, *opened)
    aim = reason("aim.prove-wake", host=host.name)
    plan = Plan(
        goal=say(aim),
        aim=aim,
        steps=(*steps, *in_turn(cycle_, len(steps))),
        rejected=rejected,
        based_on=digest(inventory),
    )
    outcome(plan, inventory)
    return plan
