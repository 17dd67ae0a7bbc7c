"""The routes of datastores, networks, volumes and images."""

from typing import Annotated

from litestar import Response, delete, get, patch, post
from litestar.params import JSONBody
from msgspec import Meta, Struct
from msgspec.structs import asdict

from anypool.api.asking import By, IfMatch, Key, Searched, Use, Wanted, expected, tagged
from anypool.api.views import (
    DatastoreView,
    ImageView,
    ListView,
    NetworkView,
    PageView,
    VolumeView,
    datastore_view,
    hosts_by,
    image_view,
    list_view,
    network_view,
    page_view,
    volume_view,
)
from anypool.api.vms import Text
from anypool.model import Boot, Datastore, Locking
from anypool.service import Principal, Services
from anypool.service.images import NewImage


class DatastorePatch(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to change; `locking` says whether a lock keeps a second host from writing."""

    tags: tuple[Text, ...] | None = None
    locking: Locking | None = None


class BootBody(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A kernel that is started directly; paths are the host's."""

    kernel: Text
    initrd: Text = ""
    cmdline: Text = ""


class NewImageBody(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A volume that becomes an image; left out, its size is taken from the volume."""

    name: Text
    datastore: Text
    volume: Text
    size_bytes: Annotated[int, Meta(ge=1, le=1 << 50)] | None = None
    format: Text = "qcow2"
    boot: BootBody | None = None
    memory_mib: Annotated[int, Meta(ge=16, le=1 << 24)] = 512
    description: Text = ""


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


@get("/images", sync_to_thread=True)
def list_images(services: Use, by: By, search: Searched) -> ListView[ImageView]:
    """List images."""
    return list_view(services.images.list(by, search), image_view)


@post("/images", status_code=201, sync_to_thread=True)
def add_image(services: Use, by: By, data: JSONBody[NewImageBody]) -> Response[ImageView]:
    """Make an image of a volume."""
    boot = None if data.boot is None else Boot(**asdict(data.boot))
    asked = NewImage(
        name=data.name,
        datastore=data.datastore,
        volume=data.volume,
        format=data.format,
        size_bytes=data.size_bytes,
        boot=boot,
        memory_mib=data.memory_mib,
        description=data.description,
    )
    image = services.images.add(by, asked)
    return Response(image_view(image), headers={"Location": f"/api/v1/images/{image.id}"})


@get("/images/{key:str}", sync_to_thread=True)
def get_image(services: Use, by: By, key: Key) -> ImageView:
    """Show one image."""
    return image_view(services.images.get(by, key))


@delete("/images/{key:str}", sync_to_thread=True)
def remove_image(services: Use, by: By, key: Key) -> None:
    """Forget an image; its volume stays."""
    services.images.remove(by, key)


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
    list_images,
    add_image,
    get_image,
    remove_image,
)
