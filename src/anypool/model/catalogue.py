"""The catalogue of images: one list for VMs and for servers, with what each can be used for.

A version of an image lies on datastores, where VMs are made from it, or on boot hosts, which
export disks of it to whoever boots there; or on both. Its number means the same everywhere.
"""

from collections.abc import Iterable
from enum import StrEnum

from msgspec import Struct
from msgspec.structs import asdict

from anypool.model.boothost import BootHost
from anypool.model.ids import EndpointId, ImageId
from anypool.model.image import Image


class ImageUse(StrEnum):
    """What an image can be used for: a VM's disk, or a boot host's export."""

    VM = "vm"
    BOOT = "boot"


class Export(Struct, frozen=True, kw_only=True, gc=False):
    """The versions of an image that a boot host has; `current` is taken at the next start."""

    boot_host: EndpointId
    versions: tuple[int, ...]
    current: int = 0


class CatalogueImage(Image, frozen=True, kw_only=True, gc=False):
    """An image with the boot hosts that export it; one that only they have has no `versions`."""

    exports: tuple[Export, ...] = ()

    @property
    def numbers(self) -> tuple[int, ...]:
        """The numbers of all its versions, wherever they lie."""
        known = {one.number for one in self.versions}
        return tuple(sorted(known.union(*(one.versions for one in self.exports))))

    def uses_of(self, number: int) -> tuple[ImageUse, ...]:
        """Return what one version can be used for."""
        there = any(one.number == number for one in self.versions)
        exported = any(number in one.versions for one in self.exports)
        return tuple(use for use, can in ((ImageUse.VM, there), (ImageUse.BOOT, exported)) if can)


def catalogue(
    images: Iterable[Image], boot_hosts: Iterable[BootHost]
) -> tuple[CatalogueImage, ...]:
    """Return all images by name, those on datastores and those on boot hosts as one."""
    exports: dict[str, list[Export]] = {}
    for host in sorted(boot_hosts, key=lambda one: one.id):
        for one in host.images:
            there = Export(boot_host=host.id, versions=one.versions, current=one.current)
            exports.setdefault(one.name, []).append(there)
    made = [
        CatalogueImage(**asdict(image), exports=tuple(exports.pop(image.name, ())))
        for image in images
    ]
    made += [
        CatalogueImage(id=ImageId(name), name=name, exports=tuple(some))
        for name, some in exports.items()
    ]
    return tuple(sorted(made, key=lambda one: (one.name, one.id)))


def next_number(name: str, images: Iterable[Image], boot_hosts: Iterable[BootHost]) -> int:
    """Return the number that the next version of an image gets: none is given twice anywhere."""
    last = [image.last for image in images if image.name == name]
    last += [
        number
        for host in boot_hosts
        for one in host.images
        if one.name == name
        for number in (*one.versions, one.last)
    ]
    return max(last, default=0) + 1


def exports_of(image: Image) -> tuple[Export, ...]:
    """Return the boot hosts that export an image, as far as they were asked for."""
    return image.exports if isinstance(image, CatalogueImage) else ()


def uses_of(image: Image) -> tuple[ImageUse, ...]:
    """Return what an image can be used for."""
    can = ((ImageUse.VM, image.versions), (ImageUse.BOOT, exports_of(image)))
    return tuple(use for use, there in can if there)
