"""The command line against a whole manager with simulated hosts."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from anypool.cli import contexts
from tests.service.manager_kit import Manager, running
from tests.unit.cli_kit import Terminal


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Manager]:
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())
    with running(tmp_path_factory.mktemp("cli")) as manager:
        yield manager
    structlog.reset_defaults()


@pytest.fixture
def anypool(
    fresh: Manager, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Terminal:
    monkeypatch.setenv("ANYPOOL_URL", fresh.url)
    monkeypatch.setenv("ANYPOOL_TOKEN", fresh.token())
    terminal = Terminal(capsys)
    if not terminal("host", "list", "-o", "name").out:
        added = terminal("host", "add", "sim://cli?hosts=3&vms=6&seed=1", "--name", "cli")
        assert added.code == 0, added.err
    return terminal


def test_what_was_found_is_shown(anypool: Terminal) -> None:
    assert anypool("host", "list", "-o", "name").out.split() == ["h1", "h2", "h3"]
    assert anypool("vm", "list", "-f", "state = running", "-o", "name").out
    assert anypool("endpoint", "show", "cli").out.startswith("id")
    for noun in ("datastore", "network", "volume", "image", "event", "user", "token", "plan"):
        assert anypool(noun, "list").code == 0


def test_values_are_counted_instead_of_rows_shown(anypool: Terminal) -> None:
    shown = anypool("vm", "list", "--facets", "state,host").out.splitlines()
    assert "6 match" in shown[0]
    assert "memory" in shown[0]
    assert any(line.split() == ["HOST", "COUNT"] for line in shown)
    counts = json.loads(anypool("vm", "list", "--facets", "host", "-o", "json").out)
    assert sum(one["count"] for one in counts["facets"][0]["values"]) == counts["total"]
    assert "host=" in anypool("vm", "list", "--facets", "host", "-o", "name").out
    refused = anypool("plan", "list", "--facets", "state")
    assert refused.code == 2
    assert "no facets" in refused.err


def test_an_evacuation_is_previewed_run_as_shown_and_followed(anypool: Terminal) -> None:
    preview = anypool("host", "evacuate", "h1", "--dry-run")
    assert preview.code == 0
    assert "migrate" in preview.out
    assert "Not chosen" in preview.out
    assert "no VM running, in maintenance" in preview.out
    plan = json.loads(anypool("plan", "list", "--limit", "1", "-o", "json").out)[0]["id"]
    assert anypool("vm", "list", "-f", "host = h1 and state = running", "-o", "name").out
    followed = anypool("plan", "run", plan, "--watch")
    assert followed.code == 0, followed.err
    assert "enter maintenance on h1: done" in followed.err
    assert not anypool("vm", "list", "-f", "host = h1 and state = running", "-o", "name").out
    assert anypool("plan", "run", plan).code == 5
    assert anypool("host", "leave", "h1", "--watch").code == 0


def test_an_exported_pool_gives_the_plan_that_the_manager_makes(
    anypool: Terminal, tmp_path: Path
) -> None:
    file = tmp_path / "pool.yaml"
    exported = anypool("inventory", "export", str(file))
    assert exported.code == 0, exported.err
    assert "3 hosts, 6 VMs" in exported.err
    assert file.stat().st_mode & 0o777 == 0o600
    preview = anypool("host", "evacuate", "h2", "--dry-run").out
    played = anypool("simulate", str(file), "--event", "evacuate h2").out
    moves = [line.split()[1:3] for line in preview.splitlines() if " migrate " in line]
    assert moves
    assert moves == [line.split()[1:3] for line in played.splitlines() if " migrate " in line]
    masked = anypool("inventory", "export", str(file), "--mask-names", "--loads-days", "0")
    assert masked.code == 0, masked.err
    assert "name: h1\n" not in file.read_text()
    assert "name: host1\n" in file.read_text()
    assert anypool("simulate", str(file), "--event", "evacuate host2").out.count(" migrate ")
    assert anypool("inventory", "export", str(file), "--pools", "nowhere").code == 3
    assert anypool("inventory", "export", str(tmp_path / "no" / "x")).code == 2


def test_a_vm_through_its_life(anypool: Terminal) -> None:
    name = anypool("vm", "list", "-f", "state = running", "-o", "name", "--limit", "1").out.strip()
    assert anypool("vm", "tag", name, "mine").out.split()[-1] == "mine"
    assert anypool("vm", "change", name, "--cpu-shares", "300", "-w").code == 0
    assert anypool("vm", "snapshot", "create", name, "before", "-w").code == 0
    assert anypool("vm", "snapshot", "delete", name, "before", "-w", "-y").code == 0
    assert anypool("vm", "disk", "add", name, "1GiB", "-w").code == 0
    assert anypool("vm", "disk", "remove", name, "vdb", "-w", "-y").code == 0
    assert anypool("vm", "nic", "add", name, "net2", "-w").code == 0
    assert anypool("vm", "pause", name, "-w").code == 0
    assert anypool("vm", "resume", name, "-w").code == 0
    running = anypool("vm", "delete", name, "-y")
    assert running.code == 5
    assert "running" in running.err
    assert anypool("vm", "stop", name, "-w").code == 0
    assert anypool("vm", "rename", name, "renamed", "-w").code == 0
    assert anypool("vm", "delete", "renamed", "--volumes", "-w", "-y").code == 0
    assert anypool("vm", "show", "renamed").code == 3


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["host", "add", "nonsense://h1"], 2),
        (["host", "add", "sim://cli?hosts=3&vms=6&seed=1", "--name", "again"], 5),
        (["vm", "create", "x", "--image", "missing"], 3),
        (["vm", "migrate", "vm1", "--to", "h9"], 3),
        (["vm", "list", "-f", "name ="], 2),
        (["operation", "show", "run-nothing"], 3),
        (["host", "remove", "h1", "-y"], 5),
    ],
)
def test_bad_input_is_one_line_with_a_code(anypool: Terminal, words: list[str], code: int) -> None:
    result = anypool(*words)
    assert result.code == code, result
    assert result.err.startswith("anypool: ")
    assert not result.out


def test_login_by_the_link_and_out_of_reach_afterwards(
    fresh: Manager,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("ANYPOOL_CONFIG", str(tmp_path / "contexts.json"))
    anypool = Terminal(capsys)
    link = f"{fresh.url}/login#code={fresh.app.services.logins.code()}"
    assert anypool("login", link, "--name", "here").code == 0
    assert anypool("user", "list", "-o", "name").out == "admin\n"
    assert contexts.load(contexts.path()).current == "here"
    again = anypool("login", link)
    assert again.code == 4
    assert "login-link" in again.err


def test_room_is_kept_counted_and_given_back(anypool: Terminal) -> None:
    def booked() -> list[dict[str, object]]:
        found: list[dict[str, object]] = json.loads(anypool("booking", "list", "-o", "json").out)
        return found

    made = anypool("booking", "make", "web-7", "1GiB", "--vcpus", "2")
    assert made.code == 0, made.err
    (one,) = booked()
    assert one["name"] == "web-7"
    assert one["memory_mib"] == 1024
    refused = anypool("booking", "make", "huge", "4TiB")
    assert refused.code
    assert "short" in refused.err
    assert anypool("booking", "drop", str(one["id"])).code == 0
    assert booked() == []
    assert anypool("booking", "drop", str(one["id"])).code
