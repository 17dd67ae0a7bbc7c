"""Many short stories of one VM on three hosts: it never runs twice, and runs in the end."""

import os
from collections.abc import Callable, Iterable

import pytest

from anypool.clock import ManualClock
from anypool.engine.ha.charges import Charges
from anypool.planner.ha import astray
from anypool.store import Store
from tests.simulation.small.story import Story
from tests.simulation.small.world import Wrong
from tests.unit import store_kit

clock = store_kit.clock
store = store_kit.store
STORIES = 25 * int(os.environ.get("TEST_EXAMPLES", "20"))


def test_it_never_runs_twice_and_runs_in_the_end(store: Store, clock: ManualClock) -> None:
    """`Story(number, store, clock, print).play()` tells one again."""
    _play(range(STORIES), store, clock)


def _play(numbers: Iterable[int], store: Store, clock: ManualClock) -> None:
    for number in numbers:
        try:
            Story(number, store, clock).play()
        except Wrong as wrong:
            raise Wrong(f"story {number}: {wrong}") from wrong


def _takes_all_for_seen(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(astray, "seen_to_the_end", lambda *_: True)


def _forgets_who_was_away(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Charges, "miss", lambda *_: None)


@pytest.mark.parametrize("broken", [_takes_all_for_seen, _forgets_who_was_away])
def test_stories_see_what_is_broken(
    broken: Callable[[pytest.MonkeyPatch], None],
    store: Store,
    clock: ManualClock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    broken(monkeypatch)
    with pytest.raises(Wrong):
        _play(range(2_000), store, clock)
