"""What a policy did, or would have done, over a time."""

from collections import Counter
from collections.abc import Collection
from itertools import chain

from msgspec import Struct

from anypool.engine import Engine
from anypool.errors import Invalid
from anypool.model import PlanId, PolicyId, VmId
from anypool.plan import PlanState
from anypool.service.access import Deed, Principal, require
from anypool.store import Store, Tx, plans, runs
from anypool.store.pages import LIMIT_MAX
from anypool.store.records import PlanSummary

YEAR_S = 366 * 86_400


class Report(Struct, frozen=True, kw_only=True):
    """The plans of a policy since a moment, newest first, and their sums.

    `moved` is how many migrations each plan did, which ran, or would have done in shadow;
    `moves` is their sum, and `vms` counts the VMs that moved, each once. `copy_bytes` and
    `pause_ms` (the longest) are what those plans quoted. `more` says that only the newest
    thousand were looked at.
    """

    policy: PolicyId
    since: float
    until: float
    plans: tuple[PlanSummary, ...]
    states: dict[str, int]
    moved: dict[PlanId, int]
    moves: int
    vms: int
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
            moved = _moved(tx, done)
        return Report(
            policy=policy.id,
            since=begin,
            until=until,
            plans=found,
            states=dict(sorted(Counter(one.state.value for one in found).items())),
            moved={plan: len(vms) for plan, vms in moved.items()},
            moves=sum(map(len, moved.values())),
            vms=len(set(chain.from_iterable(moved.values()))),
            copy_bytes=sum(one.cost.copy_bytes for one in done),
            pause_ms=max((one.cost.pause_ms for one in done), default=0),
            more=len(found) == LIMIT_MAX,
        )


def _moved(tx: Tx, some: Collection[PlanSummary]) -> dict[PlanId, list[VmId]]:
    """Return the VM of each migration that was done, or in shadow would have been."""
    planned = plans.moves(tx, [one.id for one in some])
    done = runs.done(tx, [one.run for one in some if one.run is not None])
    return {
        one.id: [
            vm
            for number, vm in planned[one.id]
            if one.run is None or number in done.get(one.run, ())
        ]
        for one in some
    }


def _counts(plan: PlanSummary) -> bool:
    return plan.run is not None or plan.state is PlanState.SHADOW
