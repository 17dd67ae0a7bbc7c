"""What can fail at once: a host, those of one chassis, rack, power feed or site, a datastore."""

from collections.abc import Iterable, Iterator

from msgspec import Struct

from anypool.errors import NotFound
from anypool.model import FAILURE_KINDS, DatastoreId, Host, HostId, Inventory

HOST, HOSTS, DATASTORE = "host", "hosts", "datastore"


class Failure(Struct, frozen=True, kw_only=True, gc=False):
    """Hosts that die together, or a datastore that is gone; `name` is an id or a host's tag."""

    kind: str
    name: str
    hosts: frozenset[HostId] = frozenset()
    datastore: DatastoreId | None = None


def of_hosts(hosts: Iterable[HostId]) -> Failure:
    """Return the failure of one host, or of several at the same time."""
    dead = frozenset(hosts)
    return Failure(kind=HOST if len(dead) == 1 else HOSTS, name=", ".join(sorted(dead)), hosts=dead)


def of_domain(inventory: Inventory, tag: str) -> Failure:
    """Return the failure of all hosts with a tag such as `rack:r1`; raise `NotFound`."""
    hosts = frozenset(host.id for host in inventory.hosts.values() if tag in host.tags)
    if not hosts:
        hint = "a failure domain is a tag of hosts, such as rack:r1"
        raise NotFound(f"no host has the tag {tag[:80]!r}", hint=hint)
    return Failure(kind=tag.partition(":")[0], name=tag, hosts=hosts)


def of_datastore(datastore: DatastoreId) -> Failure:
    """Return the loss of a datastore with all that is on it."""
    return Failure(kind=DATASTORE, name=datastore, datastore=datastore)


def every(inventory: Inventory) -> Iterator[Failure]:
    """Yield each host, each failure domain that hosts name by a tag, and each datastore."""
    inside: dict[str, set[HostId]] = {}
    for key in sorted(inventory.hosts):
        yield of_hosts((key,))
        for tag in _domains(inventory.hosts[key]):
            inside.setdefault(tag, set()).add(key)
    for tag in sorted(inside):
        yield Failure(kind=tag.partition(":")[0], name=tag, hosts=frozenset(inside[tag]))
    for store in sorted(inventory.datastores):
        yield of_datastore(store)


def _domains(host: Host) -> list[str]:
    return [tag for tag in host.tags if tag.partition(":")[0] in FAILURE_KINDS and ":" in tag]
