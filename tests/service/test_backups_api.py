"""Backups by way of the manager: scheduled, asked for and fetched while it works."""

import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from anypool.store.portable.file import Backup
from anypool.store.records import Role
from tests.service.manager_kit import Manager, add_sim, problem, running, until
from tests.unit.cli_kit import Terminal


@pytest.fixture(scope="module")
def manager(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Manager]:
    folder = tmp_path_factory.mktemp("backups")
    state = tmp_path_factory.mktemp("state")
    with running(state, backup_folder=str(folder), backup_keep=2) as made:
        with made.client() as client:
            add_sim(client)
        yield made


@pytest.fixture
def anypool(
    manager: Manager, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Terminal:
    monkeypatch.setenv("ANYPOOL_URL", manager.url)
    monkeypatch.setenv("ANYPOOL_TOKEN", manager.token())
    return Terminal(capsys)


def audited(client: httpx.Client) -> list[tuple[str, str]]:
    rows = client.get("/audit").json()["items"]
    return [(row["who"], row["deed"]) for row in rows]


def test_the_first_one_is_taken_by_itself(manager: Manager) -> None:
    with manager.client() as client:
        until(lambda: client.get("/backups").json()["items"], "a backup was taken")
        found = client.get("/backups").json()
        assert found["items"][0]["why"] == ""
        assert found["failed_at"] is None
        assert found["next_at"] > found["items"][0]["made_at"]
        assert ("manager", "backup.made") in audited(client)
        assert client.get("/health/ready").json()["backup_failed"] is False


def test_a_fetched_one_is_whole_and_of_one_moment_while_others_write(
    manager: Manager, anypool: Terminal, tmp_path: Path
) -> None:
    stop = threading.Event()

    def write() -> None:
        with manager.client() as client:
            number = 0
            while not stop.is_set():
                number += 1
                client.patch("/hosts/h1", json={"tags": [f"t{number}"]})

    writer = threading.Thread(target=write)
    writer.start()
    try:
        said = anypool("backup", "create", str(tmp_path / "one"))
    finally:
        stop.set()
        writer.join()
    assert said.code == 0, said
    assert "keys are not in it" in said.err
    with Backup(tmp_path / "one") as backup:
        backup.verify()
    again = anypool("backup", "create", str(tmp_path / "one"))
    assert (again.code, "there already" in again.err) == (5, True)
    assert [path.name for path in tmp_path.iterdir()] == ["one"]
    with manager.client() as client:
        assert ("admin", "MANAGE_BACKUPS") in audited(client), "who fetched it is known"


def test_one_is_taken_when_asked_listed_and_fetched(anypool: Terminal, tmp_path: Path) -> None:
    taken = anypool("backup", "run")
    while taken.code == 5 and "this second" in taken.err:
        taken = anypool("backup", "run")
    listed = anypool("backup", "list")
    assert "The next is due" in listed.err
    name = anypool("backup", "list", "-o", "name").out.split()[0]
    assert name in taken.out
    assert anypool("backup", "fetch", name, str(tmp_path / "got")).code == 0
    assert anypool("backup", "verify", str(tmp_path / "got")).code == 0
    missing = anypool("backup", "fetch", "anypool-none.backup", str(tmp_path / "no"))
    assert (missing.code, "backup list" in missing.err) == (3, True)
    assert not (tmp_path / "no").exists()


def test_a_file_that_did_not_arrive_whole_is_refused(
    anypool: Terminal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "anypool.cli.client.Client.pieces", lambda *_: iter([b"PK\x03\x04", b"half"])
    )
    said = anypool("backup", "create", str(tmp_path / "one"))
    assert (said.code, "damaged" in said.err) == (2, True)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("role", [Role.VIEWER, Role.OPERATOR])
def test_only_administrators_have_anything_to_do_with_them(manager: Manager, role: Role) -> None:
    with manager.client(role) as client:
        problem(client.get("/backups"), 403)
        problem(client.post("/backups"), 403)
        problem(client.get("/backups/now/content"), 403)
