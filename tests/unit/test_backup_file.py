"""A backup is a file that is whole and unaltered, or it is refused."""

import errno
import os
import shutil
import zipfile
from pathlib import Path

import pytest

from anypool.clock import ManualClock
from anypool.errors import AnypoolError, Conflict, Invalid, NotFound, StoreFailed
from anypool.store.portable.file import Backup
from anypool.store.portable.make import back_up
from anypool.store.portable.whole import new_file
from tests.unit.portable_kit import contents, fill

pytestmark = pytest.mark.thorough


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("full")
    fill(url_of(folder))
    back_up(url_of(folder), folder / "backup", ManualClock())
    return folder


@pytest.fixture
def backup(full: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(full / "backup", tmp_path / "backup"))


def url_of(folder: Path) -> str:
    return f"sqlite:///{folder}/anypool.db"


def refused(path: Path) -> AnypoolError:
    with pytest.raises(AnypoolError) as shown, Backup(path) as backup:
        backup.verify()
    assert shown.value.hint
    return shown.value


def test_a_backup_holds_every_row_and_says_what_it_is(full: Path, backup: Path) -> None:
    with Backup(backup) as found:
        found.verify()
        manifest = found.manifest
        stored = {shape.name: list(found.lines(shape, lambda _: None)) for shape in found.shapes}
    assert stored == contents(url_of(full))
    assert {table.shape.name: table.rows for table in manifest.tables} == {
        name: len(lines) for name, lines in stored.items()
    }
    assert (manifest.database, manifest.made_at) == ("sqlite", ManualClock().now())
    assert backup.stat().st_mode & 0o777 == 0o600
    with zipfile.ZipFile(backup) as archive:
        assert archive.testzip() is None, "any other tool can read it"


@pytest.mark.parametrize("share", [0.0, 0.2, 0.5, 0.99, 0.9999])
def test_a_file_that_was_cut_short_is_refused(backup: Path, share: float) -> None:
    content = backup.read_bytes()
    backup.write_bytes(content[: int(len(content) * share)])
    error = refused(backup)
    assert isinstance(error, Invalid), error
    assert "no backup" in error.message or "damaged" in error.message


def test_a_file_of_which_any_byte_was_altered_is_refused(backup: Path, tmp_path: Path) -> None:
    content = bytearray(backup.read_bytes())
    for at in [*range(0, len(content), len(content) // 60), *range(-90, 0)]:
        content[at] ^= 0x20
        backup.write_bytes(content)
        assert isinstance(refused(backup), Invalid), f"byte {at}"
        content[at] ^= 0x20
    backup.write_bytes(content)
    with Backup(backup) as found:
        found.verify()


def test_a_table_that_was_altered_along_with_the_sum_of_the_file_is_refused(
    backup: Path, tmp_path: Path
) -> None:
    """Whoever packs it again with another tool has no sums of tables that fit."""
    again = tmp_path / "again"
    with zipfile.ZipFile(backup) as old, zipfile.ZipFile(again, "w") as new:
        for name in old.namelist():
            new.writestr(name, old.read(name).replace(b"ada", b"eve") + b"\n")
    assert "damaged" in refused(again).message


@pytest.mark.parametrize(
    "content", [b"", b"SQLite format 3\0" + bytes(100), b"PK\x03\x04" + bytes(99)]
)
def test_a_file_of_another_kind_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "file").write_bytes(content)
    assert isinstance(refused(tmp_path / "file"), Invalid)


def test_a_zip_of_somebody_else_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "file", "w") as archive:
        archive.writestr("readme", "hello")
    assert "no backup" in refused(tmp_path / "file").message
    assert isinstance(refused(tmp_path / "absent"), NotFound)
    assert isinstance(refused(tmp_path), Invalid)


def test_a_file_that_is_there_is_never_written_over(full: Path, tmp_path: Path) -> None:
    (tmp_path / "backup").write_text("precious")
    with pytest.raises(Conflict, match="there already"):
        back_up(url_of(full), tmp_path / "backup", ManualClock())
    assert [path.name for path in tmp_path.iterdir()] == ["backup"]
    assert (tmp_path / "backup").read_text() == "precious"


def test_where_no_records_are_there_is_nothing_to_back_up(tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        back_up(url_of(tmp_path), tmp_path / "backup", ManualClock())
    (tmp_path / "anypool.db").touch()
    with pytest.raises(StoreFailed, match="no records"):
        back_up(url_of(tmp_path), tmp_path / "backup", ManualClock())
    assert not (tmp_path / "backup").exists()


def test_a_disk_that_is_full_leaves_nothing_behind(
    full: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_room(_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("anypool.store.portable.file._sum_up", no_room)
    with pytest.raises(StoreFailed, match="cannot be written: No space left"):
        back_up(url_of(full), tmp_path / "backup", ManualClock())
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_writer_left_is_swept_away_and_another_writer_is_not(
    full: Path, tmp_path: Path
) -> None:
    (tmp_path / ".backup.0123abcd.part").write_bytes(b"half")
    with new_file(tmp_path / "backup") as (part, _):
        assert [path.name for path in tmp_path.iterdir()] == [part.name]
        back_up(url_of(full), tmp_path / "backup", ManualClock())
        assert part.exists()
        (tmp_path / "backup").rename(tmp_path / "first")
    assert (tmp_path / "backup").stat().st_size == 0
