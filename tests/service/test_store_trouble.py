"""A database that cannot be used: what is said, and that nothing is half done."""

import os
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from sqlalchemy import insert

from anypool.clock import ManualClock
from anypool.errors import AnypoolError, Invalid, StoreFailed
from anypool.store import Store, connect, events, tables
from anypool.store.records import EventRecord
from tests.unit.store_kit import child

AS_ORDINARY_USER = ["setpriv", "--bounding-set=-dac_override", "--inh-caps=-dac_override"]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "anypool.db"
    opened(path).close()
    return path


def opened(path: Path) -> Store:
    return Store.open(f"sqlite:///{path}", clock=ManualClock())


def refused(path: Path) -> StoreFailed:
    with pytest.raises(StoreFailed) as shown:
        opened(path)
    assert shown.value.hint
    return shown.value


def write(store: Store, message: str = "m", count: int = 1) -> None:
    with store.writing() as tx:
        for _ in range(count):
            events.append(tx, EventRecord(kind="test", message=message))


def count(path: Path) -> int:
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        (found,) = connection.execute("SELECT count(*) FROM events").fetchone()
        return int(found)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield


@pytest.mark.parametrize(
    "url",
    [
        "",
        "anypool.db",
        "mysql://root@localhost/x",
        "sqlite://",
        "sqlite:///:memory:",
        "sqlite:////x/y.db?mode=ro",
        "postgresql+asyncpg://h/d",
    ],
)
def test_a_wrong_url_is_refused_with_the_right_ones(url: str) -> None:
    with pytest.raises(Invalid) as shown:
        Store.open(url, clock=ManualClock())
    assert "sqlite:////var/lib" in shown.value.hint


def test_a_password_is_never_said() -> None:
    with pytest.raises(AnypoolError) as shown:
        Store.open("postgresql://ada:canary@127.0.0.1:1/x", clock=ManualClock())
    assert "canary" not in str(shown.value) + shown.value.hint
    assert "does not answer" in shown.value.message


def test_the_file_is_private(file: Path) -> None:
    store = opened(file)
    write(store)
    modes = {path.stat().st_mode & 0o777 for path in file.parent.iterdir()}
    store.close()
    assert modes == {0o600}


def test_a_missing_directory_is_not_made(tmp_path: Path) -> None:
    assert "directory must exist" in refused(tmp_path / "no" / "anypool.db").hint
    assert list(tmp_path.iterdir()) == []


def test_a_directory_is_no_database(tmp_path: Path) -> None:
    assert "Is a directory" in refused(tmp_path).message


def test_another_file_is_left_alone(tmp_path: Path) -> None:
    other = tmp_path / "letter.txt"
    text = "Dear Sir or Madam,\n" * 400
    other.write_text(text)
    assert "is not an anypool database" in refused(other).message
    assert other.read_text() == text


def test_another_program_s_database_is_left_alone(tmp_path: Path) -> None:
    other = tmp_path / "other.db"
    with closing(sqlite3.connect(other)) as connection:
        connection.execute("CREATE TABLE lease (x)")
    assert "tables of another program: lease" in refused(other).message
    with closing(sqlite3.connect(other)) as connection:
        assert connection.execute("SELECT name FROM sqlite_master").fetchall() == [("lease",)]


def test_a_newer_schema_is_left_alone(file: Path) -> None:
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("UPDATE anypool_schema SET version_num = '9999'")
        connection.execute("UPDATE compatibility SET floor = '9999'")
    error = refused(file)
    assert "schema 9999, newer than this release" in error.message
    assert "newer one" in error.hint


def test_a_locked_database_is_waited_for_and_then_refused(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connect, "BUSY_S", 0.2)
    store = opened(file)
    with locked(file):
        with pytest.raises(StoreFailed, match="is locked") as shown:
            write(store)
        assert "try again" in shown.value.hint
        with store.reading() as tx:
            assert events.last_number(tx) == 0
    write(store)
    store.close()
    with locked(file):
        assert "is locked" in refused(file).message


@pytest.mark.parametrize("what", ["file", "directory"])
def test_a_read_only_database_is_refused(file: Path, what: str) -> None:
    target = file if what == "file" else file.parent
    target.chmod(0o400 if what == "file" else 0o500)
    try:
        with child(f"sqlite:///{file}", AS_ORDINARY_USER if os.geteuid() == 0 else ()) as user:
            kind, message, hint = user.answer().split("|")
    finally:
        target.chmod(0o700)
    assert kind == "StoreFailed"
    assert str(file) in message
    assert "writable" in hint
    assert count(file) == 0


def test_a_database_that_becomes_full_keeps_what_it_had(file: Path) -> None:
    store = opened(file)
    write(store, "before")
    pool = store._engine.pool
    raw = pool.connect()
    raw.execute("PRAGMA max_page_count=1")  # SQLite takes what is there if that is more
    raw.close()
    with pytest.raises(StoreFailed, match="disk is full") as shown:
        write(store, 1000 * "x", count=100)
    assert "nothing was changed" in shown.value.hint
    raw = pool.connect()
    raw.execute("PRAGMA max_page_count=1073741823")
    raw.close()
    write(store, "after")
    store.close()
    assert count(file) == 2


