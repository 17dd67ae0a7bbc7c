"""Loads as bytes and back: nothing is lost but what the scale rounds off, and gaps stay gaps."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from anypool.errors import StoreFailed
from anypool.model.metric import COUNT, GAP, METRICS, STEP, to_codes, to_values
from anypool.model.summary import merged, percentile, percentiles, summed
from anypool.store.loadcodec import (
    Chunk,
    Tail,
    decode_chunk,
    decode_day,
    decode_metric,
    decode_tail,
    encode_chunks,
    encode_day,
    encode_tail,
    merge_chunks,
)

SLOTS = 12
STEP_S = 300
CODES = st.one_of(st.just(0), st.integers(0, 16383), st.integers(1000, 1010))
HOURS = arrays(
    np.uint16, st.tuples(st.integers(1, 4), st.just(COUNT), st.just(SLOTS)), elements=CODES
)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.floats(0, 1e13), min_size=1, max_size=20))
def test_a_kept_value_is_off_by_a_quarter_of_a_percent_at_most(drawn: list[float]) -> None:
    values = np.tile(np.array(drawn), (COUNT, 1))
    kept = to_values(to_codes(values))
    floors = np.array([metric.floor for metric in METRICS])[:, None]
    assert (np.abs(kept - values) <= (values + floors) * STEP / 2 * 1.01).all()


def test_what_is_not_a_number_is_a_gap_and_zero_is_zero() -> None:
    values = np.array([np.nan, np.inf, 0.0, -1.0, 1e300, 3.0])
    codes = to_codes(np.tile(values, (COUNT, 1)))
    assert codes[0, :4].tolist() == [GAP, GAP, 1, 1]
    kept = to_values(codes)
    assert np.isnan(kept[:, :2]).all()
    assert (kept[:, 2] == 0.0).all()


@settings(max_examples=25, deadline=None)
@given(HOURS)
def test_chunks_come_back_as_they_were(codes: np.ndarray) -> None:
    for number, body in enumerate(encode_chunks(STEP_S, codes)):
        if body is None:
            assert (codes[number] == GAP).all()
        else:
            found = decode_chunk(body)
            assert found.step_s == STEP_S
            assert (found.codes == codes[number]).all()


@settings(max_examples=25, deadline=None)
@given(HOURS, st.integers(1, 16383), st.integers(0, COUNT - 1))
def test_one_metric_of_many_chunks_is_as_in_each(codes: np.ndarray, fill: int, metric: int) -> None:
    whole = np.where(codes == GAP, np.uint16(fill), codes)
    bodies = dict(enumerate(encode_chunks(STEP_S, codes) + encode_chunks(STEP_S, whole)))
    known = {key: body for key, body in bodies.items() if body is not None}
    found, broken = decode_metric({**known, 99: b"\x09", 98: b"\x01" * 40}, metric)
    assert set(broken) == {98, 99}
    assert set(found) == set(known)
    for key, body in known.items():
        assert (found[key] == decode_chunk(body).codes[metric]).all()


@settings(max_examples=25, deadline=None)
@given(HOURS, st.data())
def test_tails_come_back_as_they_were(hour: np.ndarray, data: st.DataObject) -> None:
    codes = np.ascontiguousarray(hour.transpose(2, 1, 0))
    count = codes.shape[2]
    numbers = data.draw(
        st.lists(st.integers(0, 2**32 - 1), min_size=count, max_size=count, unique=True)
    )
    objects = np.array(sorted(numbers), np.uint32)
    found = decode_tail(encode_tail(Tail(STEP_S, tuple(range(SLOTS)), objects, codes)))
    assert found.slots == tuple(range(SLOTS))
    assert (found.objects == objects).all()
    assert (found.codes == codes).all()


@pytest.mark.parametrize("decode", [decode_chunk, decode_day, decode_tail])
@pytest.mark.parametrize("body", [b"", b"\x09", b"\x01\x00\x00\x00\x00\x00\x00\x00", b"\x03" * 40])
def test_bytes_that_are_none_are_refused(decode: object, body: bytes) -> None:
    with pytest.raises(StoreFailed):
        decode(body)  # type: ignore[operator]


@settings(max_examples=25, deadline=None)
@given(HOURS, HOURS)
def test_of_two_chunks_the_newer_values_count(old: np.ndarray, new: np.ndarray) -> None:
    both = merge_chunks(Chunk(STEP_S, old[0]), Chunk(STEP_S, new[0])).codes
    assert (both[new[0] != GAP] == new[0][new[0] != GAP]).all()
    assert (both[new[0] == GAP] == old[0][new[0] == GAP]).all()


def test_chunks_of_two_steps_merge_into_the_coarser() -> None:
    fine = np.zeros((COUNT, 120), np.uint16)
    fine[:, 0:10] = 50
    coarse = np.zeros((COUNT, SLOTS), np.uint16)
    coarse[:, 3] = 70
    both = merge_chunks(Chunk(30, fine), Chunk(STEP_S, coarse))
    assert both.step_s == STEP_S
    assert both.codes[0].tolist() == [50, 0, 0, 70] + [0] * 8


@settings(max_examples=25, deadline=None)
@given(
    st.lists(
        arrays(np.uint16, st.tuples(st.just(COUNT), st.integers(0, 30)), elements=CODES),
        min_size=1,
        max_size=4,
    )
)
def test_days_add_up(days: list[np.ndarray]) -> None:
    rows = []
    for day in days:
        values = to_values(day)
        parts = tuple(summed(day[metric], values[metric]) for metric in range(COUNT))
        rows.append(decode_day(encode_day(parts)))
    every = np.concatenate(days, axis=1)
    for metric in range(COUNT):
        found = merged(row[metric] for row in rows)
        known = np.sort(to_values(every)[metric][every[metric] != GAP])
        assert found.count == known.size
        if not known.size:
            assert percentile(found, metric, 95) is None
            continue
        assert found.total == pytest.approx(known.sum(), rel=1e-6)
        answer = percentiles(found, metric)
        assert answer.max == pytest.approx(known[-1])
        for percent, got in (
            (50, answer.p50),
            (90, answer.p90),
            (95, answer.p95),
            (99, answer.p99),
        ):
            exact = known[max(1, int(np.ceil(known.size * percent / 100))) - 1]
            assert got is not None
            assert abs(got - exact) <= 0.02 * (exact + METRICS[metric].floor)
