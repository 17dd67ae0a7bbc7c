"""Backup, restore and move as commands: of a manager that runs, onto another path."""

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from anypool.cli import child
from anypool.settings import Settings
from tests.service.manager_kit import until
from tests.service.process_kit import Served, served
from tests.unit.cli_kit import Terminal


@contextmanager
def served_again(state: Path, token: str) -> Iterator[Served]:
    """A manager on restored records; whoever was logged in still is."""
    (state / "anypool.toml").write_text("observe_every_s = 1.0")
    with child.manager(Settings(state_dir=str(state), listen_port=0)) as manager:
        yield Served(manager, token)


def vms(anypool: Served) -> dict[str, Any]:
    return {row["name"]: row["state"] for row in anypool.rows("vms")}


@pytest.mark.timeout(180)
def test_a_backup_of_a_running_manager_comes_back_on_another_path(tmp_path: Path) -> None:
    """What changed since then is seen by the next observation."""
    state, other, file = tmp_path / "state", tmp_path / "other", tmp_path / "backup"
    uri = f"sim://site?hosts=2&vms=4&seed=1&state={tmp_path}/world"
    with served(state) as anypool:
        token = anypool.environment["ANYPOOL_TOKEN"]
        added = anypool.request("POST", "/endpoints", {"uri": uri, "name": "site"})
        assert added.status_code == 201, added.text
        first = next(name for name, power in vms(anypool).items() if power == "running")
        made = anypool("backup", "create", str(file), "--state", str(state), "-o", "json")
        assert made.code == 0, made
        assert "keys are not in it" in made.err
        summary = json.loads(made.out)
        stopped = anypool("vm", "stop", first, "--force", "--yes", "--watch")
        assert stopped.code == 0, stopped
        busy = anypool("restore", str(file), "--to", str(state), "--replace")
        assert (busy.code, "a manager runs" in busy.err) == (5, True)
    done = anypool("restore", str(file), "--to", str(other), "-o", "json")
    assert done.code == 0, done
    restored = json.loads(done.out)
    assert (restored["rows"], restored["endpoints"]) == (summary["rows"], 1)
    assert restored["missing"] == [f"{other}/anypool.db.key.audit"], "no secret, no key"
    assert "Put them back" in done.err
    assert other.stat().st_mode & 0o777 == 0o700
    shutil.copy(state / "anypool.db.key.audit", other)
    with served_again(other, token) as anypool:
        until(lambda: vms(anypool).get(first) == "stopped", "the truth is seen")
        wanted = {"manager.restored", "manager.resynchronised"}
        until(lambda: wanted <= {one["kind"] for one in anypool.rows("events")}, "both are told")
        assert anypool("audit", "verify").code == 0


def test_each_way_of_doing_it_wrong_says_what_to_do(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    anypool = Terminal(capsys)
    (tmp_path / "text").write_text("hello")
    for words, code, what in (
        (("backup", "create", f"{tmp_path}/b", "--state", f"{tmp_path}/none"), 3, "no database"),
        (("backup", "verify", f"{tmp_path}/none"), 3, "no file"),
        (("backup", "verify", f"{tmp_path}/text"), 2, "no backup"),
        (("restore", f"{tmp_path}/text", "--to", f"{tmp_path}/new"), 2, "no backup"),
        (("restore", f"{tmp_path}/text", "--to", "mysql://x"), 2, "no backup"),
        (("db", "move", f"{tmp_path}/none", f"{tmp_path}/new"), 3, "no database"),
        (("db", "move", f"{tmp_path}/none", "mysql://x/y"), 2, "not a database we know"),
    ):
        said = anypool(*words)
        assert (said.code, what in said.err) == (code, True), said
        assert "hint:" in said.err
    assert [path.name for path in tmp_path.iterdir()] == ["text"], "nothing is left behind"
