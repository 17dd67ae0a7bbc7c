"""A release that is killed while it brings a database to its schema leaves the old one usable."""

import os
import shutil
import signal
import sqlite3
import traceback
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
import sqlalchemy as sa

from anypool.clock import ManualClock
from anypool.store import Store
from anypool.store.migrate import newest, revisions
from tests.unit.schema_kit import HOUR, contents, load

LONGEST = 400
"""More statements than any migration has."""


def killed(url: str, at: int) -> bool:
    """Open a database in a process that dies at its n-th statement; whether it came so far."""
    child = os.fork()
    if child == 0:
        status = 1
        try:
            _die_at(at)
            Store.open(url, clock=ManualClock(HOUR)).close()
            status = 0
        except BaseException:
            traceback.print_exc()
            raise
        finally:
            os._exit(status)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        assert os.WTERMSIG(status) == signal.SIGKILL
        return True
    assert os.WEXITSTATUS(status) == 0
    return False


def _die_at(at: int) -> None:
    count = 0

    def seen(*_: object) -> None:
        nonlocal count
        count += 1
        if count == at:
            os.kill(os.getpid(), signal.SIGKILL)

    sa.event.listen(sa.Engine, "before_cursor_execute", seen)
    sa.event.listen(sa.Engine, "commit", seen)


def sweep(url: str, step: int, killed_at: Callable[[str, int], bool] = killed) -> int:
    """Die at every `step`-th statement of an upgrade, then let it end; return how often."""
    before, deaths = contents(url), 0
    for at in range(1, LONGEST, step):
        if not killed_at(url, at):
            break
        deaths += 1
        assert contents(url) == before, f"died at statement {at}"
    else:
        pytest.fail("the upgrade did not end")
    assert contents(url)["anypool_schema"] == [{"version_num": newest()}]
    return deaths


@pytest.mark.timeout(120)
def test_death_at_every_third_statement_of_an_upgrade_from_the_first_schema(tmp_path: Path) -> None:
    assert sweep(load(revisions()[0], tmp_path), 3) > 30


@contextmanager
def before_each_statement(look: Callable[[], None]) -> Iterator[None]:
    """Have something done before each statement and each commit of this process."""

    def seen(*_: object) -> None:
        look()

    for event in ("before_cursor_execute", "commit"):
        sa.event.listen(sa.Engine, event, seen)
    yield
    for event in ("before_cursor_execute", "commit"):
        sa.event.remove(sa.Engine, event, seen)


def files_of(file: Path) -> dict[str, bytes]:
    """Return what lies on the disk of a database, as a death at this moment would leave it."""
    found = (file.with_name(f"{file.name}{part}") for part in ("", "-wal", "-shm", "-journal"))
    return {one.name: one.read_bytes() for one in found if one.exists()}


def dump(files: dict[str, bytes], folder: Path) -> list[str]:
    """Return what SQLite finds in such files: tables and rows."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for name, content in files.items():
        (folder / name).write_bytes(content)
    with closing(sqlite3.connect(folder / "anypool.db")) as database:
        return list(database.iterdump())


@pytest.mark.parametrize("schema", revisions()[1:-1])
def test_death_at_any_statement_of_an_upgrade_from_a_later_schema(
    schema: str, tmp_path: Path
) -> None:
    """Nobody need be killed for it: a death leaves the files that are there at that moment."""
    url, copy = load(schema, tmp_path), tmp_path / "copy"
    left: list[dict[str, bytes]] = []
    with before_each_statement(lambda: left.append(files_of(tmp_path / "anypool.db"))):
        Store.open(url, clock=ManualClock(HOUR)).close()
    before = dump(left[0], copy)
    assert len(left) > 5
    assert all(
        dump(files, copy) == before
        for files, last in zip(left[1:], left, strict=False)
        if files != last
    )
    assert contents(url)["anypool_schema"] == [{"version_num": newest()}]
