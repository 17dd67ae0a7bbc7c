"""Lists of what is in the inventory: searched, ordered, counted, cut into pages."""

import threading
from collections.abc import Iterable
from typing import Any

from anypool.clock import Clock
from anypool.engine import Engine
from anypool.engine.threads import Ticker
from anypool.errors import Invalid
from anypool.model import Inventory
from anypool.search import Noun, Rows, find, parse
from anypool.service.pages import Ask, Listed, encode_mark, mark_of, page_size

REFRESH_S = 1.0
_NOUNS = (Noun.VM, Noun.HOST, Noun.SERVER, Noun.PROFILE, Noun.DATASTORE, Noun.NETWORK, Noun.IMAGE)


class Lists:
    """The rows of every noun of the inventory, brought up to date by whoever searches.

    One search at a time looks at a noun: they would wait for the interpreter anyhow, and
    so each finishes before the next begins.
    """

    def __init__(self, engine: Engine, clock: Clock) -> None:
        self._engine = engine
        self._rows = {noun: (threading.Lock(), Rows(noun)) for noun in _NOUNS}
        self._cold = True
        self._ticker = Ticker("lists", self.refresh, clock, threading.Event())

    def start(self) -> None:
        """Keep the rows of VMs and hosts up to date from now on: no search has to catch up."""
        self._ticker.start()

    def stop(self) -> None:
        """End that."""
        self._ticker.stop()

    def refresh(self) -> float:
        """Make the columns, or bring them up to date; return the seconds until the next time.

        There is a break between any two for who searches.
        """
        for noun in (Noun.VM, Noun.HOST):
            lock, rows = self._rows[noun]
            with lock:
                rows.advance(self._engine.inventory)
            for step in rows.steps() if self._cold else ():
                with lock:
                    step()
        self._cold = False
        return REFRESH_S

    def page(self, noun: Noun, ask: Ask) -> Listed[Any]:
        """Return a page of the records of one noun; raise `Invalid` for a bad query.

        Without an order in the query, rows come by name.
        """
        lock, rows = self._rows[noun]
        with lock:
            rows.advance(self._engine.inventory)
            return _page(rows, ask)


def searched_page(
    inventory: Inventory, noun: Noun, records: Iterable[Any], ask: Ask
) -> Listed[Any]:
    """Return a page of records that are not in the inventory; each has an `id`."""
    return _page(Rows.of(noun, records, inventory), ask)


def _page(rows: Rows, ask: Ask) -> Listed[Any]:
    query = parse(ask.query, rows.noun)
    most = page_size(ask)
    after = mark_of(ask) if ask.cursor else ask.offset
    try:
        found = find(query, rows, most=most, after=after, facets=ask.facets)
    except ValueError as error:
        hint = "use the `next` of the page before"
        raise Invalid("the cursor is not one of ours", hint=hint) from error
    return Listed(
        items=found.records,
        total=found.total,
        next=None if found.mark is None else encode_mark(ask.query, found.mark),
        totals=found.totals,
        facets=found.facets,
    )
