"""An old and a new release on one database: what is allowed, and who is refused with what words.

The older release is this code with a shorter list of schemas, on databases that the releases
of then left: `tests/golden/schemas`.
"""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from itertools import pairwise
from pathlib import Path

import pytest
import sqlalchemy as sa

from anypool.clock import ManualClock
from anypool.errors import Conflict, StoreFailed
from anypool.store import Store, compat, connect, events, facts, lease, migrate
from anypool.store.compat_tables import compatibility
from anypool.store.migrate import revisions
from anypool.store.records import EventRecord
from anypool.store.tables import metadata
from tests.unit.schema_kit import contents, load

pytestmark = pytest.mark.usefixtures("migrated_anew")
KNOWN = revisions()
Knows = Callable[..., None]


@pytest.fixture
def knows(monkeypatch: pytest.MonkeyPatch) -> Knows:
    """Make this code a release that knows some schemas, and some of them as contractions."""

    def be(schemas: tuple[str, ...] = KNOWN, contracted: frozenset[str] = frozenset()) -> None:
        monkeypatch.setattr(migrate, "revisions", lambda: schemas)
        monkeypatch.setattr(migrate, "_contracted", lambda: contracted)

    return be


def opened(url: str, clock: ManualClock | None = None) -> Store:
    return Store.open(url, clock=clock or ManualClock())


def shape(url: str) -> dict[str, dict[str, tuple[str, bool, bool]]]:
    """Return of each table and column its type, if it may be null, and if it may be left out."""
    engine = connect.engine(connect.parse(url))
    seen = sa.inspect(engine)
    found = {
        table: {
            column["name"]: (
                str(column["type"]),
                bool(column["nullable"]),
                bool(column["nullable"]) or column["default"] is not None,
            )
            for column in seen.get_columns(table)
        }
        for table in seen.get_table_names()
    }
    engine.dispose()
    return found


@pytest.mark.parametrize(("old", "new"), list(pairwise(KNOWN)))
def test_a_migration_expands_unless_it_says_that_it_contracts(
    tmp_path: Path, old: str, new: str
) -> None:
    """What a release reads and writes is there after the migrations of the next one."""
    for name in (old, new):
        (tmp_path / name).mkdir()
    before, after = (shape(load(name, tmp_path / name)) for name in (old, new))
    trouble = [
        f"{table}.{column}"
        for table, columns in before.items()
        for column, (kind, null, _) in columns.items()
        if after.get(table, {}).get(column, ("", None, None))[:2] != (kind, null)
    ]
    trouble += [
        f"{table}.{column} is new and needed"
        for table in before.keys() & after.keys()
        for column in after[table].keys() - before[table].keys()
        if not after[table][column][2]
    ]
    contracts = new in migrate._contracted()
    assert contracts or not trouble, f"{trouble}: say contract = True in v{new}, or expand"


@pytest.mark.parametrize("old", [one for one in KNOWN if one >= compat.FIRST])
def test_rows_of_an_older_release_fit_into_the_newest_schema(tmp_path: Path, old: str) -> None:
    (tmp_path / "old").mkdir()
    rows = contents(load(old, tmp_path / "old"))
    file = tmp_path / "anypool.db"
    opened(f"sqlite:///{file}").close()
    with closing(sqlite3.connect(file)) as database:
        for table, found in rows.items():
            if table not in metadata.tables:
                continue
            database.execute(f"DELETE FROM {table}") if table != "audit" else None
            for row in found:
                names, marks = ", ".join(f'"{one}"' for one in row), ", ".join("?" * len(row))
                given = [one if isinstance(one, str | bytes | int | float | None) else str(one)
                         for one in row.values()]  # fmt: skip
                database.execute(f"INSERT INTO {table} ({names}) VALUES ({marks})", given)
        database.commit()


def test_an_older_release_works_on_a_newer_schema_that_only_expanded(
    tmp_path: Path, knows: Knows
) -> None:
    """Both are open; the older one leads, and the newer one migrates under it."""
    url = f"sqlite:///{tmp_path}/anypool.db"
    knows(KNOWN[:-1] if KNOWN[-1] > compat.FIRST else KNOWN)
    older = opened(url)
    assert older.take_lease("older", 10.0)
    knows()
    newer = opened(url)
    with older.writing() as tx:
        events.append(tx, EventRecord(kind="x", message="of the older release"))
    assert newer.take_lease("newer", 10.0) is None
    older.give_lease()
    older.close()
    assert newer.take_lease("newer", 10.0)
    with newer.reading() as tx:
        assert events.last_number(tx) == 1
    newer.close()


