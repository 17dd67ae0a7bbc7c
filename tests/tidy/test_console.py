"""The console's sources: colours in one place, nobody else is asked, no style attributes."""

import re
from pathlib import Path

import pytest

from tests.tidy.project import ROOT

SOURCES = sorted((ROOT / "console/src").rglob("*.ts*")) + sorted(
    (ROOT / "console/src").rglob("*.css")
)
TOKENS = ROOT / "console/src/theme/tokens.css"
MADE = ("schema.ts", "icons.ts")
FORBIDDEN = {
    r"#[0-9a-fA-F]{3,8}\b(?![-\w])": "a colour outside of theme/tokens.css",
    r"\b(?:rgba?|hsla?)\(": "a colour outside of theme/tokens.css",
    r"https?://(?!www\.w3\.org/)": "another host",
    r"\bstyle=\{(?!vars\()": "a style attribute: set a custom property",
    r"dangerouslySetInnerHTML|innerHTML|insertAdjacentHTML|document\.write": "markup from text",
    r"\beval\(|new Function\(": "code from text",
}


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.name)
def test_sources_keep_the_rules_of_the_console(path: Path) -> None:
    if path.name in MADE:
        return
    text = path.read_text(encoding="utf-8")
    for pattern, what in FORBIDDEN.items():
        if "colour" in what and path == TOKENS:
            continue
        found = re.search(pattern, text)
        assert found is None, f"{path.relative_to(ROOT)}: {found and found[0]!r} is {what}"


def test_packages_come_from_the_registry_that_the_machine_is_set_to() -> None:
    lock = (ROOT / "console/package-lock.json").read_text(encoding="utf-8")
    assert '"resolved"' not in lock
    assert not re.search("^registry=", (ROOT / "console/.npmrc").read_text(), re.MULTILINE)


def test_modules_of_the_console_are_short() -> None:
    long = [
        f"{path.relative_to(ROOT)}: {lines}"
        for path in SOURCES
        if path.name not in MADE and (lines := path.read_text(encoding="utf-8").count("\n")) > 400
    ]
    assert long == []
