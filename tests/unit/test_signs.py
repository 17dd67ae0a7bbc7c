"""Whether another manager is alive is known by what changes in its row, not by any clock of its."""

from anypool.clock import ManualClock
from anypool.engine.signs import Signs
from anypool.store.peers import Peer


def at(holder: str, seen_at: float) -> Peer:
    return Peer(holder=holder, host="m", seen_at=seen_at)


def test_a_manager_is_alive_from_its_second_sign_until_a_lease_after_its_last() -> None:
    clock = ManualClock()
    signs = Signs(clock, 6.0)
    assert signs.look([at("a", 1e9)]) == frozenset(), "it may have ended long ago"
    clock.advance(1.5)
    assert signs.look([at("a", 1e9)]) == frozenset()
    assert signs.look([at("a", 5.0)]) == {"a"}, "its clock went back, and it is alive"
    clock.advance(5.9)
    assert signs.look([at("a", 5.0)]) == {"a"}
    clock.advance(0.1)
    assert signs.look([at("a", 5.0)]) == frozenset()
    assert signs.look([at("a", 6.0), at("b", 1.0)]) == {"a"}


def test_one_that_went_and_came_back_is_new() -> None:
    signs = Signs(ManualClock(), 6.0)
    signs.look([at("a", 1.0)])
    assert signs.look([at("a", 2.0)]) == {"a"}
    assert signs.look([]) == frozenset()
    assert signs.look([at("a", 2.0)]) == frozenset()