def set_ahead(url: str, schema: str, floor: str) -> None:
    """Leave a database as a release of the future would."""
    with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as database:
        database.execute(f"UPDATE {migrate.VERSION_TABLE} SET version_num = ?", (schema,))
        database.execute("UPDATE compatibility SET floor = ?", (floor,))
        database.commit()


def test_a_release_that_knows_the_floor_opens_what_is_newer(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/anypool.db"
    opened(url).close()
    set_ahead(url, "9999", KNOWN[-1])
    store = opened(url)
    assert store.take_lease("older", 10.0)
    with store.writing() as tx:
        events.append(tx, EventRecord(kind="x", message="written by the older release"))
    store.close()


def test_a_release_below_the_floor_is_refused_and_changes_nothing(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/anypool.db"
    opened(url).close()
    set_ahead(url, "9999", "9998")
    before = contents(url)
    with pytest.raises(StoreFailed, match="schema 9999, newer than this release") as raised:
        opened(url)
    assert "schema 9998 at least" in raised.value.hint
    assert contents(url) == before


def test_the_floor_follows_contractions_and_never_sinks(tmp_path: Path, knows: Knows) -> None:
    url = load("0018", tmp_path)
    opened(url).close()
    assert floor(url) == compat.FIRST
    knows(contracted=frozenset({KNOWN[-1]}))
    url = load_into(tmp_path / "other")
    opened(url).close()
    assert floor(url) == KNOWN[-1]
    knows()
    opened(url).close()
    assert floor(url) == KNOWN[-1]


def load_into(folder: Path, schema: str = "0018") -> str:
    folder.mkdir()
    return load(schema, folder)


def floor(url: str) -> str:
    engine = connect.engine(connect.parse(url))
    with connect.reading(engine) as connection:
        found = connection.execute(sa.select(compatibility.c.floor)).scalar()
    engine.dispose()
    return str(found)


class Alive(ManualClock):
    """Time in which the manager of before gives signs of life."""

    def __init__(self, file: Path) -> None:
        super().__init__()
        self._file = file

    def wait(self, event: object, timeout_s: float) -> bool:  # type: ignore[override]
        with closing(sqlite3.connect(self._file)) as database:
            database.execute("UPDATE lease SET renewals = renewals + 1")
            database.commit()
        return False


def test_nobody_contracts_under_a_manager_that_lives(tmp_path: Path, knows: Knows) -> None:
    url, schema = load("0018", tmp_path), "0018"
    knows(contracted=frozenset({KNOWN[-1]}))
    with pytest.raises(StoreFailed, match="led by old:1:a, a manager of an older release"):
        opened(url, Alive(tmp_path / "anypool.db"))
    assert contents(url)[migrate.VERSION_TABLE][0]["version_num"] == schema


def test_one_that_was_frozen_cannot_write_after_a_contraction(tmp_path: Path, knows: Knows) -> None:
    url, clock = load("0018", tmp_path), ManualClock()
    knows(KNOWN[: KNOWN.index("0018") + 1])
    frozen = opened(url, clock)
    assert frozen.take_lease("frozen", 10.0) is None
    clock.advance(11)
    assert frozen.take_lease("frozen", 10.0)
    knows(contracted=frozenset({KNOWN[-1]}))
    opened(url, clock).close()
    with pytest.raises(Conflict, match="another manager took over"), frozen.writing() as tx:
        lease.renew(tx, guarded=False)
    frozen.close()


def test_what_cannot_be_read_is_said_and_not_guessed(tmp_path: Path) -> None:
    """A policy of a kind that only a newer release knows."""
    store = opened(f"sqlite:///{tmp_path}/anypool.db")
    row = {"id": "p", "scope": "", "rule": {"kind": "of-tomorrow"}, "strength": "must",
           "enabled": True, "description": ""}  # fmt: skip
    with store.writing() as tx:
        tx.add(metadata.tables["policies"], row)
    with (
        store.reading() as tx,
        pytest.raises(
            StoreFailed, match=r"a stored Policy cannot be read: .*of-tomorrow"
        ) as raised,
    ):
        facts.policies.all(tx)
    assert "a newer release wrote it" in raised.value.hint
    store.close()
