"""Requests that may be sent twice and must be done once."""

from sqlalchemy import delete, select, update

from anypool.errors import Busy, Conflict
from anypool.store.records import StoredResponse
from anypool.store.tables import requests
from anypool.store.tx import Tx


def remember(tx: Tx, key: str, principal: str, request_hash: str) -> StoredResponse | None:
    """Return the answer this request got before; None if it is new and now noted.

    Raise `Conflict` if the key came with another request, `Busy` while the first one
    has no answer. Do the deed and `answer` in the same transaction, where that can be.
    """
    row = tx.row(select(requests).where(requests.c.principal == principal, requests.c.key == key))
    if row is None:
        fresh = {"principal": principal, "key": key, "request_hash": request_hash, "at": tx.now}
        tx.add(requests, {**fresh, "location": ""})
        return None
    if row.request_hash != request_hash:
        raise Conflict("this idempotency key was used for another request", hint="use a new key")
    if row.status is None:
        raise Busy(
            "the first request with this idempotency key has no answer yet",
            hint="try again; if it stays so, look whether the first one took effect",
        )
    return StoredResponse(status=row.status, body=row.body, location=row.location)


def answer(tx: Tx, key: str, principal: str, response: StoredResponse) -> None:
    """Store the answer to a remembered request."""
    mine = (requests.c.principal == principal, requests.c.key == key)
    values = {"status": response.status, "body": response.body, "location": response.location}
    tx.run(update(requests).where(*mine).values(values))


def forget(tx: Tx, key: str, principal: str) -> None:
    """Forget a request that did nothing, so that it can be sent again."""
    tx.run(delete(requests).where(requests.c.principal == principal, requests.c.key == key))


def forget_before(tx: Tx, at: float) -> int:
    """Forget the requests remembered before a time; return how many."""
    return tx.run(delete(requests).where(requests.c.at < at))
