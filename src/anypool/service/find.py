"""From what people write, an id or a name, to the record that is meant."""

from collections.abc import Iterable, Mapping
from typing import Any, Protocol, TypeVar

from anypool.errors import Conflict, NotFound
from anypool.model import (
    DIGEST,
    Datastore,
    Host,
    Image,
    ImageVersion,
    Inventory,
    KnownPool,
    Network,
    Profile,
    Server,
    Vm,
)


class _Named(Protocol):
    @property
    def id(self) -> str: ...
    @property
    def name(self) -> str: ...


T = TypeVar("T", bound=_Named)


def host(inventory: Inventory, key: str) -> Host:
    """Return the host with this id or unique name; raise `NotFound` or `Conflict`."""
    return _one(inventory.hosts, key, "host")


def server(inventory: Inventory, key: str) -> Server:
    """Return the server with this id or unique name; raise `NotFound` or `Conflict`."""
    return _one(inventory.servers, key, "server")


def profile(inventory: Inventory, key: str) -> Profile:
    """Return the profile with this id or unique name; raise `NotFound` or `Conflict`."""
    return _one(inventory.profiles, key, "profile")


def vm(inventory: Inventory, key: str) -> Vm:
    """Return the VM with this id or unique name; raise `NotFound` or `Conflict`."""
    return _one(inventory.vms, key, "VM")


def datastore(inventory: Inventory, key: str) -> Datastore:
    """Return the datastore with this id or unique name; raise `NotFound` or `Conflict`."""
    return _one(inventory.datastores, key, "datastore")


def network(inventory: Inventory, key: str) -> Network:
    """Return the network with this id or unique name; raise `NotFound` or `Conflict`."""
    return _one(inventory.networks, key, "network")


def image(inventory: Inventory, key: str) -> Image:
    """Return the image with this id or unique name; raise `NotFound` or `Conflict`."""
    return _one(inventory.images, key, "image")


def pool(known: Iterable[KnownPool], key: str) -> KnownPool:
    """Return the pool of this name; raise `NotFound`."""
    for found in known:
        if found.id == key:
            return found
    raise NotFound(f"there is no pool {key[:80]!r}", hint="`anypool pool list` shows them")


def version(inventory: Inventory, key: str) -> tuple[Image, ImageVersion]:
    """Return what `web:3`, `web` (its newest) or a digest of at least 12 digits stands for.

    Raise `NotFound`, or `Conflict` if all versions are deprecated or several fit.
    """
    digits = key.removeprefix(DIGEST)
    if digits != key and len(digits) >= _LEAST_DIGITS:
        return _with_digest(inventory, key)
    name, colon, number = key.rpartition(":")
    if colon and number.isdecimal() and len(number) < _LEAST_DIGITS:
        found = image(inventory, name)
        return found, numbered(found, int(number))
    found = image(inventory, key)
    if found.newest is None:
        hint = f"name one, such as {found.called(found.shown.number)}"
        raise Conflict(f"all versions of {found.name} are deprecated", hint=hint)
    return found, found.newest


def numbered(image: Image, number: int) -> ImageVersion:
    """Return a version of an image by its number; raise `NotFound`."""
    if (found := image.version(number)) is None:
        there = ", ".join(image.called(one.number) for one in image.versions[-5:]) or "none"
        raise NotFound(f"there is no version {image.name}:{number}", hint=f"there are {there}")
    return found


_LEAST_DIGITS = 12


def _with_digest(inventory: Inventory, key: str) -> tuple[Image, ImageVersion]:
    found = [
        (image, version)
        for image in sorted(inventory.images.values(), key=lambda one: one.name)
        for version in image.versions
        if version.digest.startswith(key.lower())
    ]
    if not found:
        hint = "one that nobody has read yet has none; `anypool image list` shows them"
        raise NotFound(f"there is no image with the digest {key[:80]}", hint=hint)
    if len({version.digest for _, version in found}) > 1:
        raise Conflict(f"several images begin with {key[:80]}", hint="write more of the digest")
    return min(found, key=lambda one: (not one[1].usable, one[1].deprecated, one[0].name))


def _one(records: Mapping[Any, T], key: str, what: str) -> T:
    if (found := records.get(key)) is not None:
        return found
    named = [record for record in records.values() if record.name == key]
    if len(named) == 1:
        return named[0]
    if named:
        ids = ", ".join(sorted(record.id for record in named)[:5])
        raise Conflict(f"{len(named)} {what}s are called {key}", hint=f"use an id: {ids}")
    hint = f"`anypool {what.lower()} list` shows them"
    raise NotFound(f"there is no {what} {key[:80]!r}", hint=hint)
