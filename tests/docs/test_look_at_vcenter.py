"""The page about looking at a vCenter is followed, word for word, at a simulated one."""

import os
import pty
import re
import select
import shlex
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from anypool.lab.vcsim import Vcsim, VcsimSpec, start
from tests.docs.pages import BLOCK, ROOT
from tests.unit.cli_kit import Terminal

HOWTO = ROOT / "docs/howto/look-at-your-vcenter.md"
DRIVER = ROOT / "docs/reference/vsphere.md"
PASSWORD = "canary-howto-pW4mT8xQ1z"
PATIENCE_S = 60.0
INSTALLING = ("python3 -m venv", "~/anypool-look/bin/pip", "export PATH")
ROW = re.compile(r"^\| (?P<level>[^|]+) \| (?P<privileges>[^|]+) \| (?P<methods>[^|]*) \|$", re.M)


def shown() -> list[str]:
    """Every command line of the page, in its order, as it stands there."""
    text = HOWTO.read_text(encoding="utf-8")
    blocks = (block["body"] for block in BLOCK.finditer(text))
    return [line[2:] for body in blocks for line in body.splitlines() if line.startswith("$ ")]


@pytest.fixture
def vcsim(tmp_path: Path) -> Iterator[Vcsim]:
    made = start(VcsimSpec(hosts=3, vms=6, password=PASSWORD, state_dir=tmp_path / "vcsim"))
    yield made
    made.stop()


@contextmanager
def serving(environment: Mapping[str, str], line: str, folder: Path) -> Iterator[None]:
    """Run what stays in its terminal; end it as Ctrl-C does."""
    said = folder / "said"
    with said.open("w") as output:
        process = subprocess.Popen(
            ["bash", "-c", f"exec {line}"],
            env=dict(environment), stdin=subprocess.DEVNULL, stdout=output, stderr=output,
        )  # fmt: skip
    try:
        until = time.monotonic() + PATIENCE_S
        while not _is_ready(environment["ANYPOOL_LISTEN_PORT"]):
            assert process.poll() is None, said.read_text()
            assert time.monotonic() < until, said.read_text()
            time.sleep(0.1)
        yield
    finally:
        process.send_signal(signal.SIGINT)
        assert process.wait(PATIENCE_S) == 0, said.read_text()
    assert PASSWORD not in said.read_text()


def _is_ready(port: str) -> bool:
    """Whether the manager leads; its port is open before that."""
    try:
        return httpx.get(f"http://127.0.0.1:{port}/api/v1/health/ready").is_success
    except httpx.TransportError:
        return False


def typed(line: str, environment: Mapping[str, str]) -> tuple[int, str]:
    """Run a line in a terminal and type the password where it is asked for."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.execvpe("bash", ["bash", "-c", line], dict(environment))
    said, given = "", False
    until = time.monotonic() + PATIENCE_S
    while True:
        assert time.monotonic() < until, f"{line}: {said}"
        if not select.select([terminal], [], [], 0.2)[0]:
            continue
        try:
            piece = os.read(terminal, 65536)
        except OSError:
            break
        if not piece:
            break
        said += piece.decode("utf-8", "replace")
        if "password for" in said and not given:
            os.write(terminal, f"{PASSWORD}\n".encode())
            given = True
    ended = os.waitpid(pid, 0)[1]
    os.close(terminal)  # earlier, and what has not quite ended is hung up
    return os.waitstatus_to_exitcode(ended), said


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


@pytest.mark.vcsim
def test_it_can_be_followed_from_nothing_to_nothing(
    vcsim: Vcsim,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("ANYPOOL")},
        "HOME": str(tmp_path),
        "XDG_CONFIG_HOME": str(tmp_path / ".config"),
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "ANYPOOL_LISTEN_PORT": str(free_port()),
        "COLUMNS": "200",
    }
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    quickly = Terminal(capsys)
    place = f"vsphere://{vcsim.user}@{vcsim.address}:{vcsim.port}/"
    lines = [line for line in shown() if not line.startswith(INSTALLING)]
    (serve,) = (line for line in lines if line.startswith("anypool serve"))
    (remove,) = (line for line in lines if line.startswith("rm -r"))
    all_said: dict[str, str] = {}
    with serving(environment, serve, tmp_path):
        for line in lines:
            if line in (serve, remove):
                continue
            told = line.replace("vsphere://anypool@vsphere.local@vcenter.example.net/", place)
            told = told.replace("FINGERPRINT", vcsim.fingerprint).replace("esx1", "DC0_C0_H0")
            if "host add" in line or "$(" in line:
                code, said = typed(told, environment)
            else:
                done = quickly(*shlex.split(told)[1:])  # as the program would, but at once
                code, said = done.code, done.out + done.err
            first = "host add" in line and "--option" not in line
            assert (code != 0) is first, f"{told}: {said}"
            assert PASSWORD not in said
            all_said[line] = said
            if first:
                assert vcsim.fingerprint in said
        state = tmp_path / "anypool-look/state"
        files = b"".join(one.read_bytes() for one in state.rglob("*") if one.is_file())
        assert PASSWORD.encode() not in files
    deaths = all_said["anypool pool death-map default"]
    assert all(name in deaths for name in ("DC0_C0_H0", "DC0_C0_H1", "DC0_C0_H2", "LocalDS_0"))
    assert typed(remove, environment)[0] == 0
    left = [str(one.relative_to(tmp_path)) for one in tmp_path.rglob("*") if one.is_file()]
    ours = [one for one in left if not one.startswith(("vcsim/", "said"))]
    assert [one for one in ours if "contexts.json" not in one] == []
    assert vcsim.user not in "".join((tmp_path / one).read_text() for one in ours)


@pytest.mark.vcsim
def test_the_privileges_are_those_of_the_library() -> None:
    pytest.importorskip("pyVmomi")
    from pyVmomi.VmomiSupport import GetWsdlMethod

    named = 0
    for row in ROW.finditer(DRIVER.read_text(encoding="utf-8")):
        told = set(re.findall(r"`([A-Z]\w+\.[\w.]+)`", row["privileges"]))
        for method in re.findall(r"`(\w+)`", row["methods"]):
            wanted = GetWsdlMethod("urn:vim25", method).info.privId
            named += 1
            if wanted is not None and not wanted.startswith("System."):
                assert wanted in told, f"{row['level']}: {method} needs {wanted}"
    assert named > 20
