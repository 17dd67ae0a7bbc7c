"""The store on a real PostgreSQL, which the test makes for itself; and what only it can do."""

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import psycopg
import pytest
import sqlalchemy
from sqlalchemy import Engine, create_engine

from anypool.clock import ManualClock, SystemClock
from anypool.errors import AnypoolError, StoreFailed
from anypool.store import Store, connect, events, secrets
from anypool.store.records import EventRecord
from anypool.store.tx import Tx
from tests.service.postgres_kit import Server, running
from tests.service.test_store_lease import *  # noqa: F403
from tests.service.test_store_lease import poll, write
from tests.unit.store_kit import child

# The same tests as on SQLite; their fixtures `store`, `url` and `engine` are replaced below.
from tests.unit.test_audit import *  # noqa: F403
from tests.unit.test_store_facts import *  # noqa: F403
from tests.unit.test_store_journal import *  # noqa: F403
from tests.unit.test_store_migrate import *  # noqa: F403
from tests.unit.test_store_people import *  # noqa: F403

pytestmark = pytest.mark.postgres

# They are about the lock of a process, which only SQLite has.
del test_the_lock_of_a_zombie_proves_nothing_about_its_successor  # noqa: F821


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with running() as made:
        yield made


@pytest.fixture(scope="module")
def migrated(server: Server, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The name of a database that the migrations made, and nobody else uses."""
    server.sql("CREATE DATABASE migrated")
    key = tmp_path_factory.mktemp("migrated") / "key"
    Store.open(server.url("migrated"), clock=ManualClock(), key_file=key).close()
    return "migrated"


@pytest.fixture
def url(server: Server, request: pytest.FixtureRequest) -> Iterator[str]:
    """An empty database; for tests of an open store a copy of a migrated one."""
    opened = "store" in request.fixturenames and "migrated_anew" not in request.fixturenames
    base = request.getfixturevalue("migrated") if opened else "template0"
    server.sql(f"CREATE DATABASE anypool TEMPLATE {base}")
    yield server.url("anypool")
    server.sql("DROP DATABASE anypool WITH (FORCE)")


@pytest.fixture
def ends_with_process() -> bool:
    return False


@pytest.fixture
def store(url: str, clock: ManualClock, tmp_path: Path) -> Iterator[Store]:
    opened = Store.open(url, clock=clock, key_file=tmp_path / "key")
    yield opened
    opened.close()


@pytest.fixture
def engine(store: Store, url: str) -> Iterator[Engine]:
    made = create_engine(url)
    yield made
    made.dispose()


def refused(attempt: Callable[[], object]) -> AnypoolError:
    with pytest.raises(AnypoolError) as shown:
        attempt()
    return shown.value


def test_without_a_key_file_no_secret_is_kept(url: str) -> None:
    opened = Store.open(url, clock=ManualClock())
    with pytest.raises(StoreFailed, match="no key file"), opened.writing() as tx:
        secrets.put(tx, "e1", "password", "geheim")
    opened.close()


def test_what_cannot_be_opened(server: Server, url: str) -> None:
    clock = ManualClock()
    missing = refused(lambda: Store.open(server.url("nowhere"), clock=clock))
    assert "refuses the connection" in missing.message
    stranger = refused(lambda: Store.open(server.url("anypool", "eve"), clock=clock))
    assert "refuses the connection" in stranger.message
    server.sql("CREATE ROLE bob LOGIN")
    server.sql("REVOKE CREATE ON SCHEMA public FROM PUBLIC", "anypool")
    powerless = refused(lambda: Store.open(server.url("anypool", "bob"), clock=clock))
    assert "refuses this user" in powerless.message
    server.sql("DROP ROLE bob")
    server.sql("CREATE TABLE lease (x int)", "anypool")
    occupied = refused(lambda: Store.open(url, clock=clock))
    assert "tables of another program" in occupied.message
    server.sql("DROP TABLE lease", "anypool")
    Store.open(url, clock=clock).close()
    server.sql("UPDATE anypool_schema SET version_num = '9999'", "anypool")
    server.sql("UPDATE compatibility SET floor = '9999'", "anypool")
    newer = refused(lambda: Store.open(url, clock=clock))
    assert "schema 9999, newer" in newer.message
    assert all(error.hint for error in (missing, stranger, powerless, occupied, newer))


def test_a_read_only_server_is_refused(server: Server, store: Store) -> None:
    server.sql("ALTER DATABASE anypool SET default_transaction_read_only = on")
    server.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'anypool'")
    error = refused(lambda: write(store))
    assert isinstance(error, StoreFailed)
    assert "is read-only" in error.message


@contextmanager
def locked(url: str) -> Iterator[None]:
    with closing(psycopg.connect(url)) as other:
        other.execute("SELECT * FROM lease FOR UPDATE")
        yield


def test_a_locked_row_is_waited_for_and_then_refused(url: str, store: Store) -> None:
    with locked(url):
        error = refused(lambda: write(store))
        with store.reading() as tx:
            assert events.last_number(tx) == 0
    assert isinstance(error, StoreFailed)
    assert "is locked" in error.message
    write(store)


def test_a_server_that_comes_back_is_used_again(server: Server, store: Store) -> None:
    write(store, "a")
    server.stop("immediate")
    error = refused(lambda: write(store, "lost"))
    assert isinstance(error, StoreFailed)
    assert "does not answer" in error.message
    server.start()
    write(store, "b")
    with store.reading() as tx:
        assert [event.message for event in events.since(tx, 0)] == ["a", "b"]


def test_a_connection_cut_at_the_commit_is_found_out(
    server: Server, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    mark = store._mark

    def cut(tx: Tx) -> str:
        """Cut it between the last statement and the commit."""
        made = mark(tx)
        (pid,) = tx.rows(sqlalchemy.text("SELECT pg_backend_pid()"))[0]
        server.sql(f"SELECT pg_terminate_backend({pid}, 5000)")
        return made

    with monkeypatch.context() as patch:
        patch.setattr(store, "_mark", cut)
        error = refused(lambda: write(store))
    assert isinstance(error, StoreFailed)
    assert "was not stored" in error.message
    with store.reading() as tx:
        assert events.last_number(tx) == 0


def test_a_connection_cut_before_the_commit_changes_nothing(server: Server, store: Store) -> None:
    def cut() -> None:
        with store.writing() as tx:
            events.append(tx, EventRecord(kind="test", message="m"))
            (pid,) = tx.rows(sqlalchemy.text("SELECT pg_backend_pid()"))[0]
            server.sql(f"SELECT pg_terminate_backend({pid}, 5000)")
            events.append(tx, EventRecord(kind="test", message="m"))

    assert isinstance(refused(cut), StoreFailed)
    with store.reading() as tx:
        assert events.last_number(tx) == 0


def test_a_manager_frozen_in_mid_transaction_loses_its_row(url: str) -> None:
    with child(url) as zombie:
        assert [zombie.answer(), zombie.ask("take zombie 1"), zombie.ask("begin lost")][1:] == [
            "1",
            "begun",
        ]
        os.kill(zombie.process.pid, signal.SIGSTOP)
        successor = Store.open(url, clock=SystemClock())

        def taken() -> bool:
            try:
                return successor.take_lease("successor", 60) == 2
            except StoreFailed:  # the row is still locked
                return False

        try:
            poll(taken, deadline_s=30)
            os.kill(zombie.process.pid, signal.SIGCONT)
            zombie.send("")
            assert zombie.answer().split("|")[0] in {"StoreFailed", "OutcomeUnknown"}
            with successor.reading() as tx:
                assert events.last_number(tx) == 0
        finally:
            successor.close()


def test_a_dead_network_is_noticed_in_seconds(store: Store) -> None:
    with store.reading() as tx:
        for name, value in connect._SERVER_SETTINGS.items():
            if not name.startswith("tcp_"):  # a unix socket shows 0 for those
                query = sqlalchemy.text("SELECT current_setting(:name)")
                assert tx.rows(query.bindparams(name=name))[0][0] == value
    with store._engine.connect() as connection:
        ours = connection.connection.dbapi_connection
        assert ours is not None
        parameters = ours.info.get_parameters()
    assert parameters["tcp_user_timeout"] == "11000"
    assert parameters["keepalives_idle"] == "5"
