"""`anypool demo` as a process: from nothing, marked as simulated, failing on demand, and gone."""

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from tests.service.manager_kit import DEADLINE_S, until
from tests.service.process_kit import ANYPOOL, Said, here

READY = "Ctrl-C here ends everything"
SIZE = ("--hosts", "8", "--vms", "60", "--listen", "127.0.0.1:0")


class Show:
    """A demo that goes on, and the command line beside it; `apart` is in processes of its own."""

    def __init__(
        self, process: subprocess.Popen[bytes], said: Path, around: dict[str, str], *, apart: bool
    ) -> None:
        self.process = process
        self._said = said
        self._around = around
        self._apart = apart

    @property
    def said(self) -> str:
        return self._said.read_text()

    @property
    def url(self) -> str:
        found = re.search(r"listens on (http://\S+)", self.said)
        assert found is not None
        return found[1]

    def __call__(self, *words: str, code: int = 0) -> str:
        said = self._in_a_process(words) if self._apart else here(words, self._around)
        assert said.code == code, said.err
        return said.out + said.err

    def _in_a_process(self, words: tuple[str, ...]) -> Said:
        done = subprocess.run(
            [*ANYPOOL, *words], stdin=subprocess.DEVNULL, capture_output=True, text=True,
            env=self._around, timeout=DEADLINE_S, check=False,
        )  # fmt: skip
        return Said(done.returncode, done.stdout, done.stderr)


@contextmanager
def demo(tmp_path: Path, *options: str, **environment: str) -> Iterator[Show]:
    (tmp_path / "tmp").mkdir(exist_ok=True)
    around = {
        **os.environ,
        "HOME": str(tmp_path / "home"),
        "XDG_CONFIG_HOME": str(tmp_path / "config"),
        "TMPDIR": str(tmp_path / "tmp"),
        **environment,
    }
    said = tmp_path / "said"
    with said.open("wb") as output:
        process = subprocess.Popen(
            [*ANYPOOL, "demo", *SIZE, *options],
            stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=around,
        )  # fmt: skip
    try:
        until(lambda: process.poll() is not None or READY in said.read_text(), said.read_text())
        assert READY in said.read_text(), said.read_text()
        yield Show(process, said, around, apart=bool(environment))
        process.send_signal(signal.SIGINT)
        assert process.wait(DEADLINE_S) == 0, said.read_text()
    finally:
        process.kill()
        process.wait()


def test_a_demo_is_marked_fails_on_demand_and_leaves_nothing(tmp_path: Path) -> None:
    with demo(tmp_path) as show:
        assert "SIMULATED" in show.said
        health = httpx.get(f"{show.url}/api/v1/health")
        assert health.json() == {"status": "ok", "simulated": True}
        assert health.headers["x-anypool-simulated"] == "true"
        assert httpx.get(show.url).headers["x-anypool-simulated"] == "true"
        assert show("host", "list", "-o", "name").split() == [f"h{n}" for n in range(1, 9)]
        assert "no real hosts" in show("host", "add", "test:///default", code=2)
        assert "power" in show("demo", "play", "host-down", "h3")
        until(lambda: "unknown" in show("host", "list", "--filter", "name = h3"), "it is seen")
        assert "h3 is down" in show("demo", "play")
        show("demo", "play", "heal")
        until(lambda: " up " in show("host", "list", "--filter", "name = h3"), "it is back")
        assert "there is no scene" in show("demo", "play", "flood", code=3)
        assert "demo.played" in show("event", "list", "--filter", "kind = demo.played")
    assert "nothing is left" in (tmp_path / "said").read_text()
    assert list((tmp_path / "tmp").iterdir()) == []
    assert not (tmp_path / "config" / "anypool").exists()
    assert not (tmp_path / "home").exists()


def test_a_demo_that_is_kept_begins_where_it_was(tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    with demo(tmp_path, "--state", str(kept)) as show:
        show("demo", "play", "by-hand", "mail-01")
    with demo(tmp_path, "--state", str(kept)) as show:
        assert "stopped" in show("vm", "list", "--filter", "name = mail-01")
    assert (kept / "simulated.world").exists()


def test_a_lost_answer_leaves_a_vm_running_once(tmp_path: Path) -> None:
    with demo(tmp_path) as show:
        show("demo", "play", "lost-answer")
        show("vm", "migrate", "shop-web-01", "--watch")
        assert "running" in show("vm", "list", "--filter", "name = shop-web-01")
        assert "VMs that ran twice: 0, VMs lost: 0" in show("demo", "play")
        assert show("vm", "list", "--filter", "state = unknown", "-o", "name") == ""


def test_a_demo_needs_nothing_that_only_linux_has(tmp_path: Path) -> None:
    blocked = tmp_path / "blocked"
    blocked.mkdir()
    shutil.copy(Path(__file__).with_name("not_linux.py"), blocked / "sitecustomize.py")
    path = os.pathsep.join([str(blocked), *filter(None, [os.environ.get("PYTHONPATH")])])
    tried = subprocess.run(
        [sys.executable, "-c", "import select, sys; sys.exit(hasattr(select, 'epoll'))"],
        env={**os.environ, "PYTHONPATH": path}, timeout=DEADLINE_S, check=False,
    )  # fmt: skip
    assert tried.returncode == 0, "the blockade holds"
    with demo(tmp_path, PYTHONPATH=path) as show:
        show("host", "evacuate", "h2", "--dry-run")
        show("vm", "migrate", "mail-01", "--watch")
        show("demo", "play", "network-cut", "h2")
    assert list((tmp_path / "tmp").iterdir()) == []


@pytest.mark.parametrize("hosts", ["0", "-1", "many"])
def test_a_demo_of_no_size(tmp_path: Path, hosts: str) -> None:
    done = subprocess.run(
        [*ANYPOOL, "demo", "--hosts", hosts], capture_output=True, text=True,
        env={**os.environ, "TMPDIR": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path)},
        timeout=DEADLINE_S, check=False,
    )  # fmt: skip
    assert done.returncode == 2, done.stderr
    assert "hint" in done.stderr
    assert list(tmp_path.iterdir()) == []
