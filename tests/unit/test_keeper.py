"""A manager that cannot begin to lead leaves the lease to others."""

from pathlib import Path

import pytest

from anypool.clock import ManualClock
from anypool.engine.lease import Keeper
from anypool.errors import StoreFailed
from anypool.store import Store

TTL_S = 6.0


class Seat:
    """One manager of a shared database; `able` says whether it can read all records."""

    def __init__(self, url: str, clock: ManualClock, *, able: bool = True) -> None:
        self.able = able
        self.store = Store.open(url, clock=clock)
        self.keeper = Keeper(self.store, clock, TTL_S, (self._lead, lambda: None))

    def _lead(self) -> None:
        if not self.able:
            raise StoreFailed("a record that only a later release knows")


@pytest.mark.parametrize("others", [True, False])
def test_who_cannot_lead_leaves_it_to_others(tmp_path: Path, *, others: bool) -> None:
    url, clock = f"sqlite:///{tmp_path}/db", ManualClock()
    first = Seat(url, clock, able=False)
    seats = [first, Seat(url, clock)] if others else [first]
    for _ in range(12):
        for seat in seats:
            seat.keeper.round()
        clock.advance(TTL_S / 4)
    assert [seat.keeper.held for seat in seats] == ([False, True] if others else [False])
    first.able = True
    first.keeper.round()
    assert first.keeper.held is not others, "alone it tries again and again"
    for seat in seats:
        seat.store.close()
