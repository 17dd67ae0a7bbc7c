"""Passwords and keys of endpoints and BMCs: written, used by drivers, never shown."""

from contextlib import suppress
from typing import Any

from sqlalchemy import Row, bindparam, func, select
from sqlalchemy import delete as delete_rows

from anypool.errors import StoreFailed
from anypool.store.sealing import Sealed
from anypool.store.tables import secrets
from anypool.store.tx import Tx

_ONE = select(secrets).where(
    secrets.c.object == bindparam("owner"), secrets.c.field == bindparam("which")
)

_DELETE = delete_rows(secrets).where(
    secrets.c.object == bindparam("owner"), secrets.c.field == bindparam("which")
)


def put(tx: Tx, owner: str, field: str, text: str) -> None:
    """Store a secret of an object, such as ("<endpoint id>", "password").

    Raise `StoreFailed` if the key file cannot be used.
    """
    first = tx.count(select(func.count()).select_from(secrets)) == 0
    sealed = tx.vault.seal(text, owner=owner, field=field, first=first)
    row = {"key_id": sealed.key_id, "nonce": sealed.nonce, "sealed": sealed.data}
    tx.put(secrets, [{"object": owner, "field": field, **row}])


def get(tx: Tx, owner: str, field: str) -> str:
    """Return a secret, "" if none is stored; raise `StoreFailed` if it cannot be decrypted."""
    if (row := tx.row(_ONE, owner=owner, which=field)) is None:
        return ""
    return _opened(tx, row)


def delete(tx: Tx, owner: str, field: str) -> None:
    """Forget one secret of an object; quiet if there is none."""
    tx.run(_DELETE, [{"owner": owner, "which": field}])


def delete_all(tx: Tx, owner: str) -> int:
    """Forget the secrets of an object; return how many there were."""
    return tx.run(delete_rows(secrets).where(secrets.c.object == owner))


def seal_all(tx: Tx) -> int:
    """Seal every secret anew with the key that seals now; return how many there are.

    Raise `StoreFailed` if one does not open, and seal none.
    """
    rows = []
    for row in tx.rows(select(secrets)):
        text = _opened(tx, row)
        sealed = tx.vault.seal(text, owner=row.object, field=row.field, first=False)
        fresh = {"key_id": sealed.key_id, "nonce": sealed.nonce, "sealed": sealed.data}
        rows.append({"object": row.object, "field": row.field, **fresh})
    tx.put(secrets, rows)
    return len(rows)


def check_all(tx: Tx) -> None:
    """Open every secret; raise `StoreFailed` for the first that does not."""
    for row in tx.rows(select(secrets)):
        _opened(tx, row)


def unreadable(tx: Tx) -> int:
    """Return how many secrets do not open: their key is not there, or they were altered."""
    return tx.count(select(func.count()).select_from(secrets)) - len(texts(tx))


def texts(tx: Tx) -> list[str]:
    """Return every secret that can be opened, to keep them out of something."""
    found = []
    for row in tx.rows(select(secrets)):
        with suppress(StoreFailed):
            found.append(_opened(tx, row))
    return found


def key_ids(tx: Tx) -> dict[str, int]:
    """Return the ids of the keys that secrets were sealed with, and how many each."""
    used = func.count().label("used")
    rows = tx.rows(select(secrets.c.key_id, used).group_by(secrets.c.key_id))
    return {row.key_id: row.used for row in rows}


def _opened(tx: Tx, row: Row[Any]) -> str:
    sealed = Sealed(row.key_id, row.nonce, row.sealed)
    return tx.vault.open(sealed, owner=row.object, field=row.field)
