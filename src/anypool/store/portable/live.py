"""An open database as a source of records: one moment of it, read in a transaction."""

from collections.abc import Iterator
from functools import cached_property

import sqlalchemy as sa

from anypool.errors import StoreFailed
from anypool.store.migrate import newest, revision
from anypool.store.portable.rows import Line, Step, count, lines_of
from anypool.store.portable.shape import Shape, shapes
from anypool.store.tables import metadata


class Live:
    """The records as a transaction sees them; nobody who writes meanwhile is waited for.

    Tables of somebody else that lie in the same database are left alone.
    """

    def __init__(self, connection: sa.Connection, place: str) -> None:
        found = revision(connection)
        if found is None:
            raise StoreFailed(
                f"the database {place} has no records of ours", hint="check the name; it is empty"
            )
        self.schema = found
        self.shapes: tuple[Shape, ...] = _ours(shapes(connection), found)
        self._connection = connection

    @cached_property
    def total(self) -> int:
        """Return how many rows there are."""
        return sum(count(self._connection, shape) for shape in self.shapes)

    def lines(self, shape: Shape, step: Step) -> Iterator[Line]:
        """Yield the rows of a table."""
        return lines_of(self._connection, shape, step)


def _ours(found: tuple[Shape, ...], schema: str) -> tuple[Shape, ...]:
    """Return the tables of a schema; of an older one nobody knows whose a table is."""
    if schema != newest():
        return found
    return tuple(shape for shape in found if shape.name in metadata.tables)
