"""What becomes of an image when its volumes are seen, read, changed or gone; no I/O."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from msgspec import Struct
from msgspec.structs import replace

from anypool.model import (
    CopyState,
    DatastoreId,
    Digest,
    Image,
    ImageCopy,
    ImageVersion,
    Inventory,
    Place,
    Vm,
    Volume,
)
from anypool.plan import Reason, reason

FOUND = "found: the volume was changed in place"
_MOST_NAMES = 20


class News(NamedTuple):
    """Something that happened to an image, for its events; `kind` is the event's."""

    kind: str
    said: Reason
    warning: bool = False


class Read(Struct, frozen=True, kw_only=True):
    """A volume that was read whole: where, with what result, when, and what is seen of it."""

    place: Place
    digest: Digest
    at: float
    volume: Volume | None = None


Changed = tuple[Image, tuple[News, ...]]


def made_from(image: Image, number: int, inventory: Inventory) -> tuple[Vm, ...]:
    """Return the VMs that were made from a version of an image, by name."""
    wanted = image.version(number)
    found = (
        vm
        for vm in inventory.vms.values()
        if vm.origin is not None
        and vm.origin.image == image.id
        and image.version(vm.origin.version) is wanted
    )
    return tuple(sorted(found, key=lambda vm: (vm.name, vm.id)))


def seen(
    image: Image, there: Mapping[Place, Volume], looked: Iterable[DatastoreId], inventory: Inventory
) -> Changed:
    """Return an image after a look at some datastores; `there` are the volumes at its places.

    A volume that was written to is UNREAD, one that is not there MISSING.
    """
    stores, news = frozenset(looked), list[News]()
    versions = []
    for version in image.versions:
        copies = []
        for copy in version.copies:
            state = _state(copy, there.get(copy.place)) if copy.datastore in stores else copy.state
            if state is CopyState.MISSING and copy.state is not state:
                news.append(_missing(image, version, copy, inventory))
            copies.append(replace(copy, state=state))
        versions.append(replace(version, copies=tuple(copies)))
    return replace(image, versions=tuple(versions)), tuple(news)


def unread(image: Image) -> tuple[Place, ...]:
    """Return the places of an image that have to be read."""
    copies = (copy for version in image.versions for copy in version.copies)
    return tuple(copy.place for copy in copies if copy.state is CopyState.UNREAD)


def read(image: Image, found: Read, inventory: Inventory) -> Changed:
    """Return an image after one of its volumes was read.

    What is not the version's content any more becomes a version of its own, or a copy of
    the version whose content it is, if that boots alike; VMs keep the version they were
    made from.
    """
    holder = image.holder(found.place)
    if holder is None:
        return image, ()
    digest = found.digest.digest
    alike = (one for one in image.versions if one.boot == holder.boot)
    twin = next((one for one in alike if one.digest == digest), None)
    if not holder.digest and twin is not None:
        return _folded(image, holder, twin, found)
    if not holder.digest:
        told = reason("image.read", version=image.called(holder.number), digest=digest)
        named = replace(holder, digest=digest)
        return _put(image, _with_copy(named, found)), (News("image.read", told),)
    if holder is twin:
        return _put(image, _with_copy(holder, found)), ()
    return _replaced(image, holder, twin, (found, inventory))


def _state(copy: ImageCopy, volume: Volume | None) -> CopyState:
    if copy.state is CopyState.CHANGED:
        return copy.state
    if volume is None:
        return CopyState.MISSING
    if copy.state is CopyState.MISSING or (volume.stamp and volume.stamp != copy.stamp):
        return CopyState.UNREAD
    return copy.state


def _folded(image: Image, holder: ImageVersion, twin: ImageVersion, found: Read) -> Changed:
    """Return the image in which a version, now that it was read, is a copy of an older one."""
    told = reason(
        "image.same", version=image.called(holder.number), older=image.called(twin.number)
    )
    aliases = tuple((a, twin.number if b == holder.number else b) for a, b in image.same)
    left = tuple(one for one in image.versions if one.number != holder.number)
    made = replace(image, versions=left, same=(*aliases, (holder.number, twin.number)))
    return _put(made, _with_copy(twin, found)), (News("image.same", told),)


def _replaced(
    image: Image,
    holder: ImageVersion,
    twin: ImageVersion | None,
    about: tuple[Read, Inventory],
) -> Changed:
    """Return the image after a change in place: the old version has lost this copy."""
    found, inventory = about
    lost = tuple(
        replace(copy, state=CopyState.CHANGED) if copy.place == found.place else copy
        for copy in holder.copies
    )
    image = _put(image, replace(holder, copies=lost))
    now = twin or _new_version(image, holder, found)
    image = _put(image, _with_copy(now, found))
    vms = made_from(image, holder.number, inventory)
    told = reason(
        "image.replaced",
        old=image.called(holder.number),
        new=image.called(now.number),
        volume=found.place[1],
        datastore=_store_name(found.place[0], inventory),
    )
    if vms:
        told = reason(
            "image.replaced-under",
            why=told,
            old=image.called(holder.number),
            count=len(vms),
            vms=tuple(vm.name for vm in vms[:_MOST_NAMES]),
        )
    return image, (News("image.replaced", told, warning=True),)


def _new_version(image: Image, holder: ImageVersion, found: Read) -> ImageVersion:
    volume = found.volume
    return replace(
        holder,
        number=image.last + 1,
        copies=(),
        digest=found.digest.digest,
        size_bytes=holder.size_bytes if volume is None else volume.size_bytes,
        created_at=found.at,
        source=FOUND,
        notes="",
        deprecated=False,
    )


def _with_copy(version: ImageVersion, found: Read) -> ImageVersion:
    """Return a version that has the copy that was read."""
    store, name = found.place
    copy = ImageCopy(
        datastore=store,
        volume=name,
        state=CopyState.SAME,
        stamp=found.digest.stamp,
        read_at=found.at,
    )
    others = tuple(one for one in version.copies if one.place != found.place)
    used = version.used_bytes if found.volume is None else found.volume.used_bytes
    copies = sorted((*others, copy), key=lambda one: one.place)
    return replace(version, copies=tuple(copies), used_bytes=used)


def _put(image: Image, version: ImageVersion) -> Image:
    others = (one for one in image.versions if one.number != version.number)
    versions = sorted((*others, version), key=lambda one: one.number)
    last = max(image.last, version.number)
    return replace(image, versions=tuple(versions), last=last)


def _missing(image: Image, version: ImageVersion, copy: ImageCopy, inventory: Inventory) -> News:
    told = reason(
        "image.missing",
        version=image.called(version.number),
        volume=copy.volume,
        datastore=_store_name(copy.datastore, inventory),
    )
    return News("image.missing", told, warning=True)


def _store_name(key: DatastoreId, inventory: Inventory) -> str:
    found = inventory.datastores.get(key)
    return key if found is None else found.name
