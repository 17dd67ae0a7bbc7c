"""What was restored or moved is what was there; what fails on the way leaves all as it was."""

import shutil
from pathlib import Path

import pytest
import sqlalchemy as sa

from anypool.clock import ManualClock
from anypool.errors import Conflict, Invalid, StoreFailed
from anypool.store import Store, connect, events, lease, restoration
from anypool.store.portable.file import Backup
from anypool.store.portable.make import back_up
from anypool.store.portable.move import move
from anypool.store.portable.restore import restore
from anypool.store.records import EventRecord
from tests.unit.portable_kit import contents, fill

MARKED = {
    *("lease", "restoration", "unread", "events", "runs", "steps", "plans"),
    *("calendars", "calendar_standings", "ha_statements"),
}
"""Tables in which a restore itself leaves its mark."""


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("full")
    fill(url_of(folder))
    back_up(url_of(folder), folder / "backup", ManualClock())
    return folder


@pytest.fixture
def backup(full: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(full / "backup", tmp_path / "backup"))


def url_of(folder: Path) -> str:
    return f"sqlite:///{folder}/anypool.db"


def opened(path: Path) -> Store:
    return Store.open(f"sqlite:///{path}", clock=ManualClock())


def test_the_restored_records_are_those_of_the_backup(
    full: Path, backup: Path, tmp_path: Path
) -> None:
    with Backup(backup) as found:
        done = restore(url_of(tmp_path), found, ManualClock())
        assert done.rows == found.manifest.rows
    before, after = contents(url_of(full)), contents(url_of(tmp_path))
    assert {name: after[name] for name in after if name not in MARKED} == {
        name: before[name] for name in before if name not in MARKED
    }
    assert set(before["events"]) < set(after["events"])
    with opened(tmp_path / "anypool.db").reading() as tx:
        assert (known := restoration.state(tx)) is not None
        assert known.backup_at == ManualClock().now()
        assert lease.read(tx).epoch == done.epoch >= 1_000_000
        assert not lease.read(tx).holder


def test_moving_and_moving_back_loses_nothing(full: Path, tmp_path: Path) -> None:
    other = f"sqlite:///{tmp_path}/other.db"
    done = move(url_of(full), other, ManualClock())
    assert contents(other) == contents(url_of(full))
    assert done.rows == sum(map(len, contents(other).values()))
    (tmp_path / "back").mkdir()
    move(other, url_of(tmp_path / "back"), ManualClock())
    assert contents(url_of(tmp_path / "back")) == contents(url_of(full))


def test_numbers_go_on_where_they_were(tmp_path: Path) -> None:
    old = opened(tmp_path / "old.db")
    with old.writing() as tx:
        gone = [events.append(tx, EventRecord(kind="test", message="m")).number for _ in "abc"]
        tx.run(sa.text("DELETE FROM events"))
    old.close()
    move(f"sqlite:///{tmp_path}/old.db", f"sqlite:///{tmp_path}/new.db", ManualClock())
    with opened(tmp_path / "new.db").writing() as tx:
        assert events.append(tx, EventRecord(kind="test", message="m")).number == max(gone) + 1


def test_records_that_are_there_are_kept_unless_told_otherwise(
    backup: Path, tmp_path: Path
) -> None:
    store = opened(tmp_path / "anypool.db")
    with store.writing() as tx:
        events.append(tx, EventRecord(kind="test", message="precious"))
    store.close()
    before = contents(url_of(tmp_path))
    with Backup(backup) as found:
        with pytest.raises(Conflict, match="holds records already") as shown:
            restore(url_of(tmp_path), found, ManualClock())
        assert "--replace" in shown.value.hint
        assert contents(url_of(tmp_path)) == before
        restore(url_of(tmp_path), found, ManualClock(), replace=True)
    assert all(b"precious" not in line for line in contents(url_of(tmp_path))["events"])


def test_a_running_manager_is_never_worked_under(full: Path, backup: Path, tmp_path: Path) -> None:
    store = opened(tmp_path / "anypool.db")
    assert store.take_lease("m1", 15)
    with Backup(backup) as found, pytest.raises(Conflict, match="a manager runs"):
        restore(url_of(tmp_path), found, ManualClock(), replace=True)
    with pytest.raises(Conflict, match="a manager runs"):
        move(url_of(tmp_path), f"sqlite:///{tmp_path}/new.db", ManualClock())
    with pytest.raises(Conflict, match="a manager runs"):
        move(url_of(full), url_of(tmp_path), ManualClock())
    back_up(url_of(tmp_path), tmp_path / "live", ManualClock())
    store.give_lease()
    store.close()


def test_a_damaged_backup_changes_nothing(backup: Path, tmp_path: Path) -> None:
    opened(tmp_path / "anypool.db").close()
    before = contents(url_of(tmp_path))
    content = bytearray(backup.read_bytes())
    content[len(content) // 2] ^= 1
    backup.write_bytes(content)
    with Backup(backup) as found, pytest.raises(Invalid, match="damaged"):
        restore(url_of(tmp_path), found, ManualClock(), replace=True)
    assert contents(url_of(tmp_path)) == before


def test_a_failed_restore_or_move_leaves_no_new_file(
    full: Path, backup: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise StoreFailed("the disk is full")

    monkeypatch.setattr("anypool.store.portable.pour.compare", broken)
    with Backup(backup) as found, pytest.raises(StoreFailed):
        restore(url_of(tmp_path), found, ManualClock())
    with pytest.raises(StoreFailed):
        move(url_of(full), url_of(tmp_path), ManualClock())
    assert not list(tmp_path.glob("anypool.db*[!r]"))


def test_tables_of_somebody_else_are_neither_taken_nor_removed(full: Path, tmp_path: Path) -> None:
    shutil.copy(full / "anypool.db", tmp_path / "anypool.db")
    engine = connect.engine(connect.parse(url_of(tmp_path)))
    with connect.writing(engine) as (connection, transaction):
        connection.execute(sa.text("CREATE TABLE theirs (x TEXT)"))
        transaction.commit()
    engine.dispose()
    back_up(url_of(tmp_path), tmp_path / "backup", ManualClock())
    with Backup(tmp_path / "backup") as found:
        assert "theirs" not in {shape.name for shape in found.shapes}
        with pytest.raises(StoreFailed, match="tables of another program: theirs"):
            restore(url_of(tmp_path), found, ManualClock(), replace=True)
    assert contents(url_of(tmp_path)) == contents(url_of(full))


def test_a_target_must_be_empty_and_another(full: Path, tmp_path: Path) -> None:
    with pytest.raises(Invalid, match="the same database"):
        move(url_of(full), url_of(full), ManualClock())
    opened(tmp_path / "anypool.db").close()
    with pytest.raises(Conflict, match="is not empty"):
        move(url_of(full), url_of(tmp_path), ManualClock())
