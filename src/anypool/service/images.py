"""Images: immutable masters that VMs are made from."""

from msgspec import Struct

from anypool.engine import Engine
from anypool.errors import Conflict, Invalid, NotFound
from anypool.model import Boot, Datastore, HostState, Image, ImageId, Volume
from anypool.model.units import format_size
from anypool.search import Noun
from anypool.service import find
from anypool.service.access import Deed, Principal, require
from anypool.service.listing import Lists
from anypool.service.names import checked_name, checked_text
from anypool.service.pages import Ask, Listed
from anypool.service.wishes import checked_memory

_FORMATS = frozenset({"qcow2", "raw"})


class NewImage(Struct, frozen=True, kw_only=True):
    """A volume that is to be an image, and how VMs of it start."""

    name: str
    datastore: str
    volume: str
    format: str = "qcow2"
    size_bytes: int | None = None
    boot: Boot | None = None
    memory_mib: int = 512
    description: str = ""


class Images:
    """The use cases of an image."""

    def __init__(self, engine: Engine, lists: Lists) -> None:
        self._engine = engine
        self._lists = lists

    def list(self, by: Principal, ask: Ask) -> Listed[Image]:
        """Return a page of the images that match; raise `Invalid` for a bad query."""
        require(by, Deed.READ)
        return self._lists.page(Noun.IMAGE, ask)

    def get(self, by: Principal, key: str) -> Image:
        """Return one image by id or name; raise `NotFound` or `Conflict`."""
        require(by, Deed.READ)
        return find.image(self._engine.inventory, key)

    def add(self, by: Principal, asked: NewImage) -> Image:
        """Make an image of a volume that lies on a datastore; its id is its first name."""
        require(by, Deed.MANAGE_STORAGE)
        inventory = self._engine.inventory
        name = checked_name(asked.name, "an image")
        if any(name in (image.id, image.name) for image in inventory.images.values()):
            raise Conflict(f"there is an image called {name} already", hint="choose another name")
        if asked.format not in _FORMATS:
            raise Invalid(f"{asked.format[:40]!r} is not a format", hint="use qcow2 or raw")
        place = find.datastore(inventory, asked.datastore)
        volume = self._volume(place, checked_volume(asked.volume))
        if asked.size_bytes is not None and asked.size_bytes < volume.size_bytes:
            hint = f"it has {format_size(volume.size_bytes)}; leave the size out to take that"
            raise Invalid(f"the volume {volume.name} is larger than the image", hint=hint)
        image = Image(
            id=ImageId(name),
            name=name,
            datastore=place.id,
            volume=volume.name,
            format=asked.format,
            size_bytes=asked.size_bytes or volume.size_bytes,
            boot=None if asked.boot is None else _checked_boot(asked.boot),
            memory_mib=checked_memory(asked.memory_mib),
            description=checked_text(asked.description, "description", 1000),
        )
        self._engine.add_image(image, by.name)
        return image

    def remove(self, by: Principal, key: str) -> None:
        """Forget an image; its volume stays, and VMs that are clones of it go on."""
        require(by, Deed.MANAGE_STORAGE)
        self._engine.remove_image(find.image(self._engine.inventory, key).id, by.name)

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
