"""`anypool host set-bmc`: what is asked, what is sent, what is shown."""

import sys
from pathlib import Path

import pytest

from anypool.cli import host_bmc, terminal, trusting
from tests.unit.cli_kit import FakeManager, Json, Terminal, host, pretend

PRINT = "ab" * 32
BMC: Json = {
    "url": "https://10.0.0.9",
    "user": "operator",
    "system": "/redfish/v1/Systems/1",
    "fingerprint": PRINT,
    "product": "Made Up",
    "identified": True,
    "power": "on",
    "watts": 211.6,
    "read_at": 1_700_000_000.0,
    "message": "",
}
MORE = ("wake_proven_at", "observe_only", "power_saved", "sockets", "withheld")
SET = ("host", "set-bmc", "h1", "https://10.0.0.9", "--user", "operator")


@pytest.fixture
def manager(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> FakeManager:
    made = FakeManager(
        {
            "POST /hosts/h1/bmc/certificate": {"fingerprint": PRINT},
            "POST /hosts/h1/bmc": BMC,
            "DELETE /hosts/h1/bmc": {},
            "GET /hosts/h1": host("h1", bmc=BMC, **dict.fromkeys(MORE)),
        }
    )
    pretend(monkeypatch, made)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setenv("ANYPOOL_URL", "http://m")
    monkeypatch.setenv("ANYPOOL_TOKEN", "t")
    return made


@pytest.fixture
def anypool(capsys: pytest.CaptureFixture[str]) -> Terminal:
    return Terminal(capsys)


@pytest.fixture
def password(tmp_path: Path) -> str:
    file = tmp_path / "password"
    file.write_text("canary\n")
    return str(file)


def test_without_a_terminal_the_fingerprint_is_told_and_nothing_is_kept(
    manager: FakeManager, anypool: Terminal, password: str
) -> None:
    done = anypool(*SET, "--password-file", password)
    assert done.code != 0
    assert PRINT in done.err
    assert "--fingerprint" in done.err
    assert not manager.sent("POST", "/hosts/h1/bmc")


def test_with_a_fingerprint_nobody_is_asked(
    manager: FakeManager, anypool: Terminal, password: str
) -> None:
    done = anypool(*SET, "--password-file", password, "--fingerprint", PRINT, "--system", "1")
    assert done.code == 0, done.err
    assert manager.body("POST", "/hosts/h1/bmc") == {
        "url": "https://10.0.0.9",
        "user": "operator",
        "password": "canary",
        "fingerprint": PRINT,
        "system": "1",
    }
    assert "Made Up" in done.out
    assert "canary" not in done.out + done.err
    assert not manager.sent("POST", "/hosts/h1/bmc/certificate")


@pytest.mark.parametrize("answer", [("y\n", 1), ("n\n", 0)])
def test_on_a_terminal_somebody_compares_it(
    manager: FakeManager,
    anypool: Terminal,
    password: str,
    monkeypatch: pytest.MonkeyPatch,
    answer: tuple[str, int],
) -> None:
    said, sent = answer
    for module in (trusting, terminal):
        monkeypatch.setattr(module, "asks", lambda: True)
    monkeypatch.setattr(sys.stdin, "readline", lambda *_: said, raising=False)
    done = anypool(*SET, "--password-file", password, "--vouch")
    assert (done.code == 0) == bool(sent)
    assert PRINT in done.err
    bodies = manager.sent("POST", "/hosts/h1/bmc")
    assert len(bodies) == sent
    assert not sent or manager.body("POST", "/hosts/h1/bmc")["vouch"]


def test_it_is_shown_with_its_host_and_forgotten(manager: FakeManager, anypool: Terminal) -> None:
    shown = anypool("host", "show", "h1")
    assert "on, 212 W, read 2023-11-1" in shown.out
    assert anypool("host", "unset-bmc", "h1").code == 0
    assert manager.sent("DELETE", "/hosts/h1/bmc")


def test_what_is_unknown_is_shown_as_unknown() -> None:
    silent = BMC | {"message": "it takes too long", "watts": None}
    assert host_bmc.power(silent).startswith("unknown: it takes too long (last: on, read ")
    assert host_bmc.power(None) == "no BMC"
