"""The drivers of endpoints that are managed already, for what is no plan: consoles, markers."""

from collections.abc import Iterator
from contextlib import contextmanager

from anypool.drivers import Driver
from anypool.engine import DriverPool
from anypool.errors import NotFound
from anypool.model import Endpoint, EndpointId
from anypool.store import Store, facts, secrets


class Reach:
    """A way from an endpoint's id to its driver; deeds go through plans, not through here."""

    def __init__(self, store: Store, pool: DriverPool) -> None:
        self._store = store
        self._pool = pool

    def driver(self, endpoint: EndpointId) -> Driver:
        """Return the driver of an endpoint; raise `NotFound`."""
        record = self.endpoint(endpoint)
        with self._store.reading() as tx:
            record = facts.effective(tx, record)
            secret = secrets.get(tx, endpoint, "password")
        return self._pool.driver(record, secret)

    @contextmanager
    def trial(self, endpoint: Endpoint, secret: str) -> Iterator[Driver]:
        """Lend the driver of an endpoint that is not kept; it is given back afterwards."""
        try:
            yield self._pool.driver(endpoint, secret)
        finally:
            self._pool.forget(endpoint.id)

    def endpoint(self, endpoint: EndpointId) -> Endpoint:
        """Return the record of an endpoint; raise `NotFound`."""
        with self._store.reading() as tx:
            record = facts.endpoints.get(tx, endpoint)
        if record is None:
            hint = "`anypool endpoint list` shows them"
            raise NotFound(f"there is no endpoint {endpoint}", hint=hint)
        return record
