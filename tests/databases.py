"""New SQLite databases of tests: copies of one that the migrations made once in this process.

Making one takes 0.1 s and copying it a millisecond, and the simulated crashes alone need a
thousand. What a copy holds is what the migrations wrote, byte for byte. Managers that tests
start as processes find one, too: they would spend a third of their start on theirs.
"""

import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, event
from sqlalchemy.util import LRUCache

from anypool import settings
from anypool.cli import child
from anypool.cli.serve import environment
from anypool.clock import SystemClock
from anypool.errors import AnypoolError
from anypool.settings import Settings
from anypool.store import Store, connect

_migrating = Store.open
_starting = child.manager
_copying = [True]
_compiled: dict[str, Any] = {}


def copy_new_ones() -> None:
    """From now on, copy every database that is opened and not there yet."""
    Store.open = staticmethod(_open)  # type: ignore[method-assign]
    child.manager = _started


@contextmanager
def migrated_anew() -> Iterator[None]:
    """Let the migrations make every new database, for the tests of just that."""
    _copying.append(False)
    yield
    _copying.pop()


def _open(url: str, **options: Any) -> Store:
    if not _copying[-1]:
        return _migrating(url, **options)
    with suppress(AnypoolError, OSError):  # it is the store that complains of them
        if file := connect.file_of(connect.parse(url)):
            copy_to(file)
    opened = _migrating(url, **options)
    if opened._engine.dialect.name == "sqlite":
        _hasten(opened._engine)
    return opened


@contextmanager
def _started(chosen: Settings, before: Sequence[str] = ()) -> Iterator[child.Manager]:
    if _copying[-1]:
        with suppress(AnypoolError, OSError):  # it is the manager that complains of them
            url = settings.load(environment(chosen)).database_url
            if file := connect.file_of(connect.parse(url)):
                file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                copy_to(file)
    with _starting(chosen, before) as running:
        yield running


def _hasten(engine: Engine) -> None:
    """Compile each statement once for all engines, and do not wait for the disk.

    What a process wrote is there when it dies; waiting is for when the power fails.
    """
    engine.dialect = _compiled.setdefault("dialect", engine.dialect)
    engine.update_execution_options(compiled_cache=_compiled.setdefault("cache", LRUCache(1000)))
    event.listen(engine, "connect", _do_not_wait)
    engine.dispose()


def _do_not_wait(connection: Any, _record: object) -> None:
    connection.execute("PRAGMA synchronous=OFF")


def copy_to(file: Path) -> None:
    """Put a new database there all at once, unless something is there already."""
    if file.exists():
        return
    handle, made = tempfile.mkstemp(dir=file.parent)
    try:
        with open(handle, "wb") as copy:
            copy.write(_new())
        os.link(made, file)
    finally:
        os.unlink(made)


@cache
def _new() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "anypool.db"
        _migrating(f"sqlite:///{file}", clock=SystemClock()).close()
        return file.read_bytes()
