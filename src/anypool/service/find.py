"""From what people write, an id or a name, to the record that is meant."""

from collections.abc import Mapping
from typing import Any, Protocol, TypeVar

from anypool.errors import Conflict, NotFound
from anypool.model import Datastore, Host, Image, Inventory, Network, Vm


class _Named(Protocol):
    @property
    def id(self) -> str: ...
    @property
    def name(self) -> str: ...


T = TypeVar("T", bound=_Named)


def host(inventory: Inventory, key: str) -> Host:
    """Return the host with this id or unique name; raise `NotFound` or `Conflict`."""
    return _one(inventory.hosts, key, "host")


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
