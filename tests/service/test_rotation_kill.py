"""A rotation that is killed before or after any of its deeds leaves every secret readable."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from anypool.clock import SystemClock
from anypool.store import Store, audit, keyring, rotation, secrets
from anypool.store.audit import AuditRecord
from tests.service.test_store_postgres import server as server
from tests.service.test_store_postgres import url as postgresql_url

WORDS = {f"e{number}": f"geheim {number}" for number in range(7)}
FEWEST = 15
"""Moments that there are at least: two files with a sync each, and a commit between them."""

url = postgresql_url


@contextmanager
def rotating(url: str, key: Path) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.service.rotation_child", url, str(key)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        yield process
    finally:
        process.communicate(timeout=30)


def opened(url: str, key: Path) -> Store:
    return Store.open(url, clock=SystemClock(), key_file=key)


def check_readable(url: str, key: Path, moment: int) -> None:
    """As the next process finds it; and what it seals, can be read too."""
    with closing(opened(url, key)) as store:
        with store.reading() as tx:
            found = {owner: secrets.get(tx, owner, "password") for owner in WORDS}
        assert found == WORDS, f"after a death at moment {moment}"
        with store.writing() as tx:
            secrets.put(tx, "e0", "password", WORDS["e0"])
            assert secrets.get(tx, "e0", "password") == WORDS["e0"]
        assert rotation.status(store).unreadable == 0


def sweep(url: str, key: Path) -> None:
    with closing(opened(url, key)) as store, store.writing() as tx:
        for owner, word in WORDS.items():
            secrets.put(tx, owner, "password", word)
        audit.append(tx, AuditRecord(who="ada", deed="test"))  # makes the other key file
    moment, answer = -1, "killed"
    with rotating(url, key) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        while answer == "killed":
            moment += 1
            process.stdin.write(f"{moment}\n")
            process.stdin.flush()
            answer = process.stdout.readline().strip()
            check_readable(url, key, moment)
    assert (answer, moment >= FEWEST) == ("done", True), f"{answer} at moment {moment}"
    assert len(keyring.read(key)) == 1, "whatever was interrupted, one key is left"
    left = sorted(one.name for one in key.parent.glob(f"{key.name}*"))
    assert left == [key.name, f"{key.name}.audit", f"{key.name}.lock"]


def test_killed_at_every_moment(tmp_path: Path) -> None:
    sweep(f"sqlite:///{tmp_path}/anypool.db", tmp_path / "secrets.key")


@pytest.mark.postgres
def test_killed_at_every_moment_on_postgresql(url: str, tmp_path: Path) -> None:
    sweep(url, tmp_path / "secrets.key")
