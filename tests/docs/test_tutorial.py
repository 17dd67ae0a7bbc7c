"""The tutorial is followed, word for word: on a simulated pool, and in a lab on real hosts."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.docs.pages import ROOT, Command, commands

PAGE = ROOT / "docs/tutorial/first-pool.md"
ANYPOOL = str(Path(sys.executable).with_name("anypool"))
HEADING = re.compile(r"[A-Z]+( +[A-Z]+)+")
START_S, COMMAND_S, END_S = 180.0, 120.0, 60.0


def to_follow() -> list[Command]:
    return [command for command in commands(PAGE) if command.words[0] == "anypool"]


@contextmanager
def quickstart(folder: Path, *options: str) -> Iterator[dict[str, str]]:
    """Run what ./run ends in, until it says that it is ready; then end it as Ctrl-C does."""
    environment = {
        **os.environ,
        "ANYPOOL_STATE": str(folder / "state"),
        "ANYPOOL_CONFIG": str(folder / "contexts.json"),
        "XDG_STATE_HOME": str(folder / "xdg"),
        "COLUMNS": "200",
    }
    said = folder / "said"
    with said.open("w") as output:
        process = subprocess.Popen(
            [ANYPOOL, "quickstart", "--listen", "127.0.0.1:0", *options],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        await_words(process, said, "Ctrl-C here ends everything")
        yield environment
    finally:
        process.send_signal(signal.SIGINT)
        code = process.wait(END_S)
    assert code == 0, said.read_text()
    assert "everything is down" in said.read_text()


def await_words(process: subprocess.Popen[bytes], said: Path, words: str) -> None:
    deadline = time.monotonic() + START_S
    while words not in said.read_text():
        assert process.poll() is None, said.read_text()
        assert time.monotonic() < deadline, said.read_text()
        time.sleep(0.1)


def follow(command: Command, environment: Mapping[str, str]) -> None:
    words = command.words[1:]
    wanted = command.mark.partition("until: ")[2]
    deadline = time.monotonic() + COMMAND_S
    while True:
        done = subprocess.run(
            [ANYPOOL, *words],
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=COMMAND_S,
            check=False,
        )
        assert done.returncode == 0, f"{command}: {done.stderr}"
        if not wanted or re.search(rf"\b{wanted}\b", done.stdout):
            break
        assert time.monotonic() < deadline, f"{command}: never {wanted!r} in\n{done.stdout}"
        time.sleep(0.2)
    headings = [line.strip() for line in command.shown if HEADING.fullmatch(line.strip())]
    for heading in headings:
        assert heading.split() == done.stdout.splitlines()[0].split()


def test_it_can_be_followed_on_a_simulated_pool(tmp_path: Path) -> None:
    with quickstart(tmp_path, "--simulated") as environment:
        for command in to_follow():
            if "real hosts" not in command.mark:
                follow(command, environment)


@pytest.mark.lab
@pytest.mark.timeout(600)
def test_it_can_be_followed_on_real_hosts(tmp_path: Path) -> None:
    with quickstart(tmp_path) as environment:
        for command in to_follow():
            follow(command, environment)
