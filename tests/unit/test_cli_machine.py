"""Commands about this machine: doctor, lab, serve."""

import json
import os
import socket
from pathlib import Path
from typing import Any

import pytest

from anypool import lab
from anypool.cli import checks, serve
from anypool.errors import Invalid, NotFound, Unreachable
from anypool.lab import LabProbe, LabStatus, MissingPackage, ServerStatus
from tests.unit.cli_kit import Terminal


@pytest.fixture
def anypool(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Terminal:
    monkeypatch.setenv("ANYPOOL_STATE", str(tmp_path / "state"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("ANYPOOL_LISTEN_PORT", str(free_port()))
    probe(monkeypatch)
    return Terminal(capsys)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        return int(sock.getsockname()[1])


def probe(monkeypatch: pytest.MonkeyPatch, **found: Any) -> None:
    usual: dict[str, Any] = {"mode": "root", "reason": "namespaces work", "missing": ()}
    result = LabProbe(**{**usual, **found}, limits=())
    monkeypatch.setattr(lab, "probe", lambda: result)


def verdicts(anypool: Terminal, *words: str) -> dict[str, tuple[str, str]]:
    rows = json.loads(anypool("doctor", "-o", "json", *words).out)
    return {row["what"]: (row["verdict"], row["todo"]) for row in rows}


def test_a_good_machine(anypool: Terminal, tmp_path: Path) -> None:
    found = verdicts(anypool)
    for what in ("Python", "clock", "state folder", "database", "port", "namespaces"):
        assert found[what] == ("ok", "")
    assert found["accelerator"][0] == "warn"
    assert "--boot" in found["accelerator"][1]
    assert anypool("doctor").code == 0
    assert not (tmp_path / "state").exists()


def test_what_is_missing_is_named_with_what_to_do(
    anypool: Terminal, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    qemu = MissingPackage(package="qemu-system-x86", needed_for="guests", size_mb=75)
    bmc = MissingPackage(package="sushy-tools", needed_for="BMCs", size_mb=5, source="pip")
    probe(monkeypatch, missing=(qemu, bmc))
    todo = "apt-get install qemu-system-x86 and pip install sushy-tools"
    assert verdicts(anypool)["lab packages"] == ("warn", todo)
    probe(monkeypatch, mode="none", reason="unshare is refused")
    assert verdicts(anypool)["namespaces"][0] == "warn"
    monkeypatch.setattr(checks.time, "time", lambda: 1000.0)
    assert verdicts(anypool)["clock"][0] == "fail"
    assert anypool("doctor").code == 1


def test_a_broken_database_and_a_taken_port(anypool: Terminal, tmp_path: Path) -> None:
    state = tmp_path / "state"
    state.mkdir(mode=0o755)
    (state / "anypool.db").write_text("no database, no database, no database")
    with socket.create_server(("127.0.0.1", 0)) as sock:
        place = f"127.0.0.1:{sock.getsockname()[1]}"
        found = verdicts(anypool, "--listen", place)
    assert found["database"][0] == "fail"
    assert found["port"][0] == "warn"
    assert found["state folder"] == ("warn", f"chmod 700 {state}")


def test_a_state_folder_that_cannot_be(anypool: Terminal) -> None:
    assert verdicts(anypool, "--state", "/proc/none")["state folder"][0] == "fail"


def test_an_unknown_setting_is_refused(anypool: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANYPOOL_WORKRES", "3")
    result = anypool("doctor")
    assert result.code == 2
    assert "did you mean workers?" in result.err


@pytest.mark.parametrize(
    ("listen", "expected"),
    [
        ("127.0.0.1:8420", ("127.0.0.1", 8420)),
        ("[::1]:0", ("::1", 0)),
        ("localhost:65535", ("localhost", 65535)),
    ],
)
def test_listen_addresses(listen: str, expected: tuple[str, int], tmp_path: Path) -> None:
    found = serve.settings_of(tmp_path, listen)
    assert (found.listen_host, found.listen_port) == expected


@pytest.mark.parametrize("listen", ["8420", ":8420", "127.0.0.1", "h1:8420", "127.0.0.1:99999"])
def test_no_listen_addresses(listen: str, tmp_path: Path) -> None:
    with pytest.raises(Invalid, match="no address and port"):
        serve.settings_of(tmp_path, listen)


def test_a_taken_port_is_said(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        chosen = serve.settings_of(tmp_path, f"127.0.0.1:{sock.getsockname()[1]}")
        with pytest.raises(Unreachable, match="cannot listen"):
            serve.open_socket(chosen)


def test_a_manager_in_a_lab_is_entered_with_its_socket_open(
    anypool: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    replaced: list[Any] = []

    def became(file: str, argv: list[str], environment: dict[str, str]) -> None:
        fd = int(argv[argv.index("--fd") + 1])
        with socket.socket(fileno=os.dup(fd)) as sock:
            replaced.extend([file, argv, sock.getsockname()[0]])
        raise NotFound("stopped here")

    monkeypatch.setattr(lab, "enter_command", lambda name, state: ["nsenter", name, "--"])
    monkeypatch.setattr("os.execvpe", became)
    assert anypool("serve", "--lab", "l1", "--listen", "127.0.0.1:0").code == 3
    assert replaced[0] == "nsenter"
    assert replaced[1][:3] == ["nsenter", "l1", "--"]
    assert "--lab" not in replaced[1]
    assert replaced[2] == "127.0.0.1"


def test_lab_commands_reach_the_lab(anypool: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    called: list[tuple[object, ...]] = []
    for verb in ("kill", "boot", "freeze", "thaw", "partition", "heal", "down"):
        monkeypatch.setattr(
            lab, verb, lambda *words, _verb=verb, **_: called.append((_verb, *words))
        )
    for verb in ("kill", "boot", "freeze", "thaw", "heal"):
        assert anypool("lab", verb, "h1").code == 0
    assert anypool("lab", "partition", "h1", "from:h2", "--name", "x").code == 0
    assert anypool("lab", "down").code == 0
    assert [one[:3] for one in called[:5]] == [
        (verb, "default", "h1") for verb in ("kill", "boot", "freeze", "thaw", "heal")
    ]
    assert called[5][:4] == ("partition", "x", "h1", "from:h2")
    assert called[6][0] == "down"


def test_the_status_of_a_lab(anypool: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    server = ServerStatus(
        name="h1",
        role="host",
        uuid="u",
        power="on",
        frozen=True,
        partitions=("mgmt",),
        libvirt_uri="qemu+tcp://10.77.0.1/system",
        bmc_url="http://10.77.0.101",
        management_address="10.77.0.1",
        data_address="10.78.0.1",
        pids=(7,),
        log_dir="/logs",
    )
    found = LabStatus(name="default", up=True, mode="root", directory="/d", servers=(server,))
    monkeypatch.setattr(lab, "status", lambda name, state: found)
    shown = anypool("lab", "status").out
    assert "frozen" in shown
    assert "mgmt" in shown
    assert json.loads(anypool("lab", "status", "-o", "json").out)["servers"][0]["pids"] == [7]
