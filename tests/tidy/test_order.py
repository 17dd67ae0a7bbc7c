from pathlib import Path

from tests.order import LONG

TESTS = Path(__file__).parents[1]


def test_files_that_are_begun_first_are_there() -> None:
    assert [file for file in LONG if not (TESTS / file).exists()] == []
    assert len({*LONG}) == len(LONG)
