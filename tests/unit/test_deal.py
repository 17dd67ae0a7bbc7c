"""Pools are dealt out evenly, and few change hands."""

from hypothesis import given
from hypothesis import strategies as st

from anypool.engine.deal import deal

MANAGERS = ("m1", "m2", "m3")


def loads(weights: dict[str, int], dealt: dict[str, str], managers: tuple[str, ...]) -> list[int]:
    return [sum(weights[p] for p in weights if dealt[p] == one) for one in managers]


def test_one_manager_has_everything_and_one_pool_stays_with_the_first() -> None:
    assert deal({"a": 3, "b": 0}, ("m1",), {"a": "m9"}) == {"a": "m1", "b": "m1"}
    assert deal({"a": 3}, ("m1", "m2"), {}) == {"a": "m1"}
    assert deal({"a": 3, "b": 0}, ("m1", "m2"), {"b": "m2"}) == {"a": "m1", "b": "m1"}


def test_who_comes_gets_a_share_and_who_goes_leaves_it() -> None:
    weights = {"a": 2, "b": 2, "c": 2, "d": 2}
    alone = deal(weights, ("m1",), {})
    shared = deal(weights, ("m1", "m2"), alone)
    assert loads(weights, shared, ("m1", "m2")) == [4, 4]
    assert deal(weights, ("m1", "m2"), shared) == shared, "and it stays so"
    assert set(deal(weights, ("m2",), shared).values()) == {"m2"}


def test_only_as_many_change_hands_as_it_takes() -> None:
    now = {"a": "m1", "b": "m1", "c": "m2", "d": "m2"}
    dealt = deal({"a": 1, "b": 1, "c": 1, "d": 1, "e": 1}, ("m1", "m2", "m3"), now)
    assert sum(dealt[pool] != now[pool] for pool in now) <= 1


def test_one_whose_only_pool_is_large_keeps_nobody_else_from_sharing() -> None:
    now = {"a": "m1", "b": "m1"}
    dealt = deal({"a": 1, "b": 1, "c": 3}, MANAGERS, now)
    assert loads({"a": 1, "b": 1, "c": 3}, dealt, MANAGERS) == [1, 3, 1]


@given(
    st.dictionaries(st.sampled_from("abcdefgh"), st.integers(0, 20)),
    st.integers(1, 3),
    st.dictionaries(st.sampled_from("abcdefgh"), st.sampled_from([*MANAGERS, "gone"])),
)
def test_every_pool_goes_to_one_that_is_there_and_it_comes_to_rest(
    weights: dict[str, int], count: int, now: dict[str, str]
) -> None:
    managers = MANAGERS[:count]
    dealt = deal(weights, managers, now)
    assert dealt.keys() == weights.keys()
    assert set(dealt.values()) <= set(managers)
    assert deal(weights, managers, dealt) == dealt
    found = loads(weights, dealt, managers)
    for pool, holder in dealt.items():
        gap = found[managers.index(holder)] - min(found)
        assert weights[pool] == 0 or weights[pool] >= gap, "moving it would even them out"
