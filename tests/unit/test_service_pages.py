from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anypool.errors import Invalid
from anypool.service.pages import Ask, encode_cursor, page

ROWS = [f"row{number:03}" for number in range(25)]


def walk(rows: list[str], limit: int) -> list[str]:
    seen: list[str] = []
    cursor = ""
    while True:
        found = page(rows, str, Ask(limit=limit, cursor=cursor))
        assert found.total == len(rows)
        assert len(found.items) <= limit
        seen += found.items
        if found.next is None:
            return seen
        cursor = found.next


@given(st.lists(st.text(max_size=5), unique=True, max_size=40), st.integers(1, 12))
def test_all_pages_together_are_the_list(rows: list[str], limit: int) -> None:
    assert walk(rows, limit) == rows


def test_rows_that_come_or_go_neither_repeat_nor_hide_others() -> None:
    first = page(ROWS, str, Ask(limit=10))
    cursor = first.next or ""
    with_more = ["added1", "added2", *ROWS]
    assert page(with_more, str, Ask(limit=5, cursor=cursor)).items == tuple(ROWS[10:15])
    with_fewer = ROWS[3:]
    assert page(with_fewer, str, Ask(limit=5, cursor=cursor)).items == tuple(ROWS[10:15])


def test_the_row_of_the_cursor_may_be_gone() -> None:
    cursor = page(ROWS, str, Ask(limit=10)).next or ""
    left = [row for row in ROWS if row != "row009"]
    assert page(left, str, Ask(limit=3, cursor=cursor)).items == ("row011", "row012", "row013")


def test_a_cursor_belongs_to_its_query() -> None:
    cursor = encode_cursor("state = running", "row001", 2)
    with pytest.raises(Invalid, match="another query"):
        page(ROWS, str, Ask(query="state = paused", cursor=cursor))


@given(st.text(max_size=60))
def test_a_forged_cursor_is_refused_and_never_a_crash(text: str) -> None:
    with suppress(Invalid):
        assert page(ROWS, str, Ask(cursor=text)).total == len(ROWS)


@pytest.mark.parametrize("position", [-1, -(10**9)])
def test_a_negative_place_is_no_place(position: int) -> None:
    with pytest.raises(Invalid):
        page(ROWS, str, Ask(cursor=encode_cursor("", "x", position)))


@pytest.mark.parametrize("limit", [0, -1, 1001, 10**9])
def test_limits(limit: int) -> None:
    with pytest.raises(Invalid):
        page(ROWS, str, Ask(limit=limit))
