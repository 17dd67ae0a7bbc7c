"""Passwords and keys of endpoints and BMCs: written, used by drivers, never shown."""

from sqlalchemy import delete, func, select

from anypool.store.sealing import Sealed
from anypool.store.tables import secrets
from anypool.store.tx import Tx


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
    query = select(secrets).where(secrets.c.object == owner, secrets.c.field == field)
    if (row := tx.row(query)) is None:
        return ""
    return tx.vault.open(Sealed(row.key_id, row.nonce, row.sealed), owner=owner, field=field)


def delete_all(tx: Tx, owner: str) -> int:
    """Forget the secrets of an object; return how many there were."""
    return tx.run(delete(secrets).where(secrets.c.object == owner))
