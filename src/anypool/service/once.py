"""Requests with an idempotency key: sent twice, done once."""

import hmac

from anypool.errors import Invalid
from anypool.service.access import Principal
from anypool.store import Store, Tx, audit, idempotency
from anypool.store.records import StoredResponse


class Once:
    """Remember requests and their answers for so many seconds."""

    def __init__(self, store: Store, keep_s: float) -> None:
        self._store = store
        self._keep_s = keep_s

    def begin(self, by: Principal, key: str, request_hash: str) -> StoredResponse | None:
        """Return the answer given before, None if the request is new.

        Raises `Invalid` for a bad key, `Conflict` for one used for something else, `Busy`
        while the first request is not answered.
        """
        if not 1 <= len(key) <= 255 or not key.isascii() or not key.isprintable():
            raise Invalid("the idempotency key is no key", hint="use up to 255 ASCII signs")
        with self._store.writing(shared=True) as tx:
            idempotency.forget_before(tx, tx.now - self._keep_s)
            return idempotency.remember(tx, key, by.name, _keyed(tx, request_hash))

    def finish(self, by: Principal, key: str, response: StoredResponse) -> None:
        """Keep the answer of a request that was done."""
        with self._store.writing(shared=True) as tx:
            idempotency.answer(tx, key, by.name, response)

    def undo(self, by: Principal, key: str) -> None:
        """Forget a request that did nothing, so that it can be sent again."""
        with self._store.writing(shared=True) as tx:
            idempotency.forget(tx, key, by.name)


def _keyed(tx: Tx, request_hash: str) -> str:
    """Return a hash that tells nothing to somebody who has the database alone.

    A request may hold a password, which could be found by trying if its hash were plain.
    """
    return hmac.new(audit.stable_key(tx), f"once {request_hash}".encode(), "sha256").hexdigest()
