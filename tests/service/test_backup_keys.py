"""Keys in a backup: only under a passphrase, checked before anything is changed."""

import zipfile
from pathlib import Path

import pytest

from anypool import app
from anypool.model import Endpoint, EndpointId
from anypool.settings import Settings
from anypool.store import audit, facts, keyring, rotation, secrets
from anypool.store.audit import AuditRecord
from tests.unit.cli_kit import Terminal

HOST = EndpointId("h1")
PASSPHRASE = "correct horse battery"


@pytest.fixture
def anypool(capsys: pytest.CaptureFixture[str]) -> Terminal:
    return Terminal(capsys)


@pytest.fixture
def word(tmp_path: Path) -> str:
    (tmp_path / "word").write_text(PASSPHRASE + "\n")
    return str(tmp_path / "word")


def furnished(state: Path, password: str) -> None:
    store = app.open_store(Settings(state_dir=str(state)))
    with store.writing() as tx:
        facts.endpoints.put(tx, Endpoint(id=HOST, driver="sim", uri="sim://h1"))
        secrets.put(tx, HOST, "password", password)
        audit.append(tx, AuditRecord(who="ada", deed="test"))
    store.close()


def opens(state: Path, password: str) -> None:
    """The secrets open, and the audit trail verifies."""
    store = app.open_store(Settings(state_dir=str(state)))
    with store.reading() as tx:
        assert secrets.get(tx, HOST, "password") == password
        assert audit.verify(tx).sound
    store.close()


def test_records_and_keys_come_back_elsewhere(anypool: Terminal, tmp_path: Path, word: str) -> None:
    furnished(tmp_path / "state", "open sesame")
    file, state = str(tmp_path / "backup"), str(tmp_path / "state")
    made = anypool(
        *("backup", "create", file, "--state", state, "--with-keys", "--passphrase-file", word)
    )
    assert made.code == 0, made
    assert "keys are not in it" not in made.err
    key = (tmp_path / "state" / "anypool.db.key").read_text().strip()
    with zipfile.ZipFile(file) as archive:
        assert all(key.encode() not in archive.read(name) for name in archive.namelist())
    new = str(tmp_path / "new")
    done = anypool("restore", file, "--to", new, "--passphrase-file", word)
    assert done.code == 0, done
    assert "Put them back" not in done.err
    opens(tmp_path / "new", "open sesame")


def test_without_the_passphrase_nothing_is_restored_but_by_saying_so(
    anypool: Terminal, tmp_path: Path, word: str
) -> None:
    furnished(tmp_path / "state", "open sesame")
    file, state = str(tmp_path / "backup"), str(tmp_path / "state")
    anypool("backup", "create", file, "--state", state, "--with-keys", "--passphrase-file", word)
    (tmp_path / "wrong").write_text("wrong horse battery")
    for words, what in (
        ((), "passphrase of the keys is needed"),
        (("--passphrase-file", str(tmp_path / "wrong")), "does not open the keys"),
    ):
        said = anypool("restore", file, "--to", str(tmp_path / "new"), *words)
        assert (said.code, what in said.err, "--without-keys" in said.err) == (2, True, True), said
        assert not (tmp_path / "new").exists()
    done = anypool("restore", file, "--to", str(tmp_path / "new"), "--without-keys")
    assert (done.code, "Put them back" in done.err) == (0, True)
    assert "new/anypool.db.key," in done.err
    keyring.make(tmp_path / "new" / "anypool.db.key")
    again = anypool("restore", file, "--to", str(tmp_path / "new"), "--without-keys", "--replace")
    assert "new/anypool.db.key," in again.err, "there is a key, and it opens nothing"


def test_keys_that_were_there_still_open_what_they_opened(
    anypool: Terminal, tmp_path: Path, word: str
) -> None:
    furnished(tmp_path / "state", "open sesame")
    furnished(tmp_path / "old", "other")
    old_file = tmp_path / "old" / "anypool.db.key"
    (old_key,) = keyring.read(old_file)
    old_audit = (tmp_path / "old" / "anypool.db.key.audit").read_text()
    file, state = str(tmp_path / "backup"), str(tmp_path / "state")
    anypool("backup", "create", file, "--state", state, "--with-keys", "--passphrase-file", word)
    to_old = ("restore", file, "--to", str(tmp_path / "old"), "--passphrase-file", word)
    assert anypool(*to_old).code == 5
    assert keyring.read(old_file) == (old_key,), "refused, and nothing was changed"
    assert anypool(*to_old, "--replace").code == 0
    assert old_key in keyring.read(old_file)
    opens(tmp_path / "old", "open sesame")
    kept = [path for path in (tmp_path / "old").iterdir() if ".audit." in path.name]
    assert [path.read_text() for path in kept] == [old_audit]


def test_a_key_that_changes_meanwhile_is_in_it(tmp_path: Path, word: str) -> None:
    from anypool.store.portable import keys

    furnished(tmp_path / "state", "open sesame")
    key_file = tmp_path / "state" / "anypool.db.key"
    before = keyring.read(key_file)
    sealed = keys.sealer((key_file, key_file.with_name("anypool.db.key.audit")), PASSPHRASE)
    store = app.open_store(Settings(state_dir=str(tmp_path / "state")))
    rotation.rotate(store, "ada")
    store.close()
    after = keyring.read(key_file)
    assert set(before).isdisjoint(after)
    assert set(keys.unseal(sealed(), PASSPHRASE).secrets) == {*before, *after}


def test_what_is_refused(anypool: Terminal, tmp_path: Path) -> None:
    furnished(tmp_path / "state", "open sesame")
    (tmp_path / "short").write_text("short")
    file, state = str(tmp_path / "backup"), str(tmp_path / "state")
    with_keys = ("backup", "create", file, "--with-keys")
    for words, what in (
        (("--state", state, "--passphrase-file", str(tmp_path / "short")), "fewer than 12"),
        (("--state", state), "passphrase of the keys is needed"),
        ((), "on the manager's machine"),
    ):
        said = anypool(*with_keys, *words)
        assert (said.code, what in said.err) == (2, True), said
        assert not Path(file).exists()
