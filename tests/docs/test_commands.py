"""Every command in the documentation is one that the command line understands."""

import shlex
from pathlib import Path

import pytest

from anypool.cli.main import tree
from tests.docs.pages import ROOT, Command, commands, pages

WRITTEN = [
    (page, command)
    for page in pages()
    for command in commands(page)
    if command.words[0] == "anypool"
]


def name_of(value: object) -> str:
    return str(value.relative_to(ROOT)) if isinstance(value, Path) else str(value)


def test_there_are_commands_to_look_at() -> None:
    assert len(WRITTEN) > 20


@pytest.mark.parametrize(("page", "command"), WRITTEN, ids=name_of)
def test_the_command_is_understood(page: Path, command: Command) -> None:
    tree().parse_args(
        shlex.join(command.words[1:]),
        exit_on_error=False,
        print_error=False,
        end_of_options_delimiter="--",
    )