def test_a_file_that_may_not_grow_keeps_what_it_had(file: Path) -> None:
    limited = ["prlimit", f"--fsize={200 * 1024}", "--"]
    with child(f"sqlite:///{file}", limited) as writer:
        assert writer.answer() == "open"
        done = 0
        while not (answer := writer.ask("write " + 4000 * "x")).startswith("StoreFailed"):
            assert answer.isdigit()
            done += 1
        assert answer.split("|")[2]
    assert done > 0
    assert count(file) == done


SMALL_DISK = """
import os, subprocess, sys
folder, size = sys.argv[1:3]
subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "none", folder], check=True)
os.execv(sys.argv[3], sys.argv[3:])
"""


def on_small_disk(folder: Path, size: str) -> list[str]:
    """The beginning of a command that runs with a small file system of its own there."""
    alone = ["unshare", "-m"] if os.geteuid() == 0 else ["unshare", "-Urm"]
    return [*alone, sys.executable, "-c", SMALL_DISK, str(folder), size]


@pytest.mark.lab
def test_a_full_disk_keeps_what_it_had(tmp_path: Path) -> None:
    with child(f"sqlite:///{tmp_path}/anypool.db", on_small_disk(tmp_path, "800k")) as writer:
        assert writer.answer() == "open"
        done = 0
        while (answer := writer.ask("write " + 4000 * "x")).isdigit():
            done += 1
        assert "the disk is full" in answer
        assert writer.ask("begin lost").startswith("StoreFailed")
        assert done > 0
        assert writer.ask("count") == str(done)


@pytest.mark.lab
@pytest.mark.parametrize("size", ["16k", "64k", "200k"])
def test_a_disk_without_room_for_a_database(tmp_path: Path, size: str) -> None:
    with child(f"sqlite:///{tmp_path}/anypool.db", on_small_disk(tmp_path, size)) as writer:
        assert "the disk is full" in writer.answer()


def test_killed_in_mid_transaction(file: Path) -> None:
    url = f"sqlite:///{file}"
    with child(url) as writer:
        assert [writer.answer(), writer.ask("write kept"), writer.ask("begin lost")][2] == "begun"
        writer.kill()
    store = opened(file)
    with store.reading() as tx:
        assert [event.message for event in events.since(tx, 0)] == ["kept"]
    write(store)
    store.close()
    assert count(file) == 2


def test_killed_at_any_moment_keeps_what_was_answered(file: Path) -> None:
    done = 0
    for _ in range(5):
        with child(f"sqlite:///{file}") as writer:
            assert writer.answer() == "open"
            for _ in range(7):
                assert writer.ask("write x").isdigit()
                done += 1
            writer.send("write y")
            writer.kill()
    assert done <= count(file) <= done + 5


def test_many_processes_open_a_new_database_at_once(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/new.db"
    code = "from tests.unit.store_child import main; main()"
    argv = [sys.executable, "-c", code, url]
    pipe = subprocess.PIPE
    racers = [subprocess.Popen(argv, stdin=pipe, stdout=pipe, text=True) for _ in range(6)]
    assert [racer.communicate("", timeout=60)[0] for racer in racers] == ["open\n"] * 6


def test_write_transactions_do_not_nest(file: Path) -> None:
    store = opened(file)
    with store.writing(), pytest.raises(RuntimeError, match="do not nest"):
        write(store)
    write(store)
    store.close()


def test_reading_cannot_write(file: Path) -> None:
    store = opened(file)

    def change() -> None:
        with store.reading() as tx:
            tx.checked = True  # or our own look at the lease would come first
            tx.run(insert(tables.vm_facts).values(vm="v", tags=[]))

    with pytest.raises(StoreFailed, match="read-only"):
        change()
    write(store)
    store.close()


def test_a_reader_sees_one_moment(file: Path) -> None:
    store = opened(file)
    with store.reading() as tx:
        before = events.last_number(tx)
        write(store)
        assert events.last_number(tx) == before
    with store.reading() as tx:
        assert events.last_number(tx) == before + 1
    store.close()


@pytest.mark.usefixtures("migrated_anew")
def test_foreign_keys_and_the_durable_journal_are_on(file: Path) -> None:
    store = opened(file)
    raw = store._engine.pool.connect()
    found = {
        name: raw.execute(f"PRAGMA {name}").fetchone()[0]
        for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
    }
    raw.close()
    store.close()
    assert found == {
        "journal_mode": "wal",
        "synchronous": 2,
        "foreign_keys": 1,
        "busy_timeout": 5000,
    }


@pytest.mark.usefixtures("migrated_anew")
def test_a_migration_that_another_process_is_at_is_waited_for_longer_than_a_write(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "new.db"
    monkeypatch.setattr(connect, "BUSY_S", 0.1)
    with closing(sqlite3.connect(file, isolation_level=None, check_same_thread=False)) as other:
        other.execute("PRAGMA journal_mode=WAL")
        other.execute("BEGIN IMMEDIATE")
        free = threading.Timer(0.5, other.rollback)
        free.start()
        store = opened(file)
        free.join()
    with locked(file), pytest.raises(StoreFailed, match="is locked"):
        write(store)
    store.close()


@pytest.mark.usefixtures("migrated_anew")
def test_a_new_file_that_another_process_opens_as_well_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SQLite refuses at once to change the journal of what somebody writes to."""
    file = tmp_path / "new.db"
    waited: list[float] = []
    with closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")

        def leave(seconds: float) -> None:
            waited.append(seconds)
            if len(waited) == 3:
                other.rollback()

        monkeypatch.setattr("anypool.store.connect.time.sleep", leave)
        opened(file).close()
    assert len(waited) == 3
