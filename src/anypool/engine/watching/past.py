"""What became of the plans that a policy made before."""

from msgspec import Struct

from anypool.model import PlanId, PolicyId
from anypool.plan import PlanState, Reason, say
from anypool.store import Tx, plans, runs
from anypool.store.records import FINAL_RUN_STATES, PlanSummary, RunRecord, RunState
from anypool.store.tx import Told

LOOKED_AT = 50
"""So many of its newest plans say how things stand."""

_POLICY = "policy:"

WAITING = (PlanState.RECOMMENDED, PlanState.APPROVED)


class Past(Struct, frozen=True, kw_only=True):
    """How the plans of one policy stand.

    `open` is the plan that waits to be run. `ended_at` is when the last run ended, a person
    rejected a plan, or one was recorded in shadow; 0 for never. `failed` says that the last
    run did not come to its end as planned.
    """

    open: PlanSummary | None = None
    shadow: PlanSummary | None = None
    running: bool = False
    ended_at: float = 0.0
    failed: bool = False


def past_of(tx: Tx, policy: PolicyId) -> Past:
    """Return how the plans of a policy stand."""
    newest = plans.of_policy(tx, policy, limit=LOOKED_AT)
    waiting = next((one for one in newest if one.state in WAITING), None)
    shadow = next((one for one in newest if one.state is PlanState.SHADOW), None)
    last = next((runs.get_run(tx, one.run) for one in newest if one.run is not None), None)
    ends = [one.changed_at for one in newest if _was_rejected(one)]
    ends += [one.created_at for one in newest if one.state is PlanState.SHADOW]
    ends += [last.ended_at] if last is not None else []
    return Past(
        open=waiting,
        shadow=shadow,
        running=last is not None and last.state not in FINAL_RUN_STATES,
        ended_at=max(ends, default=0.0),
        failed=last is not None and _went_wrong(last),
    )


def author(policy: PolicyId) -> str:
    """Return who a plan of a policy is said to be by."""
    return f"{_POLICY}{policy}"


def policy_of(by: str) -> PolicyId:
    """Return the policy that an author is."""
    return PolicyId(by.removeprefix(_POLICY))


def supersede(tx: Tx, policy: PolicyId, plan: PlanId, why: Reason) -> None:
    """Mark a plan of a policy that still waits as out of date, and tell."""
    if plans.supersede(tx, (plan,), why):
        tx.tell(Told("plan.superseded", "plan", plan, say(why), by=author(policy), plan=plan))


def _was_rejected(plan: PlanSummary) -> bool:
    return plan.state is PlanState.CANCELLED and plan.run is None


def _went_wrong(run: RunRecord) -> bool:
    return run.state in (RunState.FAILED, RunState.CANCELLED)
