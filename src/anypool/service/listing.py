"""Lists of what is in the inventory: searched, ordered, cut into pages."""

from collections.abc import Iterable
from typing import Any

from anypool.model import Inventory
from anypool.search import TABLES, Noun, parse
from anypool.service.pages import Ask, Page, page


def inventory_page(inventory: Inventory, noun: Noun, ask: Ask) -> Page[Any]:
    """Return a page of the inventory's records of one noun; raise `Invalid` for a bad query.

    Without an order in the query, rows come by name.
    """
    return searched_page(inventory, noun, TABLES[noun].rows(inventory), ask)


def searched_page(inventory: Inventory, noun: Noun, rows: Iterable[Any], ask: Ask) -> Page[Any]:
    """Return a page of the rows that match the query; a row has an `id`, and perhaps a `name`."""
    by_name = sorted(rows, key=lambda row: (getattr(row, "name", ""), row.id))
    if ask.query:
        by_name = parse(ask.query, noun).filter(by_name, inventory)
    return page(by_name, lambda row: row.id, ask)
