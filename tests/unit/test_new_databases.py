import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from anypool.clock import ManualClock
from anypool.store import Store
from tests import databases


def dump(file: Path) -> list[str]:
    """Return all that is in a database but its name, which is drawn."""
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("update installation set site = ''")
        return list(connection.iterdump())


@pytest.mark.usefixtures("migrated_anew")
def test_a_copied_database_is_what_the_migrations_make(tmp_path: Path) -> None:
    made, copied = tmp_path / "made", tmp_path / "copied"
    Store.open(f"sqlite:///{made}", clock=ManualClock()).close()
    databases.copy_to(copied)
    assert dump(copied) == dump(made)
    assert copied.stat().st_mode == made.stat().st_mode


def test_what_is_there_is_never_copied_over(tmp_path: Path) -> None:
    file = tmp_path / "anypool.db"
    file.write_bytes(b"")
    databases.copy_to(file)
    assert file.read_bytes() == b""
    assert list(tmp_path.iterdir()) == [file]
