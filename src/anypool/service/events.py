"""Events: what happened, newest first."""

from anypool.engine import Engine
from anypool.search import Noun, parse
from anypool.service.access import Deed, Principal, require
from anypool.service.pages import Ask, Page, page
from anypool.service.plans import SEARCHED
from anypool.store import Store, events
from anypool.store.pages import Ask as StoreAsk
from anypool.store.records import EventRecord


class Events:
    """The use cases of an event."""

    def __init__(self, engine: Engine, store: Store) -> None:
        self._engine = engine
        self._store = store

    def list(self, by: Principal, ask: Ask) -> Page[EventRecord]:
        """Return a page of events; a query looks at the newest thousand."""
        require(by, Deed.READ)
        with self._store.reading() as tx:
            if not ask.query:
                return events.find(tx, StoreAsk(limit=ask.limit, cursor=ask.cursor))
            newest = events.find(tx, StoreAsk(limit=SEARCHED)).items
            now = tx.now
        rows = parse(ask.query, Noun.EVENT).filter(newest, self._engine.inventory, now)
        return page(rows, lambda event: str(event.number), ask)
