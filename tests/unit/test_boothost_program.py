"""The boot host's program as it is shipped: installed, started, asked, ended."""

import ast
import json
import os
import shlex
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from anypool.boothost import installing
from anypool.boothost.control import Control
from anypool.boothost.installing import SERVICE, TARGETS, Places
from anypool.boothost.values import Refused
from anypool.drivers.boot.channel import Channel
from anypool.drivers.boot.driver import BootDriver
from anypool.errors import Denied, NotFound, OutcomeUnknown, Unreachable
from anypool.model import EndpointId
from anypool.model.boothost import ImageDeed, ImageOrder
from anypool.program import packed
from tests.unit.boothost_kit import SITE, Made
from tests.unit.cli_kit import FakeManager, Terminal, pretend


def test_the_program_is_one_file_that_is_the_same_each_time(tmp_path: Path) -> None:
    program = tmp_path / "program"
    program.write_bytes(packed("anypool.boothost"))
    assert packed("anypool.boothost") == program.read_bytes()
    words = [sys.executable, "-I", str(program), "--folder", str(tmp_path)]
    for command, said in (("status", "No such file"), ("run", "site.json")):
        done = subprocess.run([*words, command], capture_output=True, text=True, check=False)
        assert done.returncode == 1
        assert said in done.stderr
        assert "Traceback" not in done.stderr


def _ssh(monkeypatch: pytest.MonkeyPatch, folder: Path, script: str) -> Channel:
    """A way through an ssh that runs a script in its place."""
    (folder / "bin").mkdir(exist_ok=True)
    ssh = folder / "bin/ssh"
    ssh.write_text(f"#!/bin/sh\n{script}\n")
    ssh.chmod(0o755)
    monkeypatch.setenv("PATH", f"{ssh.parent}:{os.environ['PATH']}")
    return Channel("boot+ssh://root@boot1")


def test_a_boot_host_is_asked_through_ssh(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    made = Made(tmp_path)
    (tmp_path / "program").write_bytes(packed("anypool.boothost"))
    words = [sys.executable, "-I", f"{tmp_path}/program", "--folder", str(tmp_path), "ask"]
    channel = _ssh(monkeypatch, tmp_path, shlex.join(words))
    control = Control(made.host, f"{tmp_path}/control")
    thread = threading.Thread(target=control.serve_forever, args=(0.01,))
    thread.start()
    try:
        driver = BootDriver(channel, EndpointId("boot1"))
        (found,) = driver.observe().boot_hosts
        assert [one.name for one in found.images] == ["ram", "web"]
        with pytest.raises(NotFound, match="there is no web:7"):
            driver.change_image(ImageOrder(deed=ImageDeed.CHOOSE, name="web", version=7))
    finally:
        control.shutdown()
        control.server_close()
        thread.join()
        made.host.close()


@pytest.mark.parametrize(
    ("script", "deed", "error"),
    [
        ("echo 'Permission denied (publickey).' >&2; exit 255", True, Denied),
        ("echo 'No route to host' >&2; exit 255", False, Unreachable),
        ("exit 1", True, OutcomeUnknown),
        ("cat >/dev/null; echo nonsense", True, OutcomeUnknown),
        ("cat >/dev/null; echo nonsense", False, Unreachable),
    ],
)
def test_what_goes_wrong_with_ssh_is_told(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, script: str, deed: bool, error: type[Exception]
) -> None:
    with pytest.raises(error):
        _ssh(monkeypatch, tmp_path, script).ask("enter", 10, deed=deed)


def test_the_program_runs_on_the_oldest_python_it_promises() -> None:
    for file in Path(installing.__file__).parent.glob("*.py"):
        ast.parse(file.read_text(), feature_version=(3, 9))


def test_units_name_what_they_run(tmp_path: Path) -> None:
    places = Places(str(tmp_path))
    installing.write(SITE, b"program", places, f"{tmp_path}/var")
    assert Path(places.program).read_bytes() == b"program"
    assert os.access(places.program, os.X_OK)
    assert json.loads((tmp_path / "var/site.json").read_text())["address"] == SITE.address
    service = Path(places.unit(SERVICE)).read_text()
    assert f"ExecStart={places.program} --folder {tmp_path}/var run\n" in service
    assert f"Requires={TARGETS}\n" in service
    targets = Path(places.unit(TARGETS)).read_text()
    assert "--iscsi portal=10.0.0.5:3260\n" in targets
    assert f"TGT_IPC_SOCKET={tmp_path}/var/tgtd\n" in targets


def test_it_is_not_taken_away_while_servers_boot_there(tmp_path: Path) -> None:
    (tmp_path / "entries").mkdir()
    (tmp_path / "entries/p1.json").write_text("{}")
    with pytest.raises(Refused, match="servers boot from here"):
        installing.uninstall(Places(str(tmp_path)), str(tmp_path))


def test_images_are_ordered_at_the_only_boot_host(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    host = {"id": "boot1", "images": [{"name": "web", "current": 1, "versions": [1, 2]}]}
    manager = FakeManager(
        {
            "GET /boot-hosts": {"items": [host], "total": 1},
            "GET /boot-hosts/boot1": host,
            "POST /boot-hosts/boot1/images/web": {"image": "web", "version": 3},
        }
    )
    pretend(monkeypatch, manager)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setenv("ANYPOOL_URL", "http://m")
    monkeypatch.setenv("ANYPOOL_TOKEN", "t")
    terminal = Terminal(capsys)
    listed = terminal("boot-service", "image", "list")
    assert listed.code == 0, listed
    assert "web" in listed.out
    added = terminal("boot-service", "image", "add", "web", "--disk", "d", "--cmdline", "a b")
    assert added.code == 0, added
    assert "web:3" in added.err
