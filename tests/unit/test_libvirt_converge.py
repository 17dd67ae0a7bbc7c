"""The pause of a migration: short while patience pays, longer only when it must be."""

from hypothesis import given
from hypothesis import strategies as st

from anypool.drivers.libvirt.converge import PATIENCE, Patience, Reading, heed

MIB = 1 << 20


def run(patience: Patience, left_mib: list[int], bytes_per_s: int = 100 * MIB) -> Patience:
    for number, left in enumerate(left_mib, start=1):
        reading = Reading(iteration=number, left_bytes=left * MIB, bytes_per_s=bytes_per_s)
        patience = heed(patience, reading)
    return patience


def test_a_transfer_that_converges_keeps_its_short_pause() -> None:
    patience = Patience(pause_ms=10, limit_ms=2000)
    assert run(patience, [512, 100, 30, 9, 3, 1]).pause_ms == 10


def test_a_transfer_that_does_not_converge_gets_a_longer_pause() -> None:
    patience = run(Patience(pause_ms=10, limit_ms=2000), [512, 40, *[40] * (PATIENCE + 1)])
    assert patience.pause_ms == 40 * 1000 // 100 // 2


def test_the_pause_grows_step_by_step_to_what_is_needed() -> None:
    stuck = [512, 8] + [8] * 40
    patience = run(Patience(pause_ms=10, limit_ms=2000), stuck)
    assert patience.pause_ms >= 80


def test_readings_of_one_iteration_never_raise_the_pause() -> None:
    patience = Patience(pause_ms=10, limit_ms=2000, iteration=7, peak_bytes=1, last_peak_bytes=1)
    for left in (1, 50, 100, 100, 100, 100):
        reading = Reading(iteration=7, left_bytes=left * MIB, bytes_per_s=1)
        patience = heed(patience, reading)
    assert patience.pause_ms == 10


@given(
    st.lists(st.tuples(st.integers(1, 50), st.integers(0, 1 << 40), st.integers(0, 1 << 34))),
    st.integers(1, 500),
    st.integers(0, 5000),
)
def test_the_pause_never_falls_and_never_passes_its_limit(
    numbers: list[tuple[int, int, int]], first_ms: int, room_ms: int
) -> None:
    patience = Patience(pause_ms=first_ms, limit_ms=first_ms + room_ms)
    for iteration, left, rate in numbers:
        before = patience.pause_ms
        patience = heed(patience, Reading(iteration=iteration, left_bytes=left, bytes_per_s=rate))
        assert before <= patience.pause_ms <= patience.limit_ms
