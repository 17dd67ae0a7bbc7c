"""What `anypool vm copies` prints, and what `remove-copy` sends."""

from pathlib import Path
from typing import Any

import pytest

from tests.unit.cli_kit import FakeManager, Terminal, evacuation, pretend


@pytest.fixture
def manager(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> FakeManager:
    manager = FakeManager()
    pretend(monkeypatch, manager)
    monkeypatch.setenv("ANYPOOL_CONFIG", str(tmp_path / "contexts.json"))
    monkeypatch.setenv("ANYPOOL_URL", "http://manager:8420")
    monkeypatch.setenv("ANYPOOL_TOKEN", "ap_secret")
    return manager


@pytest.fixture
def anypool(capsys: pytest.CaptureFixture[str]) -> Terminal:
    return Terminal(capsys)


def copy(host: str, **more: Any) -> dict[str, Any]:
    about = {"vm": "uuid-web1", "vm_name": "web1", "host": f"id-{host}", "host_name": host}
    said = {"state": "stopped", "reason": "", "counts": False, "why": "left over", "kept": ""}
    return {**about, **said, **more}


def test_copies_are_listed_with_what_may_be_removed(
    manager: FakeManager, anypool: Terminal
) -> None:
    runs = copy("h1", state="running", counts=True, why="it lives", kept="it lives")
    manager.answers["GET /copies"] = {"items": [runs, copy("h2")], "total": 2}
    first, second = anypool("vm", "copies").out.splitlines()[1:]
    assert first.split() == ["web1", "h1", "running", "yes", "it", "lives", "no:", "it", "lives"]
    assert second.split() == ["web1", "h2", "stopped", "no", "left", "over", "yes"]
    anypool("vm", "copies", "web1")
    assert manager.seen[-1].url.params["vm"] == "web1"


def test_copy_to_remove_is_named_by_its_host(manager: FakeManager, anypool: Terminal) -> None:
    path = "/vms/web1/remove-copy"
    manager.answers[f"POST {path}"] = evacuation()
    assert anypool("vm", "remove-copy", "web1").code == 2
    anypool("vm", "remove-copy", "web1", "--host", "h2", "--dry-run")
    assert manager.body("POST", path) == {"host": "h2"}
    assert manager.sent("POST", path)[-1].url.params["dry_run"] == "true"
