"""Every released schema on PostgreSQL: brought to this release's, killed in between, refused."""

from contextlib import closing
from pathlib import Path

import pytest

from anypool.clock import ManualClock, SystemClock
from anypool.store import Store
from anypool.store.migrate import revisions
from anypool.store.portable.move import move
from tests.service import test_schemas as on_sqlite
from tests.service.test_schemas_kill import sweep
from tests.service.test_store_postgres import server as server
from tests.service.test_store_postgres import url as url
from tests.unit.schema_kit import HOUR, load

pytestmark = pytest.mark.postgres


@pytest.mark.timeout(120)
@pytest.mark.parametrize("schema", revisions())
def test_all_rows_are_there_and_can_be_read(schema: str, url: str, tmp_path: Path) -> None:
    """What is asked on SQLite in tests of their own is asked here of one database."""
    move(load(schema, tmp_path), url, SystemClock())
    clock = ManualClock(HOUR + 3 * 86_400)
    on_sqlite.test_all_rows_are_there(url, clock)
    key = tmp_path / "anypool.db.key"
    with closing(Store.open(url, clock=clock, key_file=key)) as store:
        on_sqlite.test_the_run_under_way_can_be_gone_on_with(store)
        on_sqlite.test_what_is_ours_can_be_read(store, schema)
        on_sqlite.test_people_and_what_happened_can_be_read(store, schema)
        on_sqlite.test_what_is_kept_for_a_while_can_be_read(store, clock, schema)
    on_sqlite.test_a_newer_schema_is_refused_and_nothing_is_changed(url, clock)


@pytest.mark.timeout(120)
def test_death_in_an_upgrade_from_the_first_schema(url: str, tmp_path: Path) -> None:
    move(load(revisions()[0], tmp_path), url, SystemClock())
    assert sweep(url, 5) > 5
