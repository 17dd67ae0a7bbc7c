"""Images: masters that VMs are made from, in versions."""

from collections.abc import Callable, Iterator
from contextlib import suppress

from msgspec import Struct
from msgspec.structs import replace

from anypool.engine import Engine
from anypool.engine.observing.digests import Progress
from anypool.errors import AnypoolError, Conflict, Invalid, NotFound
from anypool.model import (
    VM_DOWN,
    Boot,
    Datastore,
    DatastoreId,
    HostState,
    Image,
    ImageCopy,
    ImageId,
    ImageVersion,
    Place,
    Volume,
)
from anypool.model.boothost import BootHost
from anypool.model.catalogue import CatalogueImage, catalogue, next_number
from anypool.model.units import format_size
from anypool.search import Noun
from anypool.service import find
from anypool.service.access import Deed, Principal, require
from anypool.service.dependants import dependants
from anypool.service.listing import searched_page
from anypool.service.names import checked_name, checked_text
from anypool.service.pages import Ask, Listed
from anypool.service.wishes import checked_memory

_FORMATS = frozenset({"qcow2", "raw"})


class NewVersion(Struct, frozen=True, kw_only=True):
    """A volume that is to be a version of an image; None and "" leave a thing to the image."""

    datastore: str
    volume: str
    format: str | None = None
    size_bytes: int | None = None
    boot: Boot | None = None
    source: str = ""
    notes: str = ""


class NewImage(Struct, frozen=True, kw_only=True):
    """A volume that is to be an image, and how VMs of it start."""

    name: str
    first: NewVersion
    memory_mib: int = 512
    description: str = ""


class VersionChange(Struct, frozen=True, kw_only=True):
    """What to change of a version; None leaves a thing as it is."""

    deprecated: bool | None = None
    notes: str | None = None


