"""How the parts are put together."""

from pathlib import Path
from typing import Any

import pytest

from anypool import app
from anypool.settings import Settings
from anypool.store import Store


@pytest.mark.parametrize(
    ("database", "key"),
    [
        ("postgresql://ada@db/pool", "secrets.key"),
        ("sqlite:////elsewhere/pool.db", None),
        ("", None),
    ],
)
def test_secrets_of_a_database_server_have_their_key_in_the_state_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, database: str, key: str | None
) -> None:
    seen: dict[str, Any] = {}
    monkeypatch.setattr(Store, "open", lambda url, **more: seen.update(more))
    app.open_store(Settings(state_dir=str(tmp_path), database=database))
    assert seen["key_file"] == (None if key is None else tmp_path / key)


@pytest.mark.parametrize(
    ("database", "name"),
    [
        ("postgresql://ada@db/pool", "secrets.key.audit"),
        ("sqlite:////elsewhere/pool.db", "pool.db.key.audit"),
        ("", "anypool.db.key.audit"),
    ],
)
def test_the_key_of_the_audit_trail_lies_in_the_state_folder(
    tmp_path: Path, database: str, name: str
) -> None:
    settings = Settings(state_dir=str(tmp_path), database=database)
    assert app.audit_key_file(settings) == tmp_path / name


def test_a_key_that_chained_the_trail_beside_its_database_stays_in_use(tmp_path: Path) -> None:
    database = tmp_path / "elsewhere" / "pool.db"
    database.parent.mkdir()
    key = database.with_name("pool.db.key.audit")
    key.write_text("ab" * 32)
    settings = Settings(state_dir=str(tmp_path / "state"), database=f"sqlite:///{database}")
    assert app.audit_key_file(settings) == key
