"""A backup, a restore or a move that is killed anywhere leaves the old state usable."""

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from anypool.clock import ManualClock
from anypool.errors import Conflict
from anypool.model import HostId
from anypool.store import Store, events, facts
from anypool.store.portable import move as moving
from anypool.store.portable import restore as restoring
from anypool.store.portable.file import Backup
from anypool.store.portable.make import back_up
from anypool.store.portable.pour import Report
from anypool.store.records import EventRecord, HostFacts
from tests.unit.portable_kit import fill

Deed = Callable[[Report], object]
COMMITS = ("before", "after")


def url_of(folder: Path) -> str:
    return f"sqlite:///{folder}/anypool.db"


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("full")
    fill(url_of(folder))
    back_up(url_of(folder), folder / "backup", ManualClock())
    return folder


@pytest.fixture(scope="module")
def old(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("old")
    store = Store.open(url_of(folder), clock=ManualClock())
    with store.writing() as tx:
        events.append(tx, EventRecord(kind="test", message="of the old state"))
    store.close()
    return folder


def killed(deed: Deed, at: int) -> bool:
    """Do it in a process that kills itself at its report of that number; whether it came so far."""
    count = 0

    def report(*_: object) -> None:
        nonlocal count
        count += 1
        if count == at:
            os.kill(os.getpid(), signal.SIGKILL)

    return _ended_by_kill(lambda: deed(report))


def killed_at_commit(deed: Deed, when: str) -> None:
    """As `killed`, just before or just after the commit."""

    @contextmanager
    def commit(_: str) -> Iterator[None]:
        if when == "after":
            yield
        os.kill(os.getpid(), signal.SIGKILL)

    def patched() -> None:
        with pytest.MonkeyPatch.context() as patch:
            for module in (moving, restoring):
                patch.setattr(module, "explained_commit", commit)
            deed(lambda *_: None)

    assert _ended_by_kill(patched)


def _ended_by_kill(deed: Callable[[], object]) -> bool:
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            deed()
            code = 0
        finally:
            os._exit(code)
    _, status = os.waitpid(pid, 0)
    assert os.WIFSIGNALED(status) or os.waitstatus_to_exitcode(status) == 0
    return os.WIFSIGNALED(status)


def swept(deed: Deed, judge: Callable[[], None], every: int) -> None:
    """Kill a deed at one moment after the other, judging each time, until it comes to its end."""
    at = 1
    while killed(deed, at):
        judge()
        at += every
    assert at > 3 * every


def contents(url: str) -> dict[str, list[tuple[object, ...]]]:
    """Every row of every table of a sound file, {} of one without tables."""
    with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        names = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
        return {
            name: sorted(connection.execute(f'SELECT * FROM "{name}"'), key=repr)
            for (name,) in names
        }


def serves(url: str) -> None:
    """A manager can begin on it."""
    store = Store.open(url, clock=ManualClock())
    assert store.take_lease("m1", 15) is not None
    store.give_lease()
    store.close()


def test_a_backup_that_is_killed_leaves_no_file_of_its_name(full: Path, tmp_path: Path) -> None:
    path = tmp_path / "backup"
    before = contents(url_of(full))

    def judge() -> None:
        assert not path.exists()
        assert len(list(tmp_path.iterdir())) <= 1

    swept(lambda report: back_up(url_of(full), path, ManualClock(), report=report), judge, 9)
    assert [one.name for one in tmp_path.iterdir()] == ["backup"]
    with Backup(path) as found:
        found.verify()
    assert contents(url_of(full)) == before


def test_a_restore_that_is_killed_leaves_the_records_of_before(
    full: Path, old: Path, tmp_path: Path
) -> None:
    shutil.copy(old / "anypool.db", tmp_path / "anypool.db")
    url, before = url_of(tmp_path), contents(url_of(old))

    def deed(report: Report) -> object:
        with Backup(full / "backup") as backup:
            return restoring.restore(url, backup, ManualClock(), replace=True, report=report)

    def judge() -> None:
        assert contents(url) == before

    swept(deed, judge, 30)
    assert len(contents(url)["vm_facts"]) > 1
    serves(url)


@pytest.mark.parametrize("when", COMMITS)
def test_around_its_commit_a_restore_is_wholly_there_or_not_at_all(
    full: Path, old: Path, tmp_path: Path, when: str
) -> None:
    shutil.copy(old / "anypool.db", tmp_path / "anypool.db")
    url = url_of(tmp_path)

    def deed(report: Report) -> object:
        with Backup(full / "backup") as backup:
            return restoring.restore(url, backup, ManualClock(), replace=True, report=report)

    killed_at_commit(deed, when)
    now = contents(url)
    if when == "before":
        assert now == contents(url_of(old))
    else:
        assert now["vm_facts"] == contents(url_of(full))["vm_facts"]
        assert now["restoration"]
    serves(url)


def test_a_move_that_is_killed_leaves_its_source_and_an_empty_target(
    full: Path, tmp_path: Path
) -> None:
    shutil.copy(full / "anypool.db", tmp_path / "anypool.db")
    source, target = url_of(tmp_path), f"sqlite:///{tmp_path}/new.db"
    before = contents(source)

    def judge() -> None:
        assert contents(source) == before
        assert contents(target) == {}

    def deed(report: Report) -> object:
        return moving.move(source, target, ManualClock(), report=report)

    swept(deed, judge, 30)
    assert contents(target) == contents(source) == before
    (tmp_path / "new.db").unlink()
    killed_at_commit(deed, "before")
    judge()
    killed_at_commit(deed, "after")
    assert contents(target) == before
    with pytest.raises(Conflict, match="is not empty"):
        deed(lambda *_: None)
    serves(source)


@pytest.mark.parametrize("deed", ["backup", "restore", "move"])
def test_a_disk_that_is_full_is_said_and_leaves_all_as_it_was(
    full: Path, old: Path, tmp_path: Path, deed: str
) -> None:
    shutil.copy(old / "anypool.db", tmp_path / "anypool.db")
    shutil.copy(full / "anypool.db", tmp_path / "full.db")
    before = contents(url_of(tmp_path))
    words = {
        "backup": ["backup", "create", f"{tmp_path}/out", "--state", str(full)],
        "restore": ["restore", f"{full}/backup", "--to", url_of(tmp_path), "--replace"],
        "move": ["db", "move", f"sqlite:///{tmp_path}/full.db", f"sqlite:///{tmp_path}/out"],
    }[deed]
    limit = {"backup": 20_000, "restore": 200_000, "move": 200_000}[deed]
    script = (
        "import resource, signal, sys; signal.signal(signal.SIGXFSZ, signal.SIG_IGN);"
        f"resource.setrlimit(resource.RLIMIT_FSIZE, ({limit}, {limit}));"
        "from anypool.cli.main import run; sys.exit(run(sys.argv[1:]))"
    )
    said = subprocess.run(
        [sys.executable, "-c", script, *words], capture_output=True, text=True, timeout=60
    )
    assert said.returncode == 10, said
    assert "hint:" in said.stderr
    assert not (tmp_path / "out").exists()
    assert contents(url_of(tmp_path)) == before


def test_a_backup_under_load_is_one_moment(tmp_path: Path) -> None:
    """Each transaction of the writer changes two tables; no backup sees one without the other."""
    url = url_of(tmp_path)
    Store.open(url, clock=ManualClock()).close()
    with writer(url) as count:
        for number in range(3):
            before = count()
            back_up(url, tmp_path / f"backup{number}", ManualClock())
            assert count() >= before
        while count() < 5:
            pass
    for number in range(3):
        with Backup(tmp_path / f"backup{number}") as backup:
            folder = tmp_path / f"restored{number}"
            folder.mkdir()
            restoring.restore(url_of(folder), backup, ManualClock())
        store = Store.open(url_of(folder), clock=ManualClock())
        with store.reading() as tx:
            written = [one for one in events.since(tx, 0, 100_000) if one.kind == "test"]
            known = facts.hosts.get(tx, HostId("h1"))
        assert (known.reserved_mib if known else 0) == len(written)
        store.close()


@contextmanager
def writer(url: str) -> Iterator[Callable[[], int]]:
    """A process that writes as fast as it can; gives what says how many writes were stored."""
    pid = os.fork()
    if pid == 0:
        try:
            store = Store.open(url, clock=ManualClock())
            number = 0
            while True:
                number += 1
                with store.writing() as tx:
                    events.append(tx, EventRecord(kind="test", message="m" * 2000))
                    facts.hosts.put(tx, HostFacts(host=HostId("h1"), reserved_mib=number))
        finally:
            os._exit(1)

    def count() -> int:
        with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as connection:
            (found,) = connection.execute("SELECT count(*) FROM events").fetchone()
            return int(found)

    try:
        while count() < 2:
            pass
        yield count
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
