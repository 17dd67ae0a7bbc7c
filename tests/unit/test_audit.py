"""The audit trail: whatever is done to its rows behind our back is seen."""

import hmac
from collections.abc import Iterator
from contextlib import suppress
from itertools import pairwise
from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.exc import SQLAlchemyError

from anypool.clock import ManualClock
from anypool.engine.records.heads import Heads, exported
from anypool.errors import StoreFailed
from anypool.settings import Settings
from anypool.store import Store, act, audit, events, keyring
from anypool.store.act import Act
from anypool.store.audit import AuditRecord, Head, Verdict
from anypool.store.records import EventRecord
from anypool.store.sealing import Vault
from tests.unit import store_kit

ADA = Act(who="ada", role="operator", proof="session", deed="OPERATE_VM")


clock = store_kit.clock
store = store_kit.store


@pytest.fixture(autouse=True)
def nobody_acts() -> Iterator[None]:
    yield
    act.begin(None)


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    """The same database, as somebody has it who has no key."""
    made = create_engine(f"sqlite:///{tmp_path}/anypool.db")
    yield made
    made.dispose()


def deed(store: Store, number: int) -> None:
    with store.writing() as tx:
        audit.append(tx, AuditRecord(who="ada", deed="test", detail=f"deed {number}"))


def filled(store: Store, rows: int = 5) -> None:
    for number in range(1, rows + 1):
        deed(store, number)


def verdict(store: Store, *anchors: Head) -> Verdict:
    with store.reading() as tx:
        return audit.verify(tx, anchors)


def behind_our_back(engine: Engine, *statements: str) -> None:
    """As somebody who may do anything with the database, but has no key."""
    with engine.begin() as raw:
        if engine.dialect.name == "sqlite":
            raw.execute(text("DROP TRIGGER IF EXISTS audit_no_update"))
            raw.execute(text("DROP TRIGGER IF EXISTS audit_no_delete"))
        else:
            raw.execute(text("ALTER TABLE audit DISABLE TRIGGER ALL"))
        for statement in statements:
            raw.execute(text(statement))


def test_rows_stored_together_are_chained_one_by_one(store: Store) -> None:
    """The same hashes as those of rows that came alone, each over the one before."""
    filled(store, 2)
    some = [AuditRecord(who="ada", deed="test", detail=f"deed {n}") for n in range(3, 6)]
    with store.writing() as tx:
        together = audit.append_all(tx, some)
    with store.reading() as tx:
        rows, key = list(audit.all_rows(tx)), store.vault.audit.all()[-1].key
    assert rows[2:] == together
    assert [row.number for row in rows] == [1, 2, 3, 4, 5]
    for before, row in pairwise(rows):
        content = msgspec.json.encode(replace(row, hash=before.hash), order="deterministic")
        assert row.hash == hmac.new(key, content, "sha256").hexdigest()
    assert verdict(store).sound


def test_an_untouched_trail_is_sound(store: Store) -> None:
    assert verdict(store) == Verdict(rows=0, head=Head())
    filled(store)
    found = verdict(store)
    assert (found.sound, found.rows, found.head.number) == (True, 5, 5)


@pytest.mark.parametrize(
    ("statement", "row", "why"),
    [
        ("UPDATE audit SET detail = 'nothing' WHERE number = 3", 3, "was changed"),
        ("UPDATE audit SET who = 'eve' WHERE number = 1", 1, "was changed"),
        ("UPDATE audit SET at = at + 1 WHERE number = 5", 5, "was changed"),
        ("DELETE FROM audit WHERE number = 2", 3, "rows 2 to 2 are missing"),
        ("DELETE FROM audit WHERE number = 1", 2, "rows 1 to 1 are missing"),
    ],
)
def test_a_changed_or_deleted_row_is_found(
    store: Store, engine: Engine, statement: str, row: int, why: str
) -> None:
    filled(store)
    behind_our_back(engine, statement)
    found = verdict(store)
    assert (found.broken_at, found.rows) == (row, row - 1 if "missing" not in why else row - 2)
    assert why in found.why


def test_rows_that_changed_places_are_found(store: Store, engine: Engine) -> None:
    filled(store)
    swap = [
        f"UPDATE audit SET number = {b} WHERE number = {a}" for a, b in ((2, 99), (3, 2), (99, 3))
    ]
    behind_our_back(engine, *swap)
    assert verdict(store).broken_at == 2


def test_a_forged_row_is_found(store: Store, engine: Engine) -> None:
    filled(store)
    behind_our_back(
        engine,
        "INSERT INTO audit SELECT 6, at, 'ada', role, proof, deed, outcome, object_kind, "
        "object_id, plan, run, request, 'forged', hash FROM audit WHERE number = 5",
    )
    assert verdict(store).broken_at == 6


