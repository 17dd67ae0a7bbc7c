"""The routes of datastores, networks and volumes."""

from litestar import Response, get, patch, post
from litestar.params import JSONBody
from msgspec import Struct

from anypool.api.asking import By, IfMatch, Key, Searched, Use, Wanted, expected, tagged
from anypool.api.placeviews import (
    DatastoreView,
    NetworkView,
    VolumeView,
    datastore_view,
    hosts_by,
    network_view,
    volume_view,
)
from anypool.api.views import ListView, PageView, list_view, page_view
from anypool.api.vms import Text
from anypool.model import Datastore, Locking
from anypool.service import Principal, Services


class DatastorePatch(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to change; `locking` says whether a lock keeps a second host from writing."""

    tags: tuple[Text, ...] | None = None
    locking: Locking | None = None


@get("/datastores", sync_to_thread=True)
def list_datastores(services: Use, by: By, search: Searched) -> ListView[DatastoreView]:
    """List datastores."""
    inventory = services.pool.inventory(by)
    found = services.datastores.list(by, search)
    hosts = hosts_by(inventory, "datastores", [one.id for one in found.items])
    return list_view(found, lambda one: datastore_view(one, hosts))


@get("/datastores/{key:str}", sync_to_thread=True)
def get_datastore(services: Use, by: By, key: Key) -> Response[DatastoreView]:
    """Show one datastore."""
    datastore = services.datastores.get(by, key)
    return tagged(
        _datastore(services, by, datastore),
        datastore,
    )


@patch("/datastores/{key:str}", sync_to_thread=True)
def change_datastore(
    services: Use, by: By, key: Key, data: JSONBody[DatastorePatch], if_match: IfMatch = None
) -> Response[DatastoreView]:
    """Replace the tags, or the statement about locks."""
    datastore = services.datastores.change(
        by, key, tags=data.tags, locking=data.locking, expected=expected(if_match)
    )
    return tagged(
        _datastore(services, by, datastore),
        datastore,
    )


@post("/datastores/{key:str}/mark", status_code=200, sync_to_thread=True)
def mark_datastore(services: Use, by: By, key: Key) -> DatastoreView:
    """Write the marker that lets other hosts recognise the same place."""
    marked = services.datastores.mark(by, key)
    return _datastore(services, by, marked)


@get("/networks", sync_to_thread=True)
def list_networks(services: Use, by: By, search: Searched) -> ListView[NetworkView]:
    """List networks."""
    inventory = services.pool.inventory(by)
    found = services.networks.list(by, search)
    hosts = hosts_by(inventory, "networks", [one.id for one in found.items])
    return list_view(found, lambda one: network_view(one, hosts))


@get("/networks/{key:str}", sync_to_thread=True)
def get_network(services: Use, by: By, key: Key) -> NetworkView:
    """Show one network."""
    network = services.networks.get(by, key)
    return network_view(network, hosts_by(services.pool.inventory(by), "networks", [network.id]))


@get("/volumes", sync_to_thread=True)
def list_volumes(services: Use, by: By, ask: Wanted) -> PageView[VolumeView]:
    """List the volumes in use; the query is a text that they contain."""
    return page_view(services.volumes.list(by, ask), volume_view)


def _datastore(services: Services, by: Principal, datastore: Datastore) -> DatastoreView:
    hosts = hosts_by(services.pool.inventory(by), "datastores", [datastore.id])
    return datastore_view(datastore, hosts)


ROUTES = (
    list_datastores,
    get_datastore,
    change_datastore,
    mark_datastore,
    list_networks,
    get_network,
    list_volumes,
)
