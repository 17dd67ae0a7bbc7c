"""The judge of balancing objects as soon as one of the constraints is left out."""

from collections.abc import Callable
from typing import Any

import hypothesis
import numpy as np
import pytest
from hypothesis.errors import NoSuchExample

from anypool.planner.balance import balance, moves, rules, state, swaps, units
from tests.unit.pool_judge import Pool, pools
from tests.unit.test_planner_balance import prefixes

SEARCH = hypothesis.settings(
    max_examples=3000,
    deadline=None,
    database=None,
    derandomize=True,
    phases=[hypothesis.Phase.generate],
)


def objects(pool: Pool) -> bool:
    """Return whether some whole step of the moves does harm."""
    before = pool.placed
    rounds = iter(range(30))
    for whole, after in prefixes(pool, balance(pool.problem(), lambda: next(rounds, -1) < 0)):
        moved = [vm for vm in pool.vms if after[vm] != pool.placed[vm]]
        if not all(pool.movable[vm] and not pool.closed[after[vm]] for vm in moved):
            return True
        if pool.harms(before, after) and (whole or not pool.together):
            return True
        if whole:
            if len(pool.broken(after)) > len(pool.broken(before)):
                return True
            before = after
    return False


def anything_fits(one: object, kind: Any, targets: Any) -> Any:
    return np.ones((kind.shape[0], targets.shape[0]), dtype=bool)


def any_other_host(one: object, left: Any, right: Any) -> Any:
    return left[0][:, None] != right[0][None, :]


def no_rules(self: Any, vms: tuple[int, ...], placed: Any) -> Any:
    return self._problem.counted.copy(), 0.0


def each_alone(problem: Any, placed: Any) -> Any:
    return [(vm,) for vm in range(problem.vms)]


MUTANTS: dict[str, tuple[tuple[Any, str, Callable[..., Any]], ...]] = {
    "room": ((moves, "fits", anything_fits),),
    "room of an exchange": (
        (swaps, "_may", any_other_host),
        (state.State, "has_room", lambda self, kind, host: True),
    ),
    "reserve": ((state.State, "breaks_spare", lambda self: False),),
    "rules": ((rules.Rules, "_now", no_rules),),
    "groups and what is pinned": ((units, "_parts", each_alone),),
}


@pytest.mark.parametrize("name", MUTANTS)
def test_a_constraint_that_is_left_out_is_noticed(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for place, attribute, instead in MUTANTS[name]:
        monkeypatch.setattr(place, attribute, instead)
    assert objects(hypothesis.find(pools(), objects, settings=SEARCH))


def test_nothing_is_noticed_where_all_constraints_are_there() -> None:
    with pytest.raises(NoSuchExample):
        hypothesis.find(pools(), objects, settings=hypothesis.settings(SEARCH, max_examples=60))
