"""The store on SQLite without the way that each statement takes through SQLAlchemy's engine.

The statements are the store's, SQLAlchemy compiles them, SQLite carries them out in the
transactions that the store asks for; what lies between (pools, events, contexts of execution,
cursors) is a few lines here, because it took two thirds of a trial's time. `test_trial` plays a
trial both ways.
"""

import sqlite3
import weakref
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Any

from msgspec import Struct
from sqlalchemy import Executable, Row, select
from sqlalchemy.dialects import sqlite
from sqlalchemy.engine.result import SimpleResultMetaData
from sqlalchemy.exc import DBAPIError
from sqlalchemy.util import LRUCache

from anypool.clock import Clock
from anypool.store import Store
from anypool.store.guard import Guard
from anypool.store.peer_tables import installation
from anypool.store.sealing import Vault
from tests import databases

DIALECT: Any = sqlite.dialect(paramstyle="qmark")  # type: ignore[no-untyped-call]
_compiled: LRUCache[Any, Any] = LRUCache(2000)
_MEMO = "_straight_memo"
_SITE = select(installation.c.site)
_BEGIN = {True: "BEGIN IMMEDIATE", False: "BEGIN"}


def open_store(file: Path, clock: Clock) -> Store:
    """Open a database that is of this release, and make one that is not there."""
    databases.copy_to(file)
    guard = Guard(file.with_name(f"{file.name}.manager"))
    vault = Vault(file.with_name(f"{file.name}.key"), None)
    engine: Any = Engine(file)
    store = Store(engine, place=str(file), clock=clock, vault=vault, guard=guard)
    with engine.connect() as connection, connection.begin():
        store.site = str(connection.execute(_SITE).scalar())
    return store


class Engine:
    """The connections of one store: those that read, and those that may write."""

    dialect = DIALECT

    def __init__(self, file: Path) -> None:
        self._file = str(file)
        self._all: list[sqlite3.Connection] = []
        self._free: dict[bool, list[sqlite3.Connection]] = {True: [], False: []}

    def connect(self) -> "Connection":
        return Connection(self)

    def take(self, *, write: bool) -> sqlite3.Connection:
        """Return a connection that nobody uses."""
        if free := self._free[write]:
            return free.pop()
        raw = sqlite3.connect(self._file, isolation_level=None, cached_statements=1000)
        raw.execute("PRAGMA journal_mode=WAL")
        raw.execute("PRAGMA synchronous=OFF")
        raw.execute("PRAGMA foreign_keys=ON")
        raw.execute("PRAGMA trusted_schema=OFF")
        raw.execute(f"PRAGMA query_only={int(not write)}")
        self._all.append(raw)
        return raw

    def give(self, raw: sqlite3.Connection, *, write: bool) -> None:
        """Take a connection back."""
        self._free[write].append(raw)

    def dispose(self) -> None:
        """End all connections; what is not committed is undone."""
        for raw in self._all:
            raw.close()
        self._all, self._free = [], {True: [], False: []}


class Connection:
    """What a transaction of the store asks of its connection."""

    dialect = DIALECT

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._write = False
        self.raw: sqlite3.Connection

    def execution_options(self, **options: Any) -> "Connection":
        self._write = bool(options.get("anypool_write"))
        return self

    def begin(self) -> "Transaction":
        return Transaction(self.raw, _BEGIN[self._write])

    def __enter__(self) -> "Connection":
        self.raw = self._engine.take(write=self._write)
        return self

    def __exit__(self, *_: object) -> None:
        self._engine.give(self.raw, write=self._write)

    def execute(
        self, statement: Executable, rows: Sequence[Mapping[str, Any]] | None = None
    ) -> "Result":
        """Carry a statement out, once for each of the rows."""
        text, lists, made = _prepared(statement, rows or ())
        try:
            if len(lists) > 1:
                cursor = self.raw.executemany(text, lists)
            else:
                cursor = self.raw.execute(text, lists[0])
        except sqlite3.Error as error:
            raise DBAPIError.instance(text, lists, error, sqlite3.Error, dialect=DIALECT) from error
        return Result(cursor, made, rows[0] if rows else {})


class Transaction:
    """One transaction: undone unless it was committed, or nothing went wrong."""

    def __init__(self, raw: sqlite3.Connection, begin: str) -> None:
        self._raw = raw
        self._begin = begin

    def __enter__(self) -> "Transaction":
        self._do(self._begin)
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: TracebackType | object) -> None:
        if self._raw.in_transaction:
            self._do("COMMIT" if kind is None else "ROLLBACK")

    def commit(self) -> None:
        self._do("COMMIT")

    def _do(self, what: str) -> None:
        try:
            self._raw.execute(what)
        except sqlite3.Error as error:
            raise DBAPIError.instance(what, (), error, sqlite3.Error, dialect=DIALECT) from error