class Images:
    """The use cases of an image."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def list(self, by: Principal, ask: Ask) -> Listed[CatalogueImage]:
        """Return a page of the images that match; raise `Invalid` for a bad query."""
        require(by, Deed.READ)
        return searched_page(self._engine.inventory, Noun.IMAGE, self._all(), ask)

    def get(self, by: Principal, key: str) -> CatalogueImage:
        """Return one image by id or name; raise `NotFound` or `Conflict`."""
        require(by, Deed.READ)
        exported = [one for one in self._all() if one.name == key and not one.versions]
        if exported:
            return exported[0]
        image = find.image(self._engine.inventory, key)
        return catalogue((image,), self._boot_hosts(image.name))[0]

    def _all(self) -> tuple[CatalogueImage, ...]:
        hosts = (host for _, host in self._engine.servers.boot_hosts().values())
        return catalogue(self._engine.inventory.images.values(), hosts)

    def _boot_hosts(self, name: str) -> Iterator[BootHost]:
        """Yield the boot hosts, each with the image of one name alone."""
        for _, host in self._engine.servers.boot_hosts().values():
            yield replace(host, images=tuple(one for one in host.images if one.name == name))

    def progress(self, by: Principal) -> Callable[[Place], Progress | None]:
        """Return what tells how the reading of a volume stands."""
        require(by, Deed.READ)
        return self._engine.images.progress

    def add(self, by: Principal, asked: NewImage) -> Image:
        """Make an image of a volume that lies on a datastore; its id is its first name."""
        require(by, Deed.MANAGE_STORAGE)
        name = checked_name(asked.name, "an image")
        known = self._engine.inventory.images.values()
        if any(name in (image.id, image.name) for image in known):
            hint = f"choose another name, or `anypool image version add {name}`"
            raise Conflict(f"there is an image called {name} already", hint=hint)
        first = self._version(by, asked.first, ImageVersion(number=0))
        number = next_number(name, (), self._boot_hosts(name))
        image = Image(
            id=ImageId(name),
            name=name,
            versions=(replace(first, number=number),),
            memory_mib=checked_memory(asked.memory_mib),
            description=checked_text(asked.description, "description", 1000),
            last=number,
        )
        self._engine.images.add(image, by.name)
        return image

    def add_version(self, by: Principal, key: str, asked: NewVersion) -> Image:
        """Make a volume the next version; if it turns out to be an old one, a copy of that."""
        require(by, Deed.MANAGE_STORAGE)
        image = find.image(self._engine.inventory, key)
        made = self._version(by, asked, image.shown)
        place = made.copies[0].place

        def add(image: Image) -> Image:
            if (old := image.holder(place)) is not None:
                raise Conflict(
                    f"{asked.volume} is {image.called(old.number)} already",
                    hint="`anypool image verify` reads it again",
                )
            taken = next_number(image.name, (image,), self._boot_hosts(image.name))
            version = replace(made, number=taken)
            return replace(image, versions=(*image.versions, version), last=version.number)

        return self._engine.images.change(image.id, by.name, "has another version", add)

    def change_version(self, by: Principal, key: str, number: int, wish: VersionChange) -> Image:
        """Change the notes of a version, or whether it is deprecated; raise `NotFound`."""
        require(by, Deed.MANAGE_STORAGE)
        image = find.image(self._engine.inventory, key)
        if wish.deprecated is None and wish.notes is None:
            raise Invalid("nothing to change", hint="name deprecated or notes")
        notes = None if wish.notes is None else checked_text(wish.notes, "notes", 1000)
        name = image.called(find.numbered(image, number).number)

        def change(image: Image) -> Image:
            old = find.numbered(image, number)
            new = replace(
                old,
                deprecated=old.deprecated if wish.deprecated is None else wish.deprecated,
                notes=old.notes if notes is None else notes,
            )
            return _with(image, new)

        what = f"has changed: {name}"
        if wish.deprecated is not None:
            what = f"has changed: {name} is {'' if wish.deprecated else 'not '}deprecated"
        return self._engine.images.change(image.id, by.name, what, change)

    def remove_version(self, by: Principal, key: str, number: int) -> Image:
        """Forget a version; its volumes stay. `Conflict` while linked clones depend on it."""
        require(by, Deed.MANAGE_STORAGE)
        image = find.image(self._engine.inventory, key)
        version = find.numbered(image, number)
        self._refuse_dependants(image, version)

        def drop(image: Image) -> Image:
            left = tuple(one for one in image.versions if one.number != version.number)
            if not left:
                hint = f"`anypool image remove {image.name}` forgets the image"
                raise Conflict(f"{image.called(version.number)} is the only version", hint=hint)
            return replace(image, versions=left)

        what = f"has lost {image.called(version.number)}"
        return self._engine.images.change(image.id, by.name, what, drop)

    def remove(self, by: Principal, key: str) -> None:
        """Forget an image; its volumes stay. `Conflict` while linked clones depend on it."""
        require(by, Deed.MANAGE_STORAGE)
        image = find.image(self._engine.inventory, key)
        self._refuse_dependants(image, None)
        self._engine.images.remove(image.id, by.name)

    def verify(self, by: Principal, key: str, number: int | None = None) -> Image:
        """Have the copies of an image, or of one version, read again in the background."""
        require(by, Deed.MANAGE_STORAGE)
        image = find.image(self._engine.inventory, key)
        versions = image.versions if number is None else (find.numbered(image, number),)
        copies = (copy for version in versions for copy in version.copies)
        held = (copy.place for copy in copies if image.holder(copy.place) in versions)
        self._engine.images.verify(dict.fromkeys(held))
        return image

    def _refuse_dependants(self, image: Image, version: ImageVersion | None) -> None:
        names = dependants(image, version, self._engine.inventory, self._engine.volumes())
        if names:  # they may have been deleted since the last full reading
            for store in {place[0] for place in image.places}:
                with suppress(AnypoolError):
                    self._read_again(store)
            names = dependants(image, version, self._engine.inventory, self._engine.volumes())
        if names:
            what = image.name if version is None else image.called(version.number)
            some = ", ".join(names[:10]) + (f" and {len(names) - 10} more" if names[10:] else "")
            raise Conflict(
                f"{what} is the base of linked clones: {some}",
                hint="delete these VMs with their volumes first, or deprecate it",
            )

    def _version(self, by: Principal, asked: NewVersion, like: ImageVersion) -> ImageVersion:
        """Return the version that a volume becomes, without a number yet."""
        format_ = asked.format or like.format
        if format_ not in _FORMATS:
            raise Invalid(f"{format_[:40]!r} is not a format", hint="use qcow2 or raw")
        place = find.datastore(self._engine.inventory, asked.datastore)
        volume = self._volume(place, checked_volume(asked.volume))
        self._check_master(volume)
        if asked.size_bytes is not None and asked.size_bytes < volume.size_bytes:
            hint = f"it has {format_size(volume.size_bytes)}; leave the size out to take that"
            raise Invalid(f"the volume {volume.name} is larger than the image", hint=hint)
        return ImageVersion(
            number=0,
            copies=(ImageCopy(datastore=place.id, volume=volume.name),),
            format=format_,
            size_bytes=asked.size_bytes or volume.size_bytes,
            used_bytes=volume.used_bytes,
            boot=like.boot if asked.boot is None else _checked_boot(asked.boot),
            created_at=self._engine.now(),
            source=checked_text(asked.source, "source", 1000) or f"added by {by.name}",
            notes=checked_text(asked.notes, "notes", 1000),
        )

    def _check_master(self, volume: Volume) -> None:
        """Raise `Invalid` for a part of a disk, `Conflict` for one that a VM writes to."""
        if volume.base:
            raise Invalid(
                f"{volume.name} is a linked clone of {volume.base}, not a whole disk",
                hint="make a whole one of it first: `qemu-img convert -O qcow2 FROM TO`",
            )
        for vm in self._engine.inventory.vms.values():
            for disk in vm.disks:
                here = (disk.datastore, disk.volume) == (volume.datastore, volume.name)
                if here and not disk.readonly and vm.state not in VM_DOWN:
                    hint = "stop the VM first; it is not started again while this is an image"
                    raise Conflict(f"{vm.name} writes to {volume.name}", hint=hint)

    def _read_again(self, store: DatastoreId) -> None:
        """Have one host that sees a datastore read again, if there is one that answers."""
        for host in self._engine.inventory.hosts.values():
            if store in host.datastores and host.state is HostState.UP:
                self._engine.observe_now(host.id)
                return

    def _volume(self, place: Datastore, name: str) -> Volume:
        """Return the volume as a host that reaches it shows it now; raise `NotFound`."""
        for host in self._engine.inventory.hosts.values():
            if place.id not in host.datastores or host.state is not HostState.UP:
                continue
            self._engine.observe_now(host.id)
            for volume in self._engine.volumes():
                if (volume.datastore, volume.name) == (place.id, name):
                    return volume
        hint = "put the file there first; `anypool volume list` shows what is known"
        raise NotFound(f"there is no volume {name} on {place.name}", hint=hint)


def _with(image: Image, version: ImageVersion) -> Image:
    versions = (version if one.number == version.number else one for one in image.versions)
    return replace(image, versions=tuple(versions))


def checked_volume(name: str) -> str:
    """Return the name of a volume, never a path; raise `Invalid`."""
    if "/" in name or name.startswith("."):
        raise Invalid(f"{name[:80]!r} is not a volume", hint="name a volume, not a path")
    return checked_text(checked_name(name[:63], "a volume") + name[63:], "volume", 255)


def _checked_boot(boot: Boot) -> Boot:
    for path in filter(None, (boot.kernel, boot.initrd)):
        checked_text(path, "a path", 1024)
        if not path.startswith("/") or ".." in path.split("/"):
            raise Invalid(f"{path[:80]!r} is not a path on the host", hint="begin it with /")
    checked_text(boot.cmdline, "cmdline", 1024)
    return boot
