"""The generated pages of the reference are what the code says today."""

import pytest

from scripts.reference import MAKERS, PAGES


@pytest.mark.parametrize("name", MAKERS)
def test_the_page_is_current(name: str) -> None:
    written = (PAGES / name).read_text(encoding="utf-8")
    assert written == MAKERS[name](), "run `make docs` and commit what changed"
