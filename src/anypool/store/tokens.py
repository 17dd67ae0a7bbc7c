"""API tokens: shown once when made, stored as a hash."""

import secrets

import msgspec
from sqlalchemy import delete, select, update

from anypool.errors import NotFound
from anypool.store import people
from anypool.store.credentials import TOKEN_PREFIX, hashed, new_secret
from anypool.store.records import Role, TokenRecord
from anypool.store.tables import tokens
from anypool.store.tx import Tx, from_row, to_row

_TOUCH_S = 60.0


def add_token(
    tx: Tx,
    user: str,
    grant: tuple[Role, tuple[str, ...] | None],
    *,
    label: str,
    ttl_s: float,
) -> tuple[TokenRecord, str]:
    """Make a token; return its record and the secret, which nobody can read again.

    `grant` is its role and the deeds it is limited to, None for all of the role's. `ttl_s` 0
    means that it never expires. Raise `NotFound` if there is no such user.
    """
    people.get_user(tx, user)
    secret = new_secret(TOKEN_PREFIX)
    record = TokenRecord(
        id=secrets.token_hex(4),
        user=user,
        label=label,
        role=grant[0],
        deeds=grant[1],
        created_at=tx.now,
        expires_at=tx.now + ttl_s if ttl_s else 0.0,
    )
    tx.add(tokens, {**to_row(record), "secret_hash": hashed(secret)})
    return record, secret


def find_token(tx: Tx, secret: str) -> TokenRecord | None:
    """Return the token with this secret, None if unknown, expired or of a disabled user."""
    row = tx.row(select(tokens).where(tokens.c.secret_hash == hashed(secret)))
    if row is None or (row.expires_at and row.expires_at <= tx.now):
        return None
    return None if people.get_user(tx, row.user).disabled else from_row(row, TokenRecord)


def needs_touch(token: TokenRecord, now: float) -> bool:
    """Return whether the last use is so old that it should be noted; spares most writes."""
    return now - token.last_used_at >= _TOUCH_S


def touch_token(tx: Tx, token: TokenRecord) -> TokenRecord:
    """Note that a token was used now; return its record."""
    tx.run(update(tokens).where(tokens.c.id == token.id).values(last_used_at=tx.now))
    return msgspec.structs.replace(token, last_used_at=tx.now)


def list_tokens(tx: Tx, user: str | None = None) -> tuple[TokenRecord, ...]:
    """Return the tokens of a user, or of all, oldest first; also the expired ones."""
    query = select(tokens).order_by(tokens.c.created_at, tokens.c.id)
    if user is not None:
        query = query.where(tokens.c.user == user)
    return tuple(from_row(row, TokenRecord) for row in tx.rows(query))


def delete_token(tx: Tx, token_id: str) -> None:
    """Forget a token, which ends its use at once; raise `NotFound`."""
    if not tx.run(delete(tokens).where(tokens.c.id == token_id)):
        raise NotFound(f"there is no token {token_id}", hint="`anypool token list` shows them")
