"""Another key for all secrets: every secret stays readable, and old keys go when they can."""

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from anypool.errors import AnypoolError, Busy, Conflict, NotFound, StoreFailed
from anypool.store import Store, act, audit, keyring, rotation, secrets, tables
from anypool.store.act import Act
from anypool.store.sealing import Vault
from tests.unit import store_kit

clock = store_kit.clock
store = store_kit.store

ADA = Act(who="ada", role="administrator", proof="session", deed="MANAGE_SECRETS")
WORDS = {f"e{number}": f"geheim {number}" for number in range(5)}


@pytest.fixture(autouse=True)
def nobody_acts() -> Iterator[None]:
    yield
    act.begin(None)


@pytest.fixture
def filled(store: Store) -> Store:
    with store.writing() as tx:
        for owner, word in WORDS.items():
            secrets.put(tx, owner, "password", word)
    return store


def words(store: Store) -> dict[str, str]:
    with store.reading() as tx:
        return {owner: secrets.get(tx, owner, "password") for owner in WORDS}


def ring(store: Store) -> keyring.Keys:
    return keyring.read(file_of(store))


def file_of(store: Store) -> Path:
    assert store.vault.file is not None
    return store.vault.file


def another(store: Store) -> Store:
    """The same database, as a process has it that was not there before."""
    vault = Vault(store.vault.file)
    return Store(store._engine, place=store.place, clock=store._clock, vault=vault, guard=None)


def test_every_secret_is_sealed_anew_and_the_old_key_goes(filled: Store) -> None:
    (old,) = ring(filled)
    with filled.reading() as tx:
        before = {bytes(row.sealed) for row in tx.rows(tables.secrets.select())}
    act.begin(ADA)
    done = rotation.rotate(filled, "ada")
    (fresh,) = ring(filled)
    assert (done.key, done.secrets) == (keyring.key_id(fresh), len(WORDS))
    assert done.dropped == (keyring.key_id(old),)
    with filled.reading() as tx:
        rows = tx.rows(tables.secrets.select())
        (row,) = audit.all_rows(tx)
    assert {row.key_id for row in rows} == {done.key}
    assert not before & {bytes(row.sealed) for row in rows}
    assert words(filled) == words(another(filled)) == WORDS
    assert (row.who, row.deed, row.object_id) == ("ada", "MANAGE_SECRETS", done.key)
    assert file_of(filled).stat().st_mode & 0o777 == 0o600
    assert sorted(one.name for one in file_of(filled).parent.glob("*.key*")) == [
        "anypool.db.key", "anypool.db.key.audit", "anypool.db.key.lock"
    ]  # fmt: skip


def test_what_uses_the_keys_is_shown_without_them(filled: Store) -> None:
    (key,) = ring(filled)
    assert rotation.status(filled) == rotation.KeyStatus(
        file=str(file_of(filled)), credential=False, unreadable=0,
        keys=(rotation.KeyUse(id=keyring.key_id(key), present=True, seals_new=True, secrets=5),),
    )  # fmt: skip
    keyring.replace(file_of(filled), (keyring.new_key(),))
    found = rotation.status(another(filled))
    assert found.unreadable == 5
    assert [(one.present, one.seals_new, one.secrets) for one in found.keys] == [
        (True, True, 0), (False, False, 5)
    ]  # fmt: skip
    file_of(filled).unlink()
    assert [one.present for one in rotation.status(filled).keys] == [False]


def test_a_secret_that_does_not_open_stops_it_before_it_begins(filled: Store) -> None:
    keys = ring(filled)
    with filled.writing() as tx:
        change = tables.secrets.update().where(tables.secrets.c.object == "e3")
        tx.run(change.values(sealed=b"x" * 30))
    with pytest.raises(StoreFailed, match="password of e3 was altered"):
        rotation.rotate(filled, "ada")
    assert ring(filled) == keys


