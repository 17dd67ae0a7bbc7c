"""A new schema comes with a database as its release leaves it, to be upgraded by all later ones."""

from anypool.store.migrate import revisions
from tests.unit.schema_kit import FOLDER


def test_every_schema_is_stored_with_rows() -> None:
    there = {file.stem for file in FOLDER.glob("*.sql")}
    missing = sorted(set(revisions()) - there)
    how = "run `.venv/bin/python -m tests.unit.schema_kit` and commit what it makes"
    assert not missing, f"no file in tests/golden/schemas for {', '.join(missing)}: {how}"
    assert there == set(revisions()), "a schema that was released is never taken back"
