"""Many short stories of one VM on three hosts: it never runs twice, and runs in the end."""

import os
from collections.abc import Callable

import pytest
from msgspec.structs import replace

from anypool.engine.ha.charges import Charges
from anypool.engine.observing.unseen import Unseen
from anypool.model import Vm
from anypool.planner.ha import astray
from anypool.store import Store
from tests.simulation.small.story import Story
from tests.simulation.small.world import Wrong
from tests.unit import store_kit

clock = store_kit.clock
store = store_kit.store
STORIES = 25 * int(os.environ.get("TEST_EXAMPLES", "20"))


def test_it_never_runs_twice_and_runs_in_the_end(store: Store) -> None:
    """`Story(number, store, print).play()` tells one again."""
    for number in range(STORIES):
        try:
            Story(number, store).play()
        except Wrong as wrong:
            pytest.fail(f"story {number}: {wrong}")


def _marks_nothing(patch: pytest.MonkeyPatch) -> None:
    heard = Unseen.heard

    def unmarked(self: Unseen, said: Vm, *about: object) -> Vm:
        return replace(heard(self, said, *about), unseen=False)  # type: ignore[arg-type]

    patch.setattr(Unseen, "heard", unmarked)


def _takes_all_for_seen(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(astray, "seen_to_the_end", lambda *_: True)


def _forgets_who_was_away(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Charges, "miss", lambda *_: None)


@pytest.mark.parametrize("broken", [_marks_nothing, _takes_all_for_seen, _forgets_who_was_away])
def test_stories_see_what_is_broken(
    broken: Callable[[pytest.MonkeyPatch], None], store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken(monkeypatch)
    with pytest.raises(Wrong):
        for number in range(20_000):
            Story(number, store).play()