class Shape(Struct, frozen=True):
    """How the rows of a query are read."""

    meta: SimpleResultMetaData
    processors: tuple[Callable[[Any], Any] | None, ...] | None
    places: dict[Any, int]


class Made(Struct, frozen=True):
    """A statement as SQLAlchemy compiled it."""

    compiled: Any
    shape: Shape | None


class Form(Struct, frozen=True):
    """The text of a statement, and for each of its places: name, processor, value of its own."""

    made: Made
    text: str
    places: tuple[tuple[str, Callable[[Any], Any] | None, Any], ...]

    def values(self, row: Mapping[str, Any]) -> list[Any]:
        return [
            (row[name] if process is None else process(row[name])) if name in row else own
            for name, process, own in self.places
        ]


class Memo(Struct):
    """The forms of a statement that is carried out again and again; a copy of it has none."""

    of: "weakref.ref[Any]"
    forms: dict[object, Form]


class Result:
    """What came of a statement."""

    def __init__(self, cursor: sqlite3.Cursor, made: Made, row: Mapping[str, Any]) -> None:
        self._cursor = cursor
        self._made = made
        self._row = row
        self.rowcount = cursor.rowcount

    @property
    def inserted_primary_key(self) -> Sequence[Any]:
        getter = self._made.compiled._inserted_primary_key_from_lastrowid_getter
        found: Sequence[Any] = getter(self._cursor.lastrowid, self._row)
        return found

    def all(self) -> list[Row[Any]]:
        found = self._cursor.fetchall()
        if not found:
            return []
        shape = self._shape()
        meta, processors, places = shape.meta, shape.processors, shape.places
        return [Row(meta, processors, places, one) for one in found]

    def first(self) -> Row[Any] | None:
        found = self._cursor.fetchone()
        if found is None:
            return None
        shape = self._shape()
        self._cursor.close()
        return Row(shape.meta, shape.processors, shape.places, found)

    def scalar(self) -> Any:
        row = self.first()
        return None if row is None else row[0]

    def scalar_one(self) -> Any:
        (row,) = self.all()
        return row[0]

    def _shape(self) -> Shape:
        return self._made.shape or _plain(tuple(one[0] for one in self._cursor.description))


def _prepared(
    statement: Any, rows: Sequence[Mapping[str, Any]]
) -> tuple[str, list[list[Any]], Made]:
    """Return the text of a statement, its values for each row, and how it was compiled."""
    memo: Memo | None = statement.__dict__.get(_MEMO)
    if memo is None or memo.of() is not statement:
        statement.__dict__[_MEMO] = Memo(weakref.ref(statement), {})
        form = _form(statement, rows)
    else:
        kind = (len(rows) > 1, *sorted(rows[0])) if rows else None
        if (known := memo.forms.get(kind)) is None:
            known = memo.forms[kind] = _form(statement, rows)
        form = known
    return form.text, [form.values(row) for row in rows or ({},)], form.made


def _form(statement: Any, rows: Sequence[Mapping[str, Any]]) -> Form:
    compiled, extracted, collected, _ = statement._compile_w_cache(
        dialect=DIALECT,
        compiled_cache=_compiled,
        column_keys=sorted(rows[0]) if rows else [],
        for_executemany=len(rows) > 1,
    )
    values = compiled.construct_params(
        rows[0] if rows else None,
        escape_names=False,
        _group_number=0 if rows else None,
        extracted_parameters=extracted,
        _collected_params=collected,
    )
    text, order, processors = compiled.string, compiled.positiontup, compiled._bind_processors
    if compiled.literal_execute_params or compiled.post_compile_params:
        state = compiled._process_parameters_for_postcompile(values)
        text, order, values = state.statement, state.positiontup, state.parameters
        processors = {**processors, **state.processors}
    places = []
    for name in order:
        process = processors.get(name)
        places.append((name, process, values[name] if process is None else process(values[name])))
    return Form(_made(compiled), text, tuple(places))


def _made(compiled: Any) -> Made:
    known: Made | None = compiled.__dict__.get(_MEMO)
    if known is None:
        columns = compiled._result_columns
        known = Made(compiled, _shape_of(columns) if columns else None)
        compiled.__dict__[_MEMO] = known
    return known


def _shape_of(columns: Sequence[Any]) -> Shape:
    meta = SimpleResultMetaData([one.keyname for one in columns])
    readers = tuple(one.type._cached_result_processor(DIALECT, None) for one in columns)
    return Shape(meta, readers if any(readers) else None, meta._key_to_index)


@cache
def _plain(names: tuple[str, ...]) -> Shape:
    meta = SimpleResultMetaData(names)
    return Shape(meta, None, meta._key_to_index)