def test_truncation_is_found_by_a_head_that_was_exported(
    store: Store, engine: Engine, tmp_path: Path, clock: ManualClock
) -> None:
    filled(store, 3)
    heads = Heads(store, Settings(state_dir=str(tmp_path)))
    heads.export()
    heads.export()
    deed(store, 4)
    heads.export()
    (first, second) = exported(tmp_path / "audit-heads.jsonl")
    assert (first.number, second.number) == (3, 4)
    assert verdict(store, first, second).sound
    behind_our_back(engine, "DELETE FROM audit WHERE number = 4")
    assert verdict(store).sound, "the chain alone does not tell"
    assert "row 4 was exported once" in verdict(store, first, second).why
    deed(store, 4)
    assert "not the row whose hash" not in verdict(store, first).why
    assert verdict(store, first, second).sound, "the same row written again is the same row"
    clock.advance(5)
    behind_our_back(engine, "DELETE FROM audit WHERE number = 4")
    deed(store, 4)
    assert "not the row whose hash was exported" in verdict(store, first, second).why


def test_another_key_verifies_nothing(store: Store, tmp_path: Path) -> None:
    filled(store)
    (file,) = tmp_path.glob("*key.audit")
    keyring.replace(file, (keyring.new_key(),))
    other = Vault(file.with_name(file.name.removesuffix(".audit")))
    with store.reading() as tx:
        tx.vault = other
        assert "another key" in audit.verify(tx).why


@pytest.mark.parametrize("statement", ["UPDATE audit SET who = 'eve'", "DELETE FROM audit"])
def test_the_database_itself_refuses_changes(store: Store, engine: Engine, statement: str) -> None:
    filled(store)
    with pytest.raises(SQLAlchemyError, match="cannot be changed"), engine.begin() as raw:
        raw.execute(text(statement))
    assert verdict(store).rows == 5


def test_old_rows_go_behind_a_checkpoint(store: Store, clock: ManualClock, engine: Engine) -> None:
    filled(store, 3)
    with store.reading() as tx:
        old = audit.head(tx)
    clock.advance(100)
    deed(store, 4)
    with store.writing() as tx:
        assert audit.prune(tx, before=tx.now - 50) == 3
        assert audit.prune(tx, before=tx.now - 50) == 0
    found = verdict(store, old)
    assert (found.sound, found.rows, found.head.number) == (True, 1, 4)
    deed(store, 5)
    assert verdict(store, old).rows == 2
    clock.advance(100)
    with store.writing() as tx:
        assert audit.prune(tx, before=tx.now - 50) == 2
    deed(store, 6)
    assert verdict(store, old).sound
    behind_our_back(engine, "UPDATE audit_checkpoints SET hash = 'x' WHERE number = 5")
    assert not verdict(store, old).sound, "a checkpoint is sealed"


def note(store: Store, by: str = "", kind: str = "vm.changed") -> None:
    with store.writing() as tx:
        events.append(tx, EventRecord(kind=kind, message="m", by=by, run="r1" if by else None))


def rows(store: Store) -> list[AuditRecord]:
    with store.reading() as tx:
        return list(audit.all_rows(tx))


def test_a_deed_is_one_row_in_the_transaction_of_its_effect(store: Store) -> None:
    act.begin(ADA)
    with store.writing() as tx:
        for message in ("one", "two"):
            events.append(tx, EventRecord(kind="vm.changed", message=message, by="ada"))
    (row,) = rows(store)
    assert (row.who, row.role, row.proof, row.deed) == ("ada", "operator", "session", "OPERATE_VM")
    assert row.detail == "one; two"


def test_without_a_person_only_what_a_run_did_is_a_row(store: Store) -> None:
    note(store)
    note(store, by="ada", kind="step.failed")
    (row,) = rows(store)
    assert (row.who, row.proof, row.outcome, row.run) == ("ada", "run", "failed", "r1")


def test_what_was_undone_left_no_row(store: Store) -> None:
    act.begin(ADA)
    with suppress(ZeroDivisionError), store.writing() as tx:
        events.append(tx, EventRecord(kind="vm.changed", message="m", by="ada"))
        raise ZeroDivisionError
    assert rows(store) == []


def test_without_its_row_there_is_no_effect(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    act.begin(ADA)

    def full(*_: object) -> None:
        raise StoreFailed("no space left")

    monkeypatch.setattr("anypool.store.trail.append", full)
    with pytest.raises(StoreFailed, match="no space"):
        note(store, by="ada")
    with store.reading() as tx:
        assert events.last_number(tx) == 0


def test_what_is_read_leaves_nothing(store: Store) -> None:
    act.begin(ADA)
    with store.writing():
        pass
    assert rows(store) == []
