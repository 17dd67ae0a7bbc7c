"""Every command line the documentation shows is one that the program understands."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
from cyclopts import App

from anypool.cli.main import tree

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
SHOWN = re.compile(r"^\s*\$ (?:\w+=\S+ )*(?:sudo )?(anypool .*)$", re.MULTILINE)

ROOT_APP = tree()
NAMED = re.compile(r"`(anypool [^`\n]+)`")
"""A command in a sentence: of the documentation, or of what the program says."""
SAYING = [ROOT / "GLOSSARY.md", ROOT / "CHANGELOG.md", *PAGES, *(ROOT / "src").rglob("*.py")]


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


def named() -> list[tuple[str, str]]:
    return [
        (str(page.relative_to(ROOT)), line)
        for page in SAYING
        for line in NAMED.findall(page.read_text(encoding="utf-8"))
    ]


def test_a_command_in_a_sentence_is_there() -> None:
    wrong = [f"{page}: {line}: {why}" for page, line in named() for why in _unknown(line)]
    assert not wrong, "\n".join(wrong)


def test_a_command_that_is_not_there_is_found() -> None:
    assert len(named()) > 100
    for line in ("host leave-maintenance h1", "policy set x --no-fences", "list", "vm stop --hard"):
        assert list(_unknown(f"anypool {line}")), line


def _unknown(line: str) -> Iterator[str]:
    """Say what of a command in a sentence, which may be a part of one, is not there."""
    words = re.split(r"[\s=]+", line.replace("[", " ").replace("]", " "))[1:]
    app, path = ROOT_APP, []
    for word in words:
        if app.default_command is not None or not re.fullmatch(r"[a-z][a-z-]*", word):
            break
        if word not in app.resolved_commands():
            yield f"there is no {' '.join([*path, word])!r}"
            return
        app = app[word]
        path.append(word)
    known = _options(app)
    for word in words:
        if re.fullmatch(r"--[a-z-]+", word) and word not in known:
            yield f"{' '.join(path)!r} has no {word}"


def _options(app: App) -> set[str]:
    known = {"--help", "--version"}
    if app.default_command is not None:
        found = app.assemble_argument_collection(default_parameter=ROOT_APP.default_parameter)
        known.update(name for argument in found for name in argument.names)
    return known
