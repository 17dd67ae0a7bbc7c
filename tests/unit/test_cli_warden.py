"""`anypool host install-warden`: what is run on the host, and what is said when it fails."""

import os
from pathlib import Path

import pytest

from anypool.program import packed
from tests.unit.cli_kit import FakeManager, Terminal, host, pretend

HOST = "00000000-0000-4000-8000-000000000001"
ARGS = ("host", "install-warden", "h1", "--ssh", "root@h1", "--folder", "/srv/a b")


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """An ssh that notes what it is asked; the folder of its notes."""
    pretend(monkeypatch, FakeManager({"GET /hosts/h1": host("h1", id=HOST)}))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setenv("ANYPOOL_URL", "http://m")
    monkeypatch.setenv("ANYPOOL_TOKEN", "t")
    notes = tmp_path / "notes"
    notes.mkdir()
    ssh = tmp_path / "bin" / "ssh"
    ssh.parent.mkdir()
    ssh.write_text(
        "#!/bin/sh\n"
        f"n=$(ls {notes} | grep -c words); for w; do last=$w; done\n"
        f'echo "$last" > {notes}/words$n\n'
        f"cat > {notes}/given$n; exit $(cat {tmp_path}/code 2>/dev/null || echo 0)\n"
    )
    ssh.chmod(0o755)
    monkeypatch.setenv("PATH", f"{ssh.parent}:{os.environ['PATH']}")
    return notes


def test_program_is_written_and_installs_itself(
    asked: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    done = Terminal(capsys)(*ARGS, "--limit-s", "30")
    assert done.code == 0, done.err
    assert (asked / "given0").read_bytes() == packed("anypool.warden")
    assert "/usr/local/sbin/anypool-warden.new" in (asked / "words0").read_text()
    words = (asked / "words1").read_text()
    assert f"install --host={HOST} --limit-s=30" in words
    assert "'--folder=/srv/a b'" in words


@pytest.mark.parametrize(("code", "said"), [(255, "ssh does not reach root@h1"), (1, "written")])
def test_what_fails_is_told(
    asked: Path, capsys: pytest.CaptureFixture[str], code: int, said: str
) -> None:
    (asked.parent / "code").write_text(str(code))
    done = Terminal(capsys)(*ARGS)
    assert done.code != 0
    assert said in done.err
    assert not (asked / "words1").exists()


def test_place_that_would_be_an_option_of_ssh_is_refused(
    asked: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    done = Terminal(capsys)("host", "uninstall-warden", "--ssh=-oProxyCommand=x")
    assert done.code != 0
    assert list(asked.iterdir()) == []


def test_program_can_be_had_as_a_file(asked: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = asked.parent / "warden"
    assert Terminal(capsys)("host", "warden-program", str(file)).code == 0
    assert file.read_bytes() == packed("anypool.warden")
