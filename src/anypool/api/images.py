"""The routes of images, and what they show."""

from collections import Counter
from collections.abc import Callable
from typing import Annotated

from litestar import Response, delete, get, patch, post
from litestar.params import JSONBody, PathParameter
from msgspec import Meta, Struct
from msgspec.structs import asdict

from anypool.api.asking import By, Key, Searched, Use
from anypool.api.views import ListView, list_view, time_or_none
from anypool.api.vms import Text
from anypool.engine.observing.digests import Progress
from anypool.model import Boot, Image, ImageCopy, ImageVersion, Inventory, Place
from anypool.model.catalogue import CatalogueImage, ImageUse, catalogue, uses_of
from anypool.service import Principal, Services
from anypool.service.images import NewImage, NewVersion, VersionChange

Number = Annotated[int, PathParameter(ge=1, le=1 << 31, description="number of a version")]


class BootBody(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A kernel that is started directly; paths are the host's."""

    kernel: Text
    initrd: Text = ""
    cmdline: Text = ""


class NewVersionBody(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A volume that becomes a version; what is left out is taken from the volume or the image."""

    datastore: Text
    volume: Text
    size_bytes: Annotated[int, Meta(ge=1, le=1 << 50)] | None = None
    format: Text | None = None
    boot: BootBody | None = None
    source: Text = ""
    notes: Text = ""


class NewImageBody(NewVersionBody, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A volume that becomes an image; left out, its size is taken from the volume."""

    name: Text
    memory_mib: Annotated[int, Meta(ge=16, le=1 << 24)] = 512
    description: Text = ""


class VersionPatch(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to change of a version; a deprecated one is taken only when it is named."""

    deprecated: bool | None = None
    notes: Text | None = None


class VerifyBody(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which version to read again; null is all."""

    version: Annotated[int, Meta(ge=1)] | None = None


class ReadingView(Struct, frozen=True, kw_only=True):
    """A volume that is to be read, or could not be; `state` is waiting, reading or failed."""

    state: str
    bytes_total: int
    bytes_left: int
    message: str


class CopyView(Struct, frozen=True, kw_only=True):
    """The volume of a version on one datastore; `state` is unread, same, changed or missing.

    `reading` is there while it is to be read, and when that failed.
    """

    datastore: str
    datastore_name: str
    volume: str
    state: str
    read_at: float | None
    reading: ReadingView | None


class ExportView(Struct, frozen=True, kw_only=True):
    """The versions that a boot host has; `current` is taken at the next start, 0 is none."""

    boot_host: str
    versions: tuple[int, ...]
    current: int


class VersionView(Struct, frozen=True, kw_only=True):
    """A version; `digest` is null while it is unknown, `vms` counts those made from it.

    `uses` says what it can be used for: `vm`, for which it has `copies`, and `boot`, for which
    the boot hosts in `exported_by` have it.
    """

    number: int
    name: str
    uses: tuple[ImageUse, ...]
    exported_by: tuple[str, ...]
    digest: str | None
    format: str
    size_bytes: int
    used_bytes: int
    boot: Boot | None
    created_at: float | None
    source: str
    notes: str
    deprecated: bool
    copies: tuple[CopyView, ...]
    vms: int


class ImageView(Struct, frozen=True, kw_only=True):
    """An image; `newest` is the number of the version that VMs are made from, null for none.

    What is not in `versions` is that version's: its digest, its size, and the datastore and
    volume of its first copy. `uses` says what it can be used for, `vm`, `boot` or both, and
    `exports` which boot hosts have it.
    """

    id: str
    name: str
    uses: tuple[ImageUse, ...]
    exports: tuple[ExportView, ...]
    newest: int | None
    digest: str | None
    datastore: str
    datastore_name: str
    volume: str
    format: str
    size_bytes: int
    boot: Boot | None
    memory_mib: int
    description: str
    vms: int
    versions: tuple[VersionView, ...]


def image_views(services: Services, by: Principal) -> Callable[[Image], ImageView]:
    """Return what shows images as they are now."""
    inventory = services.pool.inventory(by)
    progress = services.images.progress(by)
    made = Counter(vm.origin for vm in inventory.vms.values() if vm.origin is not None)
    counts: Counter[tuple[str, int]] = Counter()
    for origin, count in made.items():
        counts[origin.image, origin.version] += count

    def view(image: Image) -> ImageView:
        vms: Counter[int] = Counter()
        for (key, number), count in counts.items():
            found = image.version(number) if key == image.id else None
            if found is not None:
                vms[found.number] += count
        known = catalogue((image,), ())[0] if type(image) is Image else image
        assert isinstance(known, CatalogueImage)
        versions = tuple(
            _version(known, number, vms[number], (inventory, progress)) for number in known.numbers
        )
        return _image(known, versions)

    return view


def _image(image: CatalogueImage, versions: tuple[VersionView, ...]) -> ImageView:
    shown, newest = image.shown, image.newest
    first = next((one for one in versions if one.number == shown.number), None)
    copy = first.copies[0] if first is not None and first.copies else None
    return ImageView(
        id=image.id,
        name=image.name,
        uses=uses_of(image),
        exports=tuple(
            ExportView(boot_host=one.boot_host, versions=one.versions, current=one.current)
            for one in image.exports
        ),
        newest=None if newest is None else newest.number,
        digest=shown.digest or None,
        datastore="" if copy is None else copy.datastore,
        datastore_name="" if copy is None else copy.datastore_name,
        volume="" if copy is None else copy.volume,
        format=shown.format,
        size_bytes=shown.size_bytes,
        boot=shown.boot,
        memory_mib=image.memory_mib,
        description=image.description,
        vms=sum(one.vms for one in versions),
        versions=versions,
    )


_Seen = tuple[Inventory, Callable[[Place], Progress | None]]


def _version(image: CatalogueImage, number: int, vms: int, seen: _Seen) -> VersionView:
    version = image.version(number) or ImageVersion(number=number, format="raw")
    exported = tuple(one.boot_host for one in image.exports if number in one.versions)
    return VersionView(
        number=number,
        name=f"{image.name}:{number}",
        uses=image.uses_of(number),
        exported_by=exported,
        digest=version.digest or None,
        format=version.format,
        size_bytes=version.size_bytes,
        used_bytes=version.used_bytes,
        boot=version.boot,
        created_at=time_or_none(version.created_at),
        source=version.source,
        notes=version.notes,
        deprecated=version.deprecated,
        copies=tuple(
            _copy(copy, image.holder(copy.place) is version, seen) for copy in version.copies
        ),
        vms=vms,
    )


def _copy(copy: ImageCopy, holds: bool, seen: _Seen) -> CopyView:
    inventory, progress = seen
    store = inventory.datastores.get(copy.datastore)
    reading = progress(copy.place) if holds else None
    return CopyView(
        datastore=copy.datastore,
        datastore_name=copy.datastore if store is None else store.name,
        volume=copy.volume,
        state=copy.state,
        read_at=time_or_none(copy.read_at),
        reading=None if reading is None else _reading(reading),
    )


def _reading(progress: Progress) -> ReadingView:
    return ReadingView(
        state=progress.state,
        bytes_total=progress.bytes_total,
        bytes_left=progress.bytes_left,
        message=progress.message,
    )


@get("/images", sync_to_thread=True)
def list_images(services: Use, by: By, search: Searched) -> ListView[ImageView]:
    """List images."""
    return list_view(services.images.list(by, search), image_views(services, by))


@post("/images", status_code=201, sync_to_thread=True)
def add_image(services: Use, by: By, data: JSONBody[NewImageBody]) -> Response[ImageView]:
    """Make an image of a volume."""
    asked = NewImage(
        name=data.name,
        first=_asked(data, "qcow2"),
        memory_mib=data.memory_mib,
        description=data.description,
    )
    image = services.images.add(by, asked)
    shown = image_views(services, by)(image)
    return Response(shown, headers={"Location": f"/api/v1/images/{image.id}"})


@get("/images/{key:str}", sync_to_thread=True)
def get_image(services: Use, by: By, key: Key) -> ImageView:
    """Show one image with its versions."""
    return image_views(services, by)(services.images.get(by, key))


@delete("/images/{key:str}", sync_to_thread=True)
def remove_image(services: Use, by: By, key: Key) -> None:
    """Forget an image; its volumes stay."""
    services.images.remove(by, key)


@post("/images/{key:str}/versions", status_code=201, sync_to_thread=True)
def add_version(services: Use, by: By, key: Key, data: JSONBody[NewVersionBody]) -> ImageView:
    """Make a volume the next version; if it turns out to be an old one, a copy of that."""
    image = services.images.add_version(by, key, _asked(data, None))
    return image_views(services, by)(image)


@patch("/images/{key:str}/versions/{number:int}", sync_to_thread=True)
def change_version(
    services: Use, by: By, key: Key, number: Number, data: JSONBody[VersionPatch]
) -> ImageView:
    """Change the notes of a version, or whether it is deprecated."""
    wish = VersionChange(deprecated=data.deprecated, notes=data.notes)
    return image_views(services, by)(services.images.change_version(by, key, number, wish))


@delete("/images/{key:str}/versions/{number:int}", sync_to_thread=True)
def remove_version(services: Use, by: By, key: Key, number: Number) -> None:
    """Forget a version; its volumes stay."""
    services.images.remove_version(by, key, number)


@post("/images/{key:str}/verify", status_code=202, sync_to_thread=True)
def verify_image(services: Use, by: By, key: Key, data: JSONBody[VerifyBody]) -> ImageView:
    """Have the volumes of an image read again, in the background."""
    return image_views(services, by)(services.images.verify(by, key, data.version))


def _asked(data: NewVersionBody, format_: str | None) -> NewVersion:
    return NewVersion(
        datastore=data.datastore,
        volume=data.volume,
        format=data.format or format_,
        size_bytes=data.size_bytes,
        boot=None if data.boot is None else Boot(**asdict(data.boot)),
        source=data.source,
        notes=data.notes,
    )


ROUTES = (
    list_images,
    add_image,
    get_image,
    remove_image,
    add_version,
    change_version,
    remove_version,
    verify_image,
)
