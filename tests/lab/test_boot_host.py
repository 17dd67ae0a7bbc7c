"""The boot host's program with the real tgtd and dnsmasq, in a network of its own."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest

from anypool.boothost.control import asked
from anypool.program import packed
from tests.lab.conftest import inside, wait_until
from tests.lab.initiator import Initiator

pytestmark = [pytest.mark.lab, pytest.mark.timeout(120)]
ADDRESS, IP = "10.9.0.1", "10.9.0.7"
NAME, TARGET = "iqn.2026-11.x:db", "iqn.2026-11.y:db"


class Host:
    """A boot host in a network of process `pid`, with two versions of one image."""

    def __init__(self, folder: Path, pid: int) -> None:
        self.folder = folder
        self.pid = pid
        self.initiators: list[Initiator] = []

    def ask(self, word: str, **more: Any) -> Any:
        """Ask the program; return the result, or the words of its refusal."""
        line = json.dumps({"ask": word, **more}).encode()
        answer = json.loads(asked(f"{self.folder}/control", line, 30))
        return answer["result"] if "result" in answer else answer["error"]["message"]

    def enter(self, server: str, epoch: int) -> Any:
        """Let a server boot as the one profile there is."""
        target = {"iqn": TARGET, "address": ADDRESS}
        entry = {
            "profile": "p", "epoch": epoch, "server": server, "name": "db", "ip": IP,
            "macs": ["02:00:00:00:00:01"], "initiator": NAME, "targets": [target], "image": "web",
        }  # fmt: skip
        return self.ask("enter", entry=entry)

    def script(self, source: str = IP) -> str:
        """What iPXE is sent that asks from an address."""
        with inside(self.pid):
            web = HTTPConnection(ADDRESS, 8480, timeout=10, source_address=(source, 0))
            web.request("GET", "/boot", headers={"User-Agent": "iPXE/1.0"})
            answer = web.getresponse()
            text = answer.read().decode()
            web.close()
        return text if answer.status == 200 else ""

    def secret(self) -> str:
        """The secret in the boot script."""
        said = wait_until(lambda: "set password" in self.script() and self.script(), "its disk")
        return str(said).partition("set password ")[2].split()[0]

    def initiator(self, name: str = NAME, source: str = IP) -> Initiator:
        """Somebody who asks for the profile's target."""
        with inside(self.pid):
            made = Initiator((ADDRESS, 3260), name, TARGET, source)
        self.initiators.append(made)
        return made

    def target(self) -> dict[str, Any]:
        """The target as tgtd has it."""
        return next(iter(self.ask("state")["targets"]), {})


@contextmanager
def _running(words: list[str], **more: Any) -> Iterator["subprocess.Popen[bytes]"]:
    running = subprocess.Popen(words, stdin=subprocess.DEVNULL, **more)
    try:
        yield running
    finally:
        running.terminate()
        try:
            running.wait(3)
        except subprocess.TimeoutExpired:
            running.kill()
            running.wait()


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Host]:
    if os.geteuid() != 0 or not all(map(shutil.which, ("tgtd", "tgtadm", "dnsmasq"))):
        pytest.skip("this machine has no boot host's programs, or no root")
    folder = tmp_path / "boot"
    (folder / "import").mkdir(parents=True)
    site = {"interface": "lan0", "address": ADDRESS}
    (folder / "site.json").write_text(json.dumps(site))
    (tmp_path / "program").write_bytes(packed("anypool.boothost"))
    with _running(["unshare", "--net", "sleep", "infinity"]) as holder:
        mine = os.readlink("/proc/self/ns/net")
        wait_until(lambda: os.readlink(f"/proc/{holder.pid}/ns/net") != mine, "a network")
        with inside(holder.pid):
            for words in ("link set lo up", "link add lan0 type bridge", "link set lan0 up",
                          f"addr add {ADDRESS}/24 dev lan0", f"addr add {IP}/24 dev lan0",
                          "addr add 10.9.0.8/24 dev lan0"):  # fmt: skip
                subprocess.run(["ip", *words.split()], check=True)
        enter = ["nsenter", "--net", "-t", str(holder.pid)]
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        tgtd = [*enter, "env", f"TGT_IPC_SOCKET={folder}/tgtd", "tgtd", "-f", "-C", "0"]
        run = [*enter, sys.executable, "-I", str(tmp_path / "program"), "--folder", str(folder)]
        with (
            _running([*tgtd, "--iscsi", f"portal={ADDRESS}:3260"], **quiet),
            _running([*run, "run"], **quiet),
        ):
            wait_until((folder / "control").exists, "the program answers")
            made = Host(folder, holder.pid)
            for content in (b"1", b"2"):
                (folder / "import/disk").write_bytes(content * 65536)
                made.ask("add-image", name="web", parts={"disk.raw": "disk"})
            wait_until(lambda: made.ask("state")["problems"] == [], "tgtd answers")
            try:
                yield made
            finally:
                for one in made.initiators:
                    one.leave()


def test_a_target_is_open_to_who_knows_the_secret_of_this_epoch(host: Host) -> None:
    assert host.enter("s1", 1) is None
    first = host.secret()
    assert host.script("10.9.0.8") == ""
    assert not host.initiator().login()
    assert not host.initiator().login("p-1", "0" * 16)
    assert not host.initiator(source="10.9.0.8").login("p-1", first)
    old = host.initiator()
    assert old.login("p-1", first)
    assert host.target()["sessions"] == [f"{NAME} at {IP}"]
    assert "another server" in host.enter("s2", 1)
    assert host.enter("s2", 2) is None
    wait_until(lambda: not old.is_in, "who had it before is put out")
    assert not host.initiator().login("p-1", first)
    new = host.initiator()
    assert new.login("p-2", host.secret())
    assert "later than p@1" in host.enter("s1", 1)
    stranger = host.initiator("iqn.2026-11.x:other")
    assert stranger.login("p-2", host.secret())
    wait_until(lambda: not stranger.is_in, "another name is put out")
    assert new.is_in
    assert host.ask("leave", profile="p", server="s2") is None
    wait_until(lambda: not new.is_in, "who left is put out")
    assert host.ask("state")["targets"] == []


def test_another_version_is_taken_at_the_next_start_and_a_disk_is_captured(host: Host) -> None:
    host.enter("s1", 1)
    runs = host.initiator()
    assert runs.login("p-1", host.secret())
    host.ask("choose-image", name="web", version=2)
    host.ask("make")
    assert runs.is_in
    assert host.target()["disks"] == [f"{host.folder}/disks/p/web-1.raw"]
    assert "logged in" in host.ask("capture", profile="p", name="gold")
    host.secret()
    wait_until(lambda: not runs.is_in, "it starts anew")
    assert host.target()["disks"] == [f"{host.folder}/disks/p/web-2.raw"]
    assert host.ask("capture", profile="p", name="gold") == 1
    assert (host.folder / "images/gold/1/disk.raw").read_bytes() == b"2" * 65536


def test_all_is_made_again_after_tgtd_or_dnsmasq_died(host: Host) -> None:
    host.enter("s1", 1)
    secret = host.secret()
    before = host.ask("state")["dhcp"]
    os.kill(before, 9)
    wait_until(lambda: host.ask("state")["dhcp"] not in (0, before), "dnsmasq is there again")
    assert host.initiator().login("p-1", secret)
    assert host.ask("state")["problems"] == []
