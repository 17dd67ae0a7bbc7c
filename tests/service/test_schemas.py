"""A database of every released schema comes to this release's, with all rows, and can be read."""

import shutil
from collections.abc import Iterator
from contextlib import closing
from functools import cache
from pathlib import Path

import pytest
import sqlalchemy as sa

from anypool.clock import ManualClock
from anypool.engine.loads.history import History, Span
from anypool.engine.loads.recorder import Recorder
from anypool.engine.records.archive import Archive
from anypool.engine.runs.journal import Journal
from anypool.errors import StoreFailed
from anypool.model import EndpointId, Inventory
from anypool.plan import PlanState
from anypool.store import (
    Store,
    audit,
    connect,
    events,
    facts,
    inventories,
    lease,
    observed,
    people,
    plans,
    restoration,
    retention,
    runs,
    secrets,
    tokens,
)
from anypool.store.migrate import newest, revisions
from anypool.store.pages import Ask
from anypool.store.records import RunState, StepState
from anypool.store.tables import metadata
from tests.unit.schema_kit import (
    DONE,
    HOUR,
    PASSWORD,
    PLAN,
    RUN,
    WAITING,
    contents,
    load,
)

STEP_S = 600
HISTORY, POLICIES, TRAIL, SERVICES, RESTORED = "0004", "0005", "0006", "0007", "0008"
"""The schemas that brought them."""


@pytest.fixture(params=revisions())
def schema(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def url(schema: str, tmp_path: Path) -> str:
    """A database as a release with that schema left it."""
    return load(schema, tmp_path)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(HOUR + 3 * 86_400)


@cache
def upgraded(schema: str, folder: Path) -> Path:
    """Let this release upgrade a database in a folder of its own, once; return the folder."""
    made = folder / schema
    made.mkdir()
    load(schema, made)
    opened_in(made, ManualClock(HOUR)).close()
    return made


def opened_in(folder: Path, clock: ManualClock) -> Store:
    file = folder / "anypool.db"
    return Store.open(f"sqlite:///{file}", clock=clock, key_file=folder / "anypool.db.key")


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("upgraded")


@pytest.fixture
def store(schema: str, shelf: Path, clock: ManualClock, tmp_path: Path) -> Iterator[Store]:
    """The same in the hands of this release."""
    shutil.copytree(upgraded(schema, shelf), tmp_path, dirs_exist_ok=True)
    with closing(opened_in(tmp_path, clock)) as opened:
        yield opened


MOVED = frozenset(
    ("images", name) for name in ("datastore", "volume", "format", "size_bytes", "boot")
)
"""Columns that became part of another one."""


def test_the_volume_of_an_image_became_its_first_version(store: Store) -> None:
    with store.reading() as tx:
        (image,) = facts.images.all(tx)
    first = image.versions[0]
    assert (first.number, first.size_bytes, first.format) == (1, 1 << 31, "qcow2")
    assert [copy.place for copy in first.copies] == [("shared", "debian.qcow2")]
    assert image.last == len(image.versions)


def test_all_rows_are_there(url: str, clock: ManualClock) -> None:
    before = contents(url)
    assert before["runs"]
    Store.open(url, clock=clock).close()
    after = contents(url)
    for table, rows in before.items():
        if table == "anypool_schema":
            continue
        names = [name for name in (rows[0] if rows else ()) if (table, name) not in MOVED]
        kept = [{name: row[name] for name in names} for row in after[table]]
        missing = [row for row in rows if {name: row[name] for name in names} not in kept]
        assert not missing, f"{table}: {missing[:3]}"
    assert after["anypool_schema"] == [{"version_num": newest()}]
    assert set(after) == {*metadata.tables, "anypool_schema"}


def test_the_run_under_way_can_be_gone_on_with(store: Store) -> None:
    ((run, plan),) = Journal(store).load()
    assert (run.id, run.state, plan.state) == (RUN, RunState.RUNNING, PlanState.RUNNING)
    with store.reading() as tx:
        steps = runs.steps(tx, run.id)
        assert runs.get_run(tx, DONE).state is RunState.FAILED
        assert plans.get(tx, WAITING).state is PlanState.RECOMMENDED
        assert {one.id for one in plans.list_plans(tx, Ask()).items} >= {PLAN, WAITING}
    assert len(steps) == len(plan.plan.steps)
    assert [one.state for one in steps[:2]] == [StepState.DONE, StepState.BEGUN]


def test_what_is_ours_can_be_read(store: Store, schema: str) -> None:
    with store.reading() as tx:
        first, _ = facts.endpoints.all(tx)
        assert (first.id, first.pool, first.options) == ("h1", "prod", (("keyfile", "/k"),))
        assert {one.id for one in facts.pools.all(tx)} == {"default", "prod"}
        assert facts.hosts.all(tx)[0].tags == {"blue", "rack:r1"}
        assert facts.vms.all(tx)[0].tags == {"blue", "rack:r1"}
        assert [len(shelf.all(tx)) for shelf in (facts.datastores, facts.images)] == [1, 1]
        assert len(facts.policies.all(tx)) == (schema >= POLICIES)
        assert len(facts.services.all(tx)) == (schema >= SERVICES)
        assert secrets.get(tx, "h1", "password") == PASSWORD
        known = observed.load(tx)
        assert (len(known.hosts), len(known.vms), known.unreadable) == (2, 2, 0)
        assert lease.look(tx).epoch == 7
        waiting = [one.endpoint for one in restoration.pending(tx)]
        assert waiting == ([EndpointId("h2")] if schema >= RESTORED else [])


def test_people_and_what_happened_can_be_read(store: Store, schema: str) -> None:
    with store.writing() as tx:
        assert [user.name for user in people.list_users(tx)] == ["ada", "bob"]
        (token,) = tokens.list_tokens(tx)
        assert token.deeds == (("OPERATE_VM",) if schema >= TRAIL else None)
        assert len(events.since(tx, 0)) >= 2
        if schema >= TRAIL:
            assert audit.count(tx) >= 1
        audit.append(tx, audit.AuditRecord(who="ada", deed="LATER"))
        verdict = audit.verify(tx)
        assert verdict.sound, verdict.why
        assert ("events" in retention.last(tx)) == (schema >= HISTORY)


def test_what_is_kept_for_a_while_can_be_read(
    store: Store, clock: ManualClock, schema: str
) -> None:
    with store.reading() as tx:
        kept = inventories.latest(tx)
    if schema < HISTORY:
        assert kept is None
        return
    assert kept is not None
    inventory: Inventory = Archive(store).load(kept)
    assert (len(inventory.hosts), len(inventory.vms)) == (2, 2)
    history = History(store, Recorder(store, clock, STEP_S), STEP_S)
    begin = HOUR + 86_400
    found = history.series("v1", ["cpu_percent"], Span(begin, begin + 3600, STEP_S))
    assert [round(value) for value in found.columns["cpu_percent"].mean if value] == [10] * 6


def test_a_newer_schema_is_refused_and_nothing_is_changed(url: str, clock: ManualClock) -> None:
    write(url, "UPDATE anypool_schema SET version_num = '9999'")
    if "compatibility" in contents(url):
        write(url, "UPDATE compatibility SET floor = '9998'")
    before = contents(url)
    with pytest.raises(StoreFailed, match="schema 9999, newer than this release knows") as refused:
        Store.open(url, clock=clock)
    assert "newer one" in refused.value.hint
    assert contents(url) == before


def write(url: str, statement: str) -> None:
    engine = connect.engine(connect.parse(url))
    with connect.writing(engine) as (connection, transaction):
        connection.execute(sa.text(statement))
        transaction.commit()
    engine.dispose()
