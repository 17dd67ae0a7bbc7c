"""What the watch does about a policy now: plain decisions on plain values, without I/O."""

from enum import StrEnum

from msgspec import Struct

from anypool.engine.watching.past import Past
from anypool.model import Balance, Level, Policy, PowerSaving, VmId
from anypool.model.policy import Replenish
from anypool.model.window import window_of
from anypool.plan import PlanState, Reason, reason
from anypool.planner.rebalance import Uneven
from anypool.planner.rules import Rulebook

NEVER = float("inf")


class Rest(Struct, frozen=True, kw_only=True):
    """Why nothing is planned now; `until` is when time alone changes that.

    `since` is since when the imbalance is too large, 0 if it is not. With `drop` an open
    proposal is not needed any more.
    """

    why: Reason
    since: float
    until: float = NEVER
    drop: bool = False


class Urge(Struct, frozen=True):
    """A plan is wanted; `since` as of a `Rest`."""

    since: float


def weigh(rule: Balance, now: Uneven, since: float, past: Past, at: float) -> Rest | Urge:
    """Return whether a plan is wanted at a moment, given since when it was uneven before."""
    shown = f"{now.percent:.2f}"
    if now.percent <= rule.threshold_percent and now.broken <= 0:
        why = reason("watch.even", percent=shown)
        return Rest(why=why, since=0.0, drop=True)
    begun = min(since, at) or at
    if at < begun + rule.hold_s:
        why = reason("watch.hold", percent=shown, hold=rule.hold_s)
        return Rest(why=why, since=begun, until=begun + rule.hold_s)
    rests = min(past.ended_at, at) + rule.cool_down_s
    if past.ended_at and at < rests:
        why = reason("watch.rests", percent=shown, rest=rule.cool_down_s)
        return Rest(why=why, since=begun, until=rests)
    return Urge(begun)


def enough(rule: Balance, before: Uneven, after: Uneven) -> bool:
    """Return whether moves take enough of what they can change away."""
    at_stake = before.percent + before.broken - after.broken
    gain = at_stake - after.percent
    return gain > 0 and 100 * gain >= rule.margin_percent * at_stake


class Deal(StrEnum):
    """What is done with a plan that waits: kept, or run, or run as soon as the window opens."""

    KEEP = "keep"
    RUN = "run"
    WINDOW = "window"


def deal(
    rule: Balance | PowerSaving | Replenish, state: PlanState, *, automatic: bool, at: float
) -> Deal:
    """Return what is done with a waiting plan; `automatic` if it may run without a person."""
    approved = state is PlanState.APPROVED and rule.level in (Level.PARTIAL, Level.AUTOMATIC)
    if not (automatic or approved):
        return Deal.KEEP
    window = window_of(rule.window)
    return Deal.RUN if window is None or window.is_open(at) else Deal.WINDOW


def left_alone(
    policy: Policy, rules: Rulebook, vms: tuple[VmId, ...]
) -> tuple[frozenset[VmId], frozenset[VmId]]:
    """Return the VMs that no plan may move, and those that need a person or more.

    A level of a VM itself goes before that of the policy.
    """
    assert isinstance(policy.rule, Balance)
    levels = {vm: rules.automation(vm) or policy.rule.level for vm in vms}
    never = frozenset(vm for vm, level in levels.items() if level is Level.DISABLED)
    asked = frozenset(vm for vm, level in levels.items() if level is not Level.AUTOMATIC)
    return never, asked | never
