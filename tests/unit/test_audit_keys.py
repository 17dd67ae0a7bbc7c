"""The keys of the audit trail: changed, lost, and what is said of the rows they chained."""

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from anypool.clock import ManualClock
from anypool.errors import StoreFailed
from anypool.store import Store, audit, keyring
from anypool.store.audit import AuditRecord, Head, Verdict
from anypool.store.sealing import Vault
from tests.unit import store_kit

clock = store_kit.clock
store = store_kit.store


def deed(store: Store, number: int) -> None:
    with store.writing() as tx:
        audit.append(tx, AuditRecord(who="ada", deed="test", detail=f"deed {number}"))


def filled(store: Store, rows: int) -> None:
    for number in range(rows):
        deed(store, number)


def verdict(store: Store, *anchors: Head) -> Verdict:
    with store.reading() as tx:
        return audit.verify(tx, anchors)


def rotated(store: Store) -> int:
    with store.writing() as tx:
        number = audit.rotate_key(tx)
        audit.append(tx, AuditRecord(who="ada", deed="audit.key-changed"))
    return number


def restarted(store: Store) -> Store:
    """The same database, for a process that knows no key yet."""
    vault = Vault(store.vault.file)
    return Store(store._engine, place=store.place, clock=store._clock, vault=vault, guard=None)


def file_of(store: Store) -> Path:
    return store.vault.audit.file


def test_rows_keep_the_key_that_chained_them(store: Store) -> None:
    filled(store, 3)
    assert rotated(store) == 4
    filled(store, 2)
    assert rotated(store) == 7
    for known in (store, restarted(store)):
        assert verdict(known) == Verdict(rows=7, head=verdict(store).head)
    assert [one.begins for one in store.vault.audit.all()] == [7, 4, 1]
    assert file_of(store).stat().st_mode & 0o777 == 0o600


def test_an_old_key_makes_no_new_rows(store: Store) -> None:
    """Somebody has the database and the key of before."""
    filled(store, 2)
    stolen = file_of(store).read_text()
    rotated(store)
    keys = file_of(store).read_text()
    file_of(store).write_text(stolen)
    deed(restarted(store), 9)
    file_of(store).write_text(keys)
    found = verdict(restarted(store))
    assert (found.broken_at, found.rows) == (4, 3)
    assert "another key" in found.why


def test_a_change_of_key_that_was_not_committed_breaks_nothing(store: Store) -> None:
    filled(store, 2)
    with suppress(ZeroDivisionError), store.writing() as tx:
        audit.rotate_key(tx)
        raise ZeroDivisionError
    assert verdict(store).sound
    deed(store, 3)
    assert verdict(restarted(store)).rows == 3
    assert rotated(store) == 4
    assert verdict(restarted(store)).sound


def test_a_lost_key_is_said_and_the_trail_goes_on(store: Store) -> None:
    filled(store, 3)
    old = verdict(store).head
    file_of(store).unlink()
    later = restarted(store)
    nobody = verdict(later)
    assert (nobody.sound, nobody.rows, nobody.unproven, nobody.broken_at) == (False, 0, 3, 1)
    assert "nobody can judge 3 rows" in nobody.why
    assert not file_of(store).exists(), "who only looks makes nothing"
    deed(later, 4)
    with later.reading() as tx:
        lost, mine = list(audit.all_rows(tx))[3:]
    assert (lost.deed, lost.outcome, lost.who) == ("audit.key-lost", "failed", "")
    assert mine.detail == "deed 4"
    found = verdict(restarted(later), old)
    assert (found.sound, found.rows, found.unproven, found.head.number) == (False, 2, 3, 5)
    other = Head(number=3, hash="f" * 64)
    assert "whose hash was exported" in verdict(later, other).why, "heads judge them still"


def test_what_the_new_key_chained_is_judged(store: Store) -> None:
    filled(store, 3)
    file_of(store).unlink()
    later = restarted(store)
    filled(later, 2)
    raw = create_engine(f"sqlite:///{later.place}")
    with raw.begin() as connection:
        connection.execute(text("DROP TRIGGER audit_no_update"))
        connection.execute(text("UPDATE audit SET who = 'eve' WHERE number = 5"))
    raw.dispose()
    found = verdict(later)
    assert (found.broken_at, found.unproven) == (5, 3)
    assert "was changed" in found.why


def test_unproven_rows_leave_by_retention(store: Store, clock: ManualClock) -> None:
    filled(store, 3)
    file_of(store).unlink()
    later = restarted(store)
    clock.advance(100)
    filled(later, 2)
    with later.writing() as tx:
        assert audit.prune(tx, before=tx.now - 50) == 3
    assert verdict(restarted(later)) == Verdict(rows=3, head=verdict(later).head)


def test_a_checkpoint_outlives_a_change_and_is_named_after_a_loss(
    store: Store, clock: ManualClock
) -> None:
    filled(store, 3)
    clock.advance(100)
    filled(store, 1)
    with store.writing() as tx:
        audit.prune(tx, before=tx.now - 50)
    rotated(store)
    assert verdict(restarted(store)).sound
    file_of(store).unlink()
    later = restarted(store)
    deed(later, 6)
    assert verdict(later).unproven == 2
    clock.advance(100)
    deed(later, 7)
    assert not verdict(later).sound


def test_a_file_that_is_lost_is_written_again_by_who_knows_it(store: Store) -> None:
    filled(store, 2)
    content = file_of(store).read_text()
    file_of(store).unlink()
    deed(store, 3)
    assert file_of(store).read_text() == content
    assert verdict(restarted(store)).rows == 3


def test_hashes_beside_the_trail_keep_their_key(store: Store) -> None:
    def stable() -> bytes:
        with store.writing() as tx:
            return audit.stable_key(tx)

    first = stable()
    filled(store, 1)
    rotated(store)
    assert stable() == first


@pytest.mark.parametrize("spoil", [str.upper, lambda _: "", lambda t: f"{t.strip()} soon\n"])
def test_a_damaged_file(store: Store, spoil: Callable[[str], str]) -> None:
    filled(store, 1)
    file_of(store).write_text(spoil(file_of(store).read_text()))
    if spoil is str.upper:
        assert verdict(restarted(store)).sound, "hex is hex"
        return
    with pytest.raises(StoreFailed, match="holds no key"):
        verdict(restarted(store))


def test_a_file_of_a_release_that_knew_one_key(store: Store) -> None:
    filled(store, 1)
    (key,) = keyring.read(file_of(store))
    assert file_of(store).read_text() == f"{key.hex()}\n"
