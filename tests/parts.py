"""Which tests belong to which part of ./test, and which files need not be read for a part."""

from functools import cache
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
FAST_FOLDERS = ("tidy", "unit", "contract")
SLOW_MARKS = ("browser", "lab", "postgres", "thorough", "vcsim")
MIXED = "contract"
"""A folder whose marks come from its conftest, with the platforms."""


def is_fast(item: pytest.Item) -> bool:
    """Whether a test belongs to the fast part."""
    return _folder(item.path) in FAST_FOLDERS and not _slow(item)


def may_hold(path: Path, part: str, marks: str) -> bool:
    """Whether a file may hold a test of a part; `marks` are those that pytest was asked for."""
    if path.suffix != ".py" or not path.name.startswith("test_") or _folder(path) == MIXED:
        return True
    if part == "rest" and marks == "lab":
        return "lab" in _named(path)
    return part == "fast" or _folder(path) not in FAST_FOLDERS or bool(_named(path))


def is_hidden(item: pytest.Item) -> bool:
    """Whether `may_hold` would miss a test, because its file does not name a mark it bears."""
    folder = _folder(item.path)
    asked = _slow(item) if folder in FAST_FOLDERS else _slow(item) & {"lab"}
    return folder != MIXED and not asked <= _named(item.path)


def _folder(path: Path) -> str:
    return path.relative_to(TESTS).parts[0] if path.is_relative_to(TESTS) else ""


def _slow(item: pytest.Item) -> set[str]:
    return {mark for mark in SLOW_MARKS if item.get_closest_marker(mark)}


@cache
def _named(path: Path) -> frozenset[str]:
    text = path.read_text(encoding="utf-8")
    return frozenset(mark for mark in SLOW_MARKS if f"mark.{mark}" in text)
