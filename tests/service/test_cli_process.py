"""Commands that start, enter or trust a manager process."""

import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from anypool.api.showing import Showing
from anypool.app import build, run
from anypool.cli import contexts
from anypool.clock import SystemClock
from anypool.settings import Settings
from tests.service.manager_kit import DEADLINE_S, until
from tests.unit.cli_kit import Terminal

ANYPOOL = [sys.executable, "-m", "anypool.cli.main"]


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_quickstart_shows_a_pool_and_leaves_only_the_state_folder(
    tmp_path: Path, stop: signal.Signals
) -> None:
    state, said = tmp_path / "state", tmp_path / "said"
    environment = {**os.environ, "ANYPOOL_CONFIG": str(tmp_path / "contexts.json")}
    words = ["quickstart", "--simulated", "--listen", "127.0.0.1:0", "--state", str(state)]
    with said.open("wb") as output:
        shown = subprocess.Popen([*ANYPOOL, *words], stdout=output, stderr=output, env=environment)
    try:
        until(lambda: "Ctrl-C here ends everything" in said.read_text(), said.read_text())
        assert "/login#code=" in said.read_text()
        listed = subprocess.run(
            [*ANYPOOL, "host", "list", "-o", "name"],
            capture_output=True, text=True, env=environment, timeout=DEADLINE_S, check=True,
        )  # fmt: skip
        assert listed.stdout.split() == ["h1", "h2", "h3"]
        shown.send_signal(stop)
        assert shown.wait(DEADLINE_S) == 0
    finally:
        shown.kill()
        shown.wait()
    assert f"the state folder stays: {state}" in said.read_text()
    assert not _managers_of(state)


def test_a_manager_does_not_outlive_a_quickstart_that_was_killed(tmp_path: Path) -> None:
    state = tmp_path / "state"
    environment = {**os.environ, "ANYPOOL_CONFIG": str(tmp_path / "contexts.json")}
    words = ["quickstart", "--simulated", "--listen", "127.0.0.1:0", "--state", str(state)]
    shown = subprocess.Popen(
        [*ANYPOOL, *words],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment,
    )  # fmt: skip
    try:
        until(lambda: len(_managers_of(state)) > 1, "the manager runs")
    finally:
        shown.kill()
        shown.wait()
    until(lambda: not _managers_of(state), "the manager ended, too")


def _managers_of(state: Path) -> list[str]:
    """Return the processes that were told to work in a state folder."""
    commands = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            commands.append(entry.read_bytes())
        except OSError:
            continue
    return [command.decode() for command in commands if str(state).encode() in command]


@contextmanager
def encrypted(state: Path, **settings: Any) -> Iterator[tuple[str, str, str]]:
    """Yield address, fingerprint and a login code of a manager with its own certificate."""
    chosen = Settings(state_dir=str(state), workers=1, **settings)
    app = build(chosen)
    app.start()
    listener = socket.create_server(("127.0.0.1", 0))
    showing = Showing(chosen, frozenset({"127.0.0.1"}), SystemClock())
    server = threading.Thread(target=run, args=(app, listener, showing))
    server.start()
    code = app.services.logins.first_code() or app.services.logins.code()
    try:
        url = f"https://127.0.0.1:{listener.getsockname()[1]}"
        yield url, showing.certificate.fingerprint, code
    finally:
        app.web.stop()
        server.join(DEADLINE_S)
        app.stop()
        listener.close()


def test_a_managers_own_certificate_is_trusted_by_its_fingerprint_only(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANYPOOL_CONFIG", str(tmp_path / "contexts.json"))
    anypool = Terminal(capsys)
    with encrypted(tmp_path / "state") as (url, fingerprint, code):
        link = f"{url}/login#code={code}"
        unknown = anypool("login", link)
        assert unknown.code == 2
        assert "nobody vouches" in unknown.err
        wrong = anypool("login", link, "--fingerprint", "00:11")
        assert wrong.code == 2
        assert "another certificate" in wrong.err
        assert anypool("login", link, "--fingerprint", fingerprint).code == 0
        assert anypool("user", "list", "-o", "name").out == "admin\n"
        file = contexts.path()
        known = contexts.load(file)
        name, context = known.current, known.get(known.current)
        forged = contexts.Context(url=context.url, token=context.token, fingerprint="00" * 32)
        contexts.save(file, known.with_context(name, forged))
        changed = anypool("user", "list")
        assert changed.code == 2
        assert "not the known one" in changed.err
