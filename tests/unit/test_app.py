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