def test_without_a_key_there_is_none_to_replace(store: Store) -> None:
    with pytest.raises(NotFound, match="no key yet"):
        rotation.rotate(store, "ada")
    assert rotation.status(store).keys == ()


def test_one_rotation_at_a_time(filled: Store) -> None:
    with keyring.changing(file_of(filled)), pytest.raises(Busy, match="another process"):
        rotation.rotate(filled, "ada")
    assert rotation.rotate(filled, "ada").secrets == 5


def test_a_key_that_is_needed_stays(filled: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """As when the transaction that seals all anew was undone."""
    (old,) = ring(filled)

    def fails(*_: Any) -> int:
        raise StoreFailed("the disk is full")

    with monkeypatch.context() as broken:
        broken.setattr(secrets, "seal_all", fails)
        with pytest.raises(StoreFailed, match="full"):
            rotation.rotate(filled, "ada")
    assert old in ring(filled)
    assert rotation._drop(filled, file_of(filled)) == ()
    assert words(another(filled)) == WORDS
    assert len(rotation.rotate(filled, "ada").dropped) == 2


def test_secrets_sealed_meanwhile_can_be_read(filled: Store) -> None:
    other, stopping, trouble = another(filled), threading.Event(), []

    def busy() -> None:
        number = 0
        try:
            while not stopping.is_set():
                with other.writing() as tx:
                    secrets.put(tx, f"e{number % 5}", "password", f"geheim {number % 5}")
                assert words(other) == WORDS
                number += 1
        except (AnypoolError, AssertionError) as error:
            trouble.append(error)

    thread = threading.Thread(target=busy)
    thread.start()
    for _ in range(8):
        rotation.rotate(filled, "ada")
        assert words(filled) == WORDS
    stopping.set()
    thread.join(20)
    assert trouble == []
    assert words(another(filled)) == WORDS


def test_a_credential_is_followed_and_never_written(
    filled: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = file_of(filled)
    (old,) = ring(filled)
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(file.parent))
    with pytest.raises(Conflict, match="credential of systemd") as shown:
        rotation.rotate(filled, "ada")
    assert "rotate-keys.md" in shown.value.hint
    fresh = keyring.new_key()
    file.write_text(f"{fresh.hex()}\n{old.hex()}\n")
    file.chmod(0o440)
    restarted = another(filled)
    done = rotation.rotate(restarted, "ada")
    assert done == rotation.Rotated(
        key=keyring.key_id(fresh), secrets=5, unneeded=(keyring.key_id(old),)
    )
    assert ring(filled) == (fresh, old)
    file.chmod(0o600)
    file.write_text(f"{fresh.hex()}\n")
    assert words(another(filled)) == WORDS
    assert rotation.status(another(filled)).credential


def test_drafts_of_those_who_were_killed_are_removed(filled: Store) -> None:
    file = file_of(filled)
    stray = file.with_name(f"{file.name}.0123abcd")
    stray.write_text("00" * 32)
    rotation.rotate(filled, "ada")
    assert not stray.exists()


@pytest.mark.parametrize("content", ["", "\n", "ab", "xy" * 32, "ab" * 32 + "\nab", "ä" * 32])
def test_a_damaged_file_is_named(tmp_path: Path, content: str) -> None:
    file = tmp_path / "key"
    file.write_text(content)
    file.chmod(0o600)
    with pytest.raises(StoreFailed, match=f"{file} holds no key"):
        keyring.read(file)


def test_a_rotated_row_does_not_open_in_another_place(filled: Store) -> None:
    rotation.rotate(filled, "ada")
    with filled.writing() as tx:
        where = tables.secrets.c.object == "e1"
        row = tx.row(tables.secrets.select().where(where))
        assert row is not None
        moved = tables.secrets.update().where(tables.secrets.c.object == "e2")
        tx.run(moved.values(key_id=row.key_id, nonce=row.nonce, sealed=row.sealed))
        with pytest.raises(StoreFailed, match="altered"):
            secrets.get(tx, "e2", "password")
