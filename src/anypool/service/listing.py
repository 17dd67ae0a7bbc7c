"""Lists of what is in the inventory: searched, ordered, counted, cut into pages."""

import threading
from collections.abc import Iterable
from typing import Any

from anypool.engine import Engine
from anypool.errors import Invalid
from anypool.model import Inventory
from anypool.search import Noun, Rows, find, parse
from anypool.service.pages import Ask, Listed, encode_mark, mark_of, page_size

_NOUNS = (Noun.VM, Noun.HOST, Noun.DATASTORE, Noun.NETWORK, Noun.IMAGE)


class Lists:
    """The rows of every noun of the inventory, brought up to date by whoever searches.

    One search at a time looks at a noun: they would wait for the interpreter anyhow, and
    so each finishes before the next begins.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._rows = {noun: (threading.Lock(), Rows(noun)) for noun in _NOUNS}

    def warm(self) -> None:
        """Make the columns of VMs and hosts, with a break between any two for who searches."""
        for noun in (Noun.VM, Noun.HOST):
            lock, rows = self._rows[noun]
            with lock:
                rows.advance(self._engine.inventory)
            for step in rows.steps():
                with lock:
                    step()

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
    after = mark_of(ask) if ask.cursor else None
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
