from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, create_engine, inspect, select

from anypool.clock import ManualClock
from anypool.store import Store, tables
from anypool.store.migrate import VERSION_TABLE, revisions

pytestmark = pytest.mark.usefixtures("migrated_anew")


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    url = f"sqlite:///{tmp_path}/anypool.db"
    Store.open(url, clock=ManualClock()).close()
    made = create_engine(url)
    yield made
    made.dispose()


def test_the_migrated_schema_is_the_one_the_code_uses(engine: Engine) -> None:
    with engine.connect() as connection:
        options = {"version_table": VERSION_TABLE, "compare_type": True}
        context = MigrationContext.configure(connection, opts=options)
        assert compare_metadata(context, tables.metadata) == []


def test_migrations_bear_the_numbers_of_their_files() -> None:
    scripts = ScriptDirectory(str(Path(tables.__file__).with_name("migrations")))
    assert revisions() == tuple(one.revision for one in scripts.walk_revisions())[::-1]


def test_checks_and_foreign_keys_are_there(engine: Engine) -> None:
    seen = inspect(engine)
    assert [check["name"] for check in seen.get_check_constraints("lease")] == ["ck_lease_one"]
    (key,) = seen.get_foreign_keys("steps")
    assert (key["referred_table"], key["options"]) == ("runs", {"ondelete": "CASCADE"})


def test_nobody_holds_the_lease_of_a_new_database(engine: Engine) -> None:
    with engine.connect() as connection:
        (row,) = connection.execute(select(tables.lease)).all()
    assert (row.id, row.holder, row.epoch, row.guarded) == (1, "", 0, False)
