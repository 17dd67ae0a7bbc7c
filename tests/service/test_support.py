"""Support bundles: whole, also when a part fails or no manager runs; nothing half-made stays."""

import io
import json
import tarfile
from pathlib import Path

import pytest

from anypool.errors import StoreFailed
from anypool.service.support import evidence
from anypool.store.records import Role
from tests.service.manager_kit import Manager, problem, running
from tests.unit.cli_kit import Terminal

SECRET = "canary-in-the-database-address"


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """The doctor itself has tests of its own, and takes seconds."""
    monkeypatch.setattr(evidence, "doctor", lambda _: "[]")


def files(packed: bytes) -> dict[str, str]:
    with tarfile.open(fileobj=io.BytesIO(packed)) as tar:
        members = {member.name: tar.extractfile(member) for member in tar.getmembers()}
        return {
            name.removeprefix("anypool-support/"): content.read().decode()
            for name, content in members.items()
            if content is not None
        }


def test_a_part_that_fails_says_why_and_the_others_are_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(_: object) -> None:
        raise StoreFailed("the disk is gone")

    monkeypatch.setattr(evidence, "counts", fails)
    with running(tmp_path) as manager, manager.client() as client:
        answer = client.get("/support/bundle")
        assert answer.headers["content-type"] == "application/gzip"
        found = files(answer.content)
        assert json.loads(found["counts.json"]) == {"missing": "the disk is gone"}
        assert json.loads(found["schema.json"])["schema"] == evidence.newest()
        assert json.loads(found["health.json"])["leads"]
        assert "thread MainThread" in found["threads.txt"]
        assert "anypool_leads 1.0" in found["metrics.txt"]
        kinds = [event["kind"] for event in client.get("/events").json()["items"]]
        assert "support.bundle" in kinds
        refused(manager)


def refused(manager: Manager) -> None:
    for role in (Role.VIEWER, Role.OPERATOR):
        with manager.client(role) as client:
            problem(client.get("/support/bundle"), 403)


def test_without_a_manager(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    anypool, bundle = Terminal(capsys), tmp_path / "bundle.tar.gz"
    monkeypatch.setenv("ANYPOOL_DATABASE", f"postgresql://ada:{SECRET}@127.0.0.1:1/x")
    state = tmp_path / "state"
    state.mkdir()
    said = f"no answer: {SECRET}, see http://h1/login#code=abcdefgh"
    (state / "manager.log").write_text(said)
    words = ("support", "bundle", str(bundle), "--offline", "--state", str(state))
    done = anypool(*words)
    assert done.code == 0, done.err
    found = files(bundle.read_bytes())
    assert SECRET not in str(found)
    assert found["manager.log"] == "no answer: ***, see http://h1/login#code=***"
    assert (
        json.loads(found["settings.json"])["settings"]["database"] == "postgresql://127.0.0.1:1/x"
    )
    assert set(found) >= {"README.txt", "versions.json", "doctor.json"}
    assert [one.name for one in state.iterdir()] == ["manager.log"], "nothing is made there"
    assert anypool(*words).code != 0, "no file is overwritten"
    assert anypool(*words[:2], str(tmp_path / "b"), "--offline", "--mask-names").code == 2
    monkeypatch.setenv("ANYPOOL_URL", "http://127.0.0.1:1")
    assert anypool("support", "bundle", str(tmp_path / "c")).code != 0
    assert sorted(one.name for one in tmp_path.iterdir()) == ["bundle.tar.gz", "state"]
