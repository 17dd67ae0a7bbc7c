"""Backups that the manager takes by itself: when, how many, and what is said when it fails."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from anypool.clock import ManualClock
from anypool.engine.records.backups import RETRY_S, Backups
from anypool.errors import Busy, Invalid, NotFound, StoreFailed
from anypool.settings import Settings
from anypool.store import Store, audit, events
from anypool.store.pages import Ask
from anypool.store.portable.file import Backup

pytestmark = pytest.mark.thorough

HOUR_S = 3600.0


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    folder = str(tmp_path / "backups")
    return Settings(state_dir=str(tmp_path), backup_folder=folder, backup_every_h=6, backup_keep=2)


@pytest.fixture
def store(settings: Settings, clock: ManualClock) -> Iterator[Store]:
    opened = Store.open(settings.database_url, clock=clock)
    yield opened
    opened.close()


@pytest.fixture
def backups(store: Store, clock: ManualClock, settings: Settings) -> Backups:
    return Backups(store, clock, settings)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def told(store: Store) -> list[str]:
    with store.reading() as tx:
        return [event.kind for event in events.since(tx, 0)]


def test_one_is_taken_at_once_and_then_when_it_is_due(
    backups: Backups, clock: ManualClock, settings: Settings, store: Store
) -> None:
    backups.round()
    (first,) = backups.kept()
    assert backups.schedule().next_at == int(clock.now()) + 6 * HOUR_S
    clock.advance(5.9 * HOUR_S)
    assert 0 < backups.round() <= 60
    assert Backups(store, clock, settings).round() > 0, "a manager that was started anew knows it"
    assert backups.kept() == (first,)
    clock.advance(0.2 * HOUR_S)
    backups.round()
    assert len(backups.kept()) == 2
    with Backup(Path(settings.backup_folder) / first.name) as backup:
        backup.verify()
    assert told(store) == ["backup.made", "backup.made"]
    with store.reading() as tx:
        rows = audit.find(tx, Ask()).items
    assert {(row.who, row.deed, row.outcome) for row in rows} == {
        ("manager", "backup.made", "done")
    }


def test_the_newest_are_kept_and_what_is_not_ours_is_left_alone(
    backups: Backups, clock: ManualClock, settings: Settings
) -> None:
    folder = Path(settings.backup_folder)
    folder.mkdir()
    (folder / "anypool-precious.backup").write_text("of a person")
    for _ in range(4):
        backups.round()
        clock.advance(7 * HOUR_S)
    kept = [one.name for one in backups.kept()]
    assert len(kept) == 2
    assert names(folder) == sorted([*kept, "anypool-precious.backup"])
    assert backups.newest_at() == clock.now() - 7 * HOUR_S


def test_a_failure_is_said_and_tried_again_and_removes_nothing(
    backups: Backups, clock: ManualClock, settings: Settings, store: Store
) -> None:
    for _ in range(2):
        backups.round()
        clock.advance(7 * HOUR_S)
    kept = backups.kept()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("anypool.engine.records.backups.back_up", _no_room)
        backups.round()
        assert backups.kept() == kept
        schedule = backups.schedule()
        assert (schedule.failed_at, schedule.why) == (clock.now(), "no room")
        assert schedule.next_at == clock.now() + RETRY_S
        assert told(store)[-1] == "backup.failed"
        with store.reading() as tx:
            assert audit.find(tx, Ask()).items[0].outcome == "failed"
        backups.round()
        assert told(store).count("backup.failed") == 1
    clock.advance(RETRY_S + 1)
    backups.round()
    assert backups.schedule().failed_at == 0.0
    assert told(store)[-1] == "backup.made"


def _no_room(*_: object, **__: object) -> None:
    raise StoreFailed("no room")


def test_a_folder_that_cannot_be_is_said(
    store: Store, clock: ManualClock, settings: Settings, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    backups = Backups(store, clock, replace(settings, backup_folder=str(tmp_path / "file")))
    with pytest.raises(Invalid, match="no backup was taken"):
        backups.take("ada")
    assert told(store) == ["backup.failed"]
    assert backups.kept() == ()


def test_without_a_folder_none_is_taken_and_a_fresh_one_can_be_fetched(
    store: Store, clock: ManualClock, settings: Settings, tmp_path: Path
) -> None:
    backups = Backups(store, clock, replace(settings, backup_folder=""))
    backups.round()
    with pytest.raises(Invalid, match="no folder"):
        backups.take("ada")
    before = names(tmp_path)
    with backups.fresh() as file:
        assert names(tmp_path) == before, "it has no name"
        (tmp_path / "copy").write_bytes(file.read())
    with Backup(tmp_path / "copy") as backup:
        backup.verify()


def test_only_what_is_in_the_folder_can_be_fetched(backups: Backups, tmp_path: Path) -> None:
    backups.round()
    (tmp_path / "anypool-20260101T000000Z.backup").touch()
    for name in ("../anypool.db", "../anypool-20260101T000000Z.backup", "", "x"):
        with pytest.raises(NotFound):
            backups.open(name)
    with backups.open(backups.kept()[0].name) as file:
        assert file.read(2) == b"PK"


def test_one_at_a_time_and_none_while_it_stops(backups: Backups, store: Store) -> None:
    with backups._alone(), pytest.raises(Busy):
        backups.take("ada")
    backups.stopping = threading.Event()
    backups.stopping.set()
    backups.round()
    assert backups.kept() == ()
    assert told(store) == [], "to be stopped is no failure"


def test_a_damaged_one_is_listed_with_what_is_wrong(backups: Backups, settings: Settings) -> None:
    backups.round()
    path = Path(settings.backup_folder) / backups.kept()[0].name
    path.write_bytes(path.read_bytes()[:500])
    (found,) = backups.kept()
    assert "damaged" in found.why
