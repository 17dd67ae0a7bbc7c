from pathlib import Path
from typing import Any, NamedTuple

from tests.order import LONG, LONG_IN_THE_LAB, deal

TESTS = Path(__file__).parents[1]


class Item(NamedTuple):
    path: Path


def test_files_that_are_begun_first_are_there() -> None:
    assert [file for file in LONG + LONG_IN_THE_LAB if not (TESTS / file).exists()] == []
    assert len({*LONG, *LONG_IN_THE_LAB}) == len(LONG + LONG_IN_THE_LAB)


def test_each_worker_begins_with_a_file_that_takes_long() -> None:
    long = [Item(TESTS / file) for file in LONG_IN_THE_LAB for _ in range(2)]
    others = [Item(TESTS / f"lab/test_{number}.py") for number in range(101)]
    items: list[Any] = [*others, *long]
    deal(items, 4)
    assert sorted(items) == sorted([*others, *long])
    begins = [len(items) * number // 4 for number in range(4)]
    assert {items[begin].path for begin in begins} == {one.path for one in long[:8]}
