"""What a policy did, or would have done, over a time."""

from collections import Counter

from msgspec import Struct

from anypool.engine import Engine
from anypool.errors import Invalid
from anypool.model import PolicyId
from anypool.plan import PlanState
from anypool.service.access import Deed, Principal, require
from anypool.store import Store, plans
from anypool.store.pages import LIMIT_MAX
from anypool.store.records import PlanSummary

YEAR_S = 366 * 86_400


class Report(Struct, frozen=True, kw_only=True):
    """The plans of a policy since a moment, newest first, and their sums.

    `moves`, `copy_bytes` and `pause_ms` (the longest) are of the plans that ran or, in shadow,
    would have; `more` says that only the newest thousand were looked at.
    """

    policy: PolicyId
    since: float
    until: float
    plans: tuple[PlanSummary, ...]
    states: dict[str, int]
    moves: int
    copy_bytes: int
    pause_ms: int
    more: bool


class Reports:
    """The use case of looking back at a policy."""

    def __init__(self, engine: Engine, store: Store) -> None:
        self._engine = engine
        self._store = store

    def policy(self, by: Principal, key: str, since: float) -> Report:
        """Return the report of a policy; `since` below 0 is before now. Raise `NotFound`."""
        require(by, Deed.READ)
        policy = self._engine.policies.get(PolicyId(key))
        with self._store.reading() as tx:
            begin = tx.now + since if since <= 0 else since
            if not tx.now - 10 * YEAR_S <= begin <= tx.now:
                raise Invalid("a report goes back ten years at most", hint="such as --since 30d")
            found = plans.of_policy(tx, policy.id, since=begin)
            until = tx.now
        done = [one for one in found if _counts(one)]
        return Report(
            policy=policy.id,
            since=begin,
            until=until,
            plans=found,
            states=dict(sorted(Counter(one.state.value for one in found).items())),
            moves=sum(one.steps for one in done),
            copy_bytes=sum(one.cost.copy_bytes for one in done),
            pause_ms=max((one.cost.pause_ms for one in done), default=0),
            more=len(found) == LIMIT_MAX,
        )


def _counts(plan: PlanSummary) -> bool:
    return plan.run is not None or plan.state is PlanState.SHADOW
