"""Records go from SQLite to PostgreSQL and back, through a file or at once, and nothing is lost."""

import os
import signal
from pathlib import Path

import pytest
import sqlalchemy as sa

from anypool.clock import SystemClock
from anypool.errors import Conflict
from anypool.store import Store
from anypool.store.portable.alone import patient
from anypool.store.portable.file import Backup
from anypool.store.portable.make import back_up
from anypool.store.portable.move import move
from anypool.store.portable.pour import Report
from anypool.store.portable.restore import restore
from tests.service.test_portable import MARKED
from tests.service.test_portable_kill import killed
from tests.service.test_store_postgres import Server
from tests.service.test_store_postgres import server as server
from tests.service.test_store_postgres import url as url
from tests.unit.portable_kit import contents, fill, open_once
from tests.unit.store_kit import child

pytestmark = pytest.mark.postgres


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> str:
    made = f"sqlite:///{tmp_path_factory.mktemp('full')}/anypool.db"
    fill(made)
    return made


def test_sqlite_to_postgresql_and_back(full: str, url: str, tmp_path: Path) -> None:
    before = contents(full)
    done = move(full, url, SystemClock())
    assert done.rows == sum(map(len, before.values()))
    assert contents(url) == before
    with open_once(url) as connection:
        patient(connection)
        for name in ("statement_timeout", "idle_in_transaction_session_timeout"):
            limit = connection.execute(sa.text(f"SHOW {name}")).scalar_one()
            assert limit == "0", "what takes long is not cut off"
    move(url, f"sqlite:///{tmp_path}/back.db", SystemClock())
    assert contents(f"sqlite:///{tmp_path}/back.db") == before


def test_numbers_that_were_given_out_are_not_given_again(full: str, url: str) -> None:
    """Also those of rows that are gone."""
    with open_once(full) as connection:
        asked = "SELECT seq FROM sqlite_sequence WHERE name = 'events'"
        given = connection.execute(sa.text(asked)).scalar_one()
    move(full, url, SystemClock())
    with open_once(url) as connection:
        asked = "SELECT last_value + is_called::int FROM events_number_seq"
        assert connection.execute(sa.text(asked)).scalar_one() == given + 1


def test_a_file_fits_both_databases(full: str, url: str, server: Server, tmp_path: Path) -> None:
    """What is somebody else's in the same database stays."""
    other = f"sqlite:///{tmp_path}/other.db"
    back_up(full, tmp_path / "one", SystemClock())
    with Backup(tmp_path / "one") as backup:
        restore(url, backup, SystemClock())
        with pytest.raises(Conflict, match="holds records"):
            restore(url, backup, SystemClock())
        server.sql("CREATE FUNCTION theirs() RETURNS int LANGUAGE sql AS 'SELECT 7'", "anypool")
        restore(url, backup, SystemClock(), replace=True)
        assert server.sql("SELECT theirs()", "anypool") == [(7,)]
    back_up(url, tmp_path / "two", SystemClock())
    with Backup(tmp_path / "two") as backup:
        assert backup.manifest.database == "postgresql"
        restore(other, backup, SystemClock())
    before, after = contents(full), contents(other)
    assert {name for name in after if after[name] != before[name]} <= MARKED
    Store.open(url, clock=SystemClock()).close()


def test_a_move_or_restore_that_is_killed_leaves_what_was(
    full: str, url: str, tmp_path: Path
) -> None:
    back_up(full, tmp_path / "backup", SystemClock())

    def moving(report: Report) -> object:
        return move(full, url, SystemClock(), report=report)

    def restoring(report: Report) -> object:
        with Backup(tmp_path / "backup") as backup:
            return restore(url, backup, SystemClock(), replace=True, report=report)

    assert killed(moving, 60)
    with open_once(url) as connection:
        assert sa.inspect(connection).get_table_names() == []
    assert not killed(moving, 10_000)
    before = contents(url)
    assert killed(restoring, 60)
    assert contents(url) == before


def test_a_manager_that_lives_is_never_worked_under(
    full: str, url: str, server: Server, tmp_path: Path
) -> None:
    """One that was killed or frozen is waited for until its lease is over."""
    back_up(full, tmp_path / "backup", SystemClock())
    with Backup(tmp_path / "backup") as backup, child(url) as manager:
        assert manager.answer() == "open"
        assert manager.ask("take m1 2") == "1"
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("anypool.store.portable.alone._LOOK_S", 0.0)
            server.sql("UPDATE lease SET renewals = renewals + 1", "anypool")
            with pytest.raises(Conflict, match="a manager runs"):
                restore(url, backup, _Renewing(server), replace=True)
        os.kill(manager.process.pid, signal.SIGSTOP)
        restore(url, backup, SystemClock(), replace=True)
        os.kill(manager.process.pid, signal.SIGCONT)
        assert "another manager took over" in manager.ask("write too late")


class _Renewing(SystemClock):
    """Time in which a manager elsewhere gives a sign of life whenever somebody waits."""

    def __init__(self, server: Server) -> None:
        self._server = server

    def wait(self, event: object, timeout_s: float) -> bool:
        self._server.sql("UPDATE lease SET renewals = renewals + 1", "anypool")
        return False
