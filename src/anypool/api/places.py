"""The routes of datastores, networks, volumes and images."""

from typing import Annotated

from litestar import Response, delete, get, patch, post
from litestar.params import JSONBody
from msgspec import Meta, Struct
from msgspec.structs import asdict

from anypool.api.asking import By, IfMatch, Key, Use, Wanted, expected, tagged
from anypool.api.views import (
    DatastoreView,
    ImageView,
    NetworkView,
    PageView,
    VolumeView,
    datastore_view,
    image_view,
    network_view,
    page_view,
    volume_view,
)
from anypool.api.vms import Text
from anypool.model import Boot, Locking
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
def list_datastores(services: Use, by: By, ask: Wanted) -> PageView[DatastoreView]:
    """List datastores."""
    inventory = services.pool.inventory(by)
    found = services.datastores.list(by, ask)
    return page_view(found, lambda datastore: datastore_view(datastore, inventory))


@get("/datastores/{key:str}", sync_to_thread=True)
def get_datastore(services: Use, by: By, key: Key) -> Response[DatastoreView]:
    """Show one datastore."""
    datastore = services.datastores.get(by, key)
    return tagged(datastore_view(datastore, services.pool.inventory(by)), datastore)


@patch("/datastores/{key:str}", sync_to_thread=True)
def change_datastore(
    services: Use, by: By, key: Key, data: JSONBody[DatastorePatch], if_match: IfMatch = None
) -> Response[DatastoreView]:
    """Replace the tags, or the statement about locks."""
    datastore = services.datastores.change(
        by, key, tags=data.tags, locking=data.locking, expected=expected(if_match)
    )
    return tagged(datastore_view(datastore, services.pool.inventory(by)), datastore)


@post("/datastores/{key:str}/mark", status_code=200, sync_to_thread=True)
def mark_datastore(services: Use, by: By, key: Key) -> DatastoreView:
    """Write the marker that lets other hosts recognise the same place."""
    marked = services.datastores.mark(by, key)
    return datastore_view(marked, services.pool.inventory(by))


@get("/networks", sync_to_thread=True)
def list_networks(services: Use, by: By, ask: Wanted) -> PageView[NetworkView]:
    """List networks."""
    inventory = services.pool.inventory(by)
    found = services.networks.list(by, ask)
    return page_view(found, lambda network: network_view(network, inventory))


@get("/networks/{key:str}", sync_to_thread=True)
def get_network(services: Use, by: By, key: Key) -> NetworkView:
    """Show one network."""
    return network_view(services.networks.get(by, key), services.pool.inventory(by))


@get("/volumes", sync_to_thread=True)
def list_volumes(services: Use, by: By, ask: Wanted) -> PageView[VolumeView]:
    """List the volumes in use; the query is a text that they contain."""
    return page_view(services.volumes.list(by, ask), volume_view)


@get("/images", sync_to_thread=True)
def list_images(services: Use, by: By, ask: Wanted) -> PageView[ImageView]:
    """List images."""
    return page_view(services.images.list(by, ask), image_view)


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
