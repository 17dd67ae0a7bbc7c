"""A manager as a process, and the command line in this one or as another."""

import io
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any, NamedTuple
from unittest import mock

import httpx

from anypool.cli import child
from anypool.cli.client import Client
from anypool.cli.connection import open_http
from anypool.cli.contexts import Context
from anypool.cli.login import by_code
from anypool.cli.main import run
from anypool.settings import Settings
from tests.service.manager_kit import problem

ANYPOOL = [sys.executable, "-m", "anypool.cli.main"]
PATIENCE_S = 90.0
_CODE = re.compile(r"/login#code=(\S+)")


class Said(NamedTuple):
    """What a command ended with."""

    code: int
    out: str
    err: str


class Served:
    """A manager process, its API, and the command line that speaks to it."""

    def __init__(self, manager: child.Manager, token: str) -> None:
        self.manager = manager
        self.environment = {**os.environ, "ANYPOOL_URL": manager.url, "ANYPOOL_TOKEN": token}
        self._context = Context(url=manager.url, token=token)

    def start(self, *words: str) -> subprocess.Popen[str]:
        """Begin a command."""
        return subprocess.Popen(
            [*ANYPOOL, *words],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            text=True, env=self.environment,
        )  # fmt: skip

    def __call__(self, *words: str) -> Said:
        """Run a command to its end, by the command line's own entry in this process.

        `start` has a process of its own, which spends a third of a second on its imports.
        """
        return here(words, self.environment)

    @contextmanager
    def client(self) -> Iterator[Client]:
        """A client of the API."""
        with open_http(self._context) as http:
            yield Client(http)

    def request(self, method: str, path: str, body: Any = None) -> httpx.Response:
        """Speak HTTP."""
        with open_http(self._context) as http:
            return http.request(method, f"/api/v1{path}", json=body, timeout=PATIENCE_S)

    def rows(self, noun: str, **query: str) -> list[dict[str, Any]]:
        """What is listed."""
        with open_http(self._context) as http:
            answer = http.get(f"/api/v1/{noun}", params=query)
        assert answer.status_code == 200, answer.text
        found: list[dict[str, Any]] = answer.json()["items"]
        return found

    def refused(self, method: str, path: str, body: Any, status: int) -> dict[str, Any]:
        """Ask for what must be refused; return the problem document."""
        found = problem(self.request(method, path, body), status)
        assert found["hint"], found
        return found


def here(words: Sequence[str], environment: Mapping[str, str]) -> Said:
    """Run a command to its end in this process, with nobody at its standard input."""
    said, complained = io.StringIO(), io.StringIO()
    with (
        mock.patch.dict(os.environ, environment, clear=True),
        mock.patch.object(sys, "stdin", io.StringIO()),
        redirect_stdout(said),
        redirect_stderr(complained),
    ):
        code = run(words)
    return Said(code, said.getvalue(), complained.getvalue())


def ended(command: subprocess.Popen[str]) -> Said:
    """Wait for a command."""
    try:
        out, err = command.communicate(timeout=PATIENCE_S)
    finally:
        command.kill()
    return Said(command.returncode, out, err)


def logged_in(manager: child.Manager) -> Served:
    """Log in with the link that a manager prints when it starts for the first time."""
    found = _CODE.search(manager.log.read_text())
    assert found is not None
    return Served(manager, by_code(Context(url=manager.url), found[1]).token)


@contextmanager
def served(state: Path, before: Sequence[str] = ()) -> Iterator[Served]:
    """Yield a manager that somebody is logged in to."""
    state.mkdir(mode=0o700, exist_ok=True)
    (state / "anypool.toml").write_text("observe_every_s = 2.0")
    with child.manager(Settings(state_dir=str(state), listen_port=0), before) as manager:
        yield logged_in(manager)
