"""What several endpoints may name, merged anew: datastores and networks; pure."""

from collections.abc import Callable, Iterable
from typing import TypeAlias

from anypool.engine.observing import merge
from anypool.engine.observing.board import Notice
from anypool.engine.observing.reading import Namers
from anypool.model import Datastore, DatastoreId, Inventory, Network, NetworkId
from anypool.store.records import DatastoreFacts

AboutStore: TypeAlias = tuple[list[tuple[Datastore, bool]], DatastoreFacts | None]


def stores_anew(
    inventory: Inventory, keys: Iterable[DatastoreId], said_of: Callable[[DatastoreId], AboutStore]
) -> tuple[Inventory, set[Notice]]:
    """Return a pool with some datastores as they are said to be now, and what that changes.

    `said_of` gives each endpoint's word about one, whether that is current, and what is ours.
    Those that nobody names any more are dropped.
    """
    notices: set[Notice] = set()
    for key in keys:
        store = merge.merge_datastore(*said_of(key))
        table, changed = merge.changed(inventory.datastores, key, store)
        if changed:
            inventory = inventory._replace(datastores=table)
            notices.add(Notice("datastore", key))
    return inventory, notices


def networks_anew(
    inventory: Inventory, keys: Iterable[NetworkId], named: Namers[NetworkId, Network]
) -> tuple[Inventory, set[Notice]]:
    """Return a pool with some networks as they are said to be now, and what that changes."""
    notices: set[Notice] = set()
    for key in keys:
        network = merge.merge_network(one for _, one in named.said(key))
        table, changed = merge.changed(inventory.networks, key, network)
        if changed:
            inventory = inventory._replace(networks=table)
            notices.add(Notice("network", key))
    return inventory, notices
