"""A transaction, and the way between records and rows."""

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any, NamedTuple, TypeVar

import msgspec
from sqlalchemy import Connection, CursorResult, Executable, Insert, Row, Table
from sqlalchemy.dialects import postgresql, sqlite

from anypool.errors import Invalid, StoreFailed
from anypool.store.sealing import Vault

R = TypeVar("R", bound=msgspec.Struct)


class Told(NamedTuple):
    """A change, as the audit trail has it: what kind of change, of which object, by whom."""

    kind: str
    object_kind: str
    object_id: str
    detail: str
    by: str = ""
    plan: str = ""
    run: str = ""


class Tx:
    """An open transaction; good until the `with` block that gave it ends.

    `now` is the time of its beginning, seconds since 1970, so that everything one
    transaction writes bears one time. `checked` says that the row of the lease is locked
    and was looked at: before that nothing is written, whatever the code around it forgot.
    """

    def __init__(self, connection: Connection, now: float, vault: Vault) -> None:
        self._connection = connection
        self.now = now
        self.vault = vault
        self.checked = False
        self.told: list[Told] = []

    @property
    def dialect(self) -> str:
        """The kind of database: "sqlite" or "postgresql"."""
        return self._connection.dialect.name

    def tell(self, told: "Told") -> None:
        """Note for the audit trail what this transaction changes."""
        self.told.append(told)

    def run(self, statement: Executable, rows: Sequence[Mapping[str, Any]] = ()) -> int:
        """Execute a statement, once for each of `rows` if given; return how many rows it met."""
        return self._execute(statement, rows).rowcount

    def row(self, statement: Executable, **given: object) -> Row[Any] | None:
        """Return the first row of a query, or None; `given` are its parameters by name."""
        return self._execute(statement, [given] if given else ()).first()

    def rows(self, statement: Executable, **given: object) -> Sequence[Row[Any]]:
        """Return all rows of a query; `given` are its parameters by name."""
        return self._execute(statement, [given] if given else ()).all()

    def count(self, statement: Executable, **given: object) -> int:
        """Return the one number a query asks for; `given` are its parameters by name."""
        return int(self._execute(statement, [given] if given else ()).scalar_one())

    def add(self, table: Table, row: Mapping[str, Any]) -> int:
        """Insert one row; return the number the database gave it, 0 if its key is not a number."""
        result = self._execute(_adding(table), [row])
        keys = result.inserted_primary_key
        return keys[0] if keys and isinstance(keys[0], int) else 0

    def put(self, table: Table, rows: Iterable[Mapping[str, Any]]) -> None:
        """Insert rows, or replace those whose primary key is there already."""
        self._put(table, list(rows), [column.name for column in table.primary_key])

    def put_unique(self, table: Table, key: str, rows: Iterable[Mapping[str, Any]]) -> None:
        """Insert rows, or replace those whose value in the unique column `key` is there already."""
        self._put(table, list(rows), [key])

    def put_new(self, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
        """Insert rows; those whose primary key is there already stay as they are."""
        if rows:
            keys = [column.name for column in table.primary_key]
            statement = _inserting(self.dialect, table).on_conflict_do_nothing(index_elements=keys)
            self._execute(statement, rows)

    def _put(self, table: Table, rows: Sequence[Mapping[str, Any]], keys: list[str]) -> None:
        if rows:
            self._execute(
                _replacing(self.dialect, table, tuple(keys), tuple(sorted(rows[0]))), rows
            )

    def _execute(
        self, statement: Executable, rows: Sequence[Mapping[str, Any]] = ()
    ) -> CursorResult[Any]:
        if not self.checked and getattr(statement, "is_dml", False):
            raise AssertionError("written before the lease was looked at")
        try:
            return self._connection.execute(statement, rows or None)
        except (UnicodeEncodeError, OverflowError) as error:
            raise Invalid(f"a value cannot be stored: {error}") from error


@cache
def _adding(table: Table) -> Insert:
    return table.insert()


def _inserting(dialect: str, table: Table) -> Any:
    return postgresql.insert(table) if dialect == "postgresql" else sqlite.insert(table)


@cache
def _replacing(
    dialect: str, table: Table, keys: tuple[str, ...], columns: tuple[str, ...]
) -> Executable:
    """Return the statement that inserts rows or replaces them; putting it together is slow."""
    statement = _inserting(dialect, table)
    fresh = {name: statement.excluded[name] for name in columns if name not in keys}
    made: Executable = statement.on_conflict_do_update(index_elements=list(keys), set_=fresh)
    return made


def to_row(record: msgspec.Struct) -> dict[str, Any]:
    """Return a record as column values; sets become sorted lists, so that equal rows are equal."""
    row: dict[str, Any] = msgspec.to_builtins(record, order="sorted", builtin_types=(bytes,))
    return row


def from_row(row: Row[Any], kind: type[R], **derived: Any) -> R:
    """Return the record in a row; columns the record does not have are left out.

    `derived` are fields that are no columns.
    """
    columns = (name for name in kind.__struct_fields__ if name not in derived)
    values = {name: row._mapping[name] for name in columns} | derived
    try:
        return msgspec.convert(values, kind, builtin_types=(bytes,))
    except msgspec.ValidationError as error:
        raise StoreFailed(
            f"a stored {kind.__name__} cannot be read: {error}",
            hint="a newer release wrote it, or somebody else; run that release",
        ) from error
