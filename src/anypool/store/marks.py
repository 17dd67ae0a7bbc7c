"""Marks that tell whether a commit was done whose answer was lost.

Each process that writes has a row, and each of its transactions leaves another mark there.
A server that died may give the number of a lost transaction to another one, so its own
numbers tell nothing; our marks do. Only for PostgreSQL: SQLite answers, or fails, here.
"""

from sqlalchemy import delete, select

from anypool.store.peer_tables import writers
from anypool.store.tx import Tx

KEEP_S = 86_400.0


def begin(tx: Tx, writer: str, mark: str) -> None:
    """Leave the first mark of a writer, and forget those who have left none for a day."""
    tx.run(delete(writers).where(writers.c.at < tx.now - KEEP_S))
    put(tx, writer, mark)


def put(tx: Tx, writer: str, mark: str) -> None:
    """Leave a mark; it is there if the transaction was committed."""
    tx.put(writers, [{"writer": writer, "mark": mark, "at": tx.now}])


def last(tx: Tx, writer: str) -> str:
    """Return the last mark of a writer that was committed, "" if there is none."""
    row = tx.row(select(writers.c.mark).where(writers.c.writer == writer))
    return "" if row is None else str(row.mark)
