"""What is written anywhere in the project: no leftovers, links that lead somewhere."""

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

import anypool
from tests.tidy.project import ROOT, files, shown, texts

LEFTOVER = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b")
SOMEBODYS_FOLDER = re.compile(r"(?<![\w.$}])/(home|Users|work|root)/\w")
MADE_UP_FOLDER = "/home/s"
"""The home of `somebody`, in tests."""
LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)|!\[[^\]]*\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ +(.+)$", re.MULTILINE)
FENCED = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)


def test_nothing_is_left_to_be_done() -> None:
    found = [
        f"{shown(path)}: {match[0]}"
        for path, text in texts()
        if path != Path(__file__)
        for match in LEFTOVER.finditer(text)
    ]
    assert found == []


def test_no_folder_of_a_developers_machine_is_named() -> None:
    found = [
        f"{shown(path)}: {match[0]}"
        for path, text in texts()
        for match in SOMEBODYS_FOLDER.finditer(text)
        if match[0] != MADE_UP_FOLDER
    ]
    assert found == []


def test_every_link_in_the_documentation_leads_somewhere() -> None:
    assert [f"{shown(page)}: {target}" for page, target in links() if not leads(page, target)] == []


def links() -> Iterator[tuple[Path, str]]:
    for page, text in texts():
        if page.suffix == ".md":
            for match in LINK.finditer(FENCED.sub("", text)):
                yield page, match[1] or match[2]


def leads(page: Path, target: str) -> bool:
    if re.match(r"[a-z]+:", target):
        return True
    name, _, anchor = target.partition("#")
    file = (page.parent / name).resolve() if name else page
    if not file.exists():
        return False
    return not anchor or anchor in anchors(file)


def anchors(page: Path) -> set[str]:
    headings = HEADING.findall(FENCED.sub("", page.read_text(encoding="utf-8")))
    return {re.sub(r"[^\w\- ]", "", text.lower()).strip().replace(" ", "-") for text in headings}


def test_the_changelog_knows_this_version() -> None:
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert re.search(rf"^## {re.escape(anypool.__version__)}\b", changelog, re.MULTILINE)


def test_decisions_are_numbered_without_gaps() -> None:
    numbers = sorted(int(path.name[:4]) for path in (ROOT / "docs/adr").glob("0*.md"))
    assert numbers == list(range(1, len(numbers) + 1))


def shell_scripts() -> list[Path]:
    return [
        path
        for path in files()
        if path.suffix == ".sh" or (not path.suffix and path.read_bytes().startswith(b"#!/bin/sh"))
    ]


def test_shell_scripts_are_posix_sh() -> None:
    for script in shell_scripts():
        subprocess.run(["/bin/sh", "-n", script], check=True, timeout=10)


@pytest.mark.tools
def test_shell_scripts_satisfy_shellcheck() -> None:
    if not shutil.which("shellcheck"):
        pytest.skip("shellcheck is not installed")
    checked = subprocess.run(
        ["shellcheck", "-x", *map(str, shell_scripts())],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert checked.stdout == ""
