"""Every command line the documentation shows is one that the program understands."""

import re
import shlex
from pathlib import Path

import pytest

from anypool.cli.main import tree

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
SHOWN = re.compile(r"^\s*\$ (?:\w+=\S+ )*(?:sudo )?(anypool .*)$", re.MULTILINE)


def shown() -> list[tuple[str, str]]:
    return [
        (str(page.relative_to(ROOT)), line)
        for page in PAGES
        if page.exists()
        for line in SHOWN.findall(page.read_text(encoding="utf-8"))
    ]


@pytest.mark.parametrize(("page", "line"), shown())
def test_a_command_in_the_documentation_is_understood(page: str, line: str) -> None:
    words = shlex.split(line, comments=True)[1:]
    words = ["1" if word.isupper() and word.isalpha() else word for word in words]
    if not {"--help", "-h"} & set(words):
        tree().parse_args(words)


def test_there_are_commands_to_look_at() -> None:
    assert len(shown()) > 5
