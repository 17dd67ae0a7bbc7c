"""The generated pages of the reference are what the code says today."""

import pytest

from scripts.reference import PAGES, pages


@pytest.mark.parametrize("name", sorted(pages()))
def test_the_page_is_current(name: str) -> None:
    written = (PAGES / name).read_text(encoding="utf-8")
    assert written == pages()[name], "run `make docs` and commit what changed"
