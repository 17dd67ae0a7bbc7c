"""One line for a host or a VM: sizes, counts, +tags, options and single words, in any order."""

import re
from collections.abc import Iterable, Iterator, Mapping
from enum import StrEnum
from typing import Any, TypeVar
from zlib import crc32

from msgspec import Struct

from anypool.errors import Invalid
from anypool.model import (
    Capability,
    Datastore,
    DatastoreId,
    Disk,
    EndpointId,
    Host,
    HostId,
    HostState,
    Network,
    NetworkId,
    Nic,
    Snapshot,
    StateReason,
    Usage,
    Vm,
    VmCopy,
    VmId,
    VmState,
)
from anypool.model.units import MIB, parse_size
from anypool.scenario.page import Item, instead
from anypool.scenario.world import World

E = TypeVar("E", bound=StrEnum)
Named = Host | Datastore | Network

_COUNT = re.compile(r"(\d{1,6})(cpus?|vcpus?|sockets?)")
_SIZE = re.compile(r"\d+(\.\d+)?[KMGT]iB")
_OPTION = re.compile(r"([a-z-]+)=(\S*)")
_RANGE = re.compile(r"(.*?)(\d+)\.\.(?:\1)?(\d+)")
_MOST_IN_RANGE = 1000

HOST_WORDS = ("up", "off", "unknown", "maintenance", "observe-only", "proven", "ours")
HOST_OPTIONS = (
    *(
        "reserved",
        "arch",
        "platform",
        "cluster",
        "cpu-models",
        "datastores",
        "networks",
        "pool",
        "endpoint",
    ),
    *("peers", "cannot"),
)
PROVEN_AT = 1.0
"""When a host that is `proven` was seen to wake; it is still so."""
VM_WORDS = (*VmState, "nowhere")
VM_OPTIONS = ("disks", "networks", "cpu-model", "snapshots", "copies", "mac", "reason", "cpu")


class Words(Struct, kw_only=True):
    """What a line says; `sizes` in MiB, `counts` by the unit's first letter: c, v or s."""

    item: Item
    sizes: list[int] = []
    counts: dict[str, int] = {}
    tags: set[str] = set()
    options: dict[str, str] = {}
    singles: list[str] = []

    def names(self, option: str) -> list[str] | None:
        """Return the names of an option, [] for `none`, None if it is not there."""
        text = self.options.get(option)
        if text is None:
            return None
        return [] if text == "none" else [one for one in text.split(",") if one]

    def size_mib(self, default: int) -> int:
        """Return the one size of the line; raise `Invalid` for several."""
        if len(self.sizes) > 1:
            raise self.item.wrong("there are two sizes", hint="memory is the only one")
        return self.sizes[0] if self.sizes else default


def words_of(item: Item, line: str, options: tuple[str, ...], singles: tuple[str, ...]) -> Words:
    """Return a line word by word; raise `Invalid` for a word that means nothing here."""
    found = Words(item=item)
    for word in line.split():
        if _SIZE.fullmatch(word):
            found.sizes.append(parse_size(word) // MIB)
        elif count := _COUNT.fullmatch(word):
            found.counts[count[2][0]] = int(count[1])
        elif word.startswith("+") and len(word) > 1:
            found.tags.add(word[1:])
        elif (option := _OPTION.fullmatch(word)) and option[1] in options:
            found.options[option[1]] = option[2]
        elif word in singles:
            found.singles.append(word)
        else:
            raise item.wrong(f"{word!r} is not understood", hint=_hint(word, options, singles))
    return found


def _hint(word: str, options: tuple[str, ...], singles: tuple[str, ...]) -> str:
    if word[:1].isdigit():
        return "sizes are written as 16GiB, counts as 8cpus, 2vcpus or 2sockets"
    known = [*singles, *(f"{option}=" for option in options)]
    return f"{instead(word, known)}; tags begin with +"


def expanded(item: Item, name: str) -> Iterator[str]:
    """Yield the names that a key stands for: `h1..h3` are three; raise `Invalid`."""
    if not name.strip() or " " in name:
        raise item.wrong(f"{name!r} is no name", hint="use letters, digits, dashes")
    found = _RANGE.fullmatch(name)
    if found is None:
        yield name
        return
    first, last = int(found[2]), int(found[3])
    if not first <= last < first + _MOST_IN_RANGE:
        raise item.wrong(f"{name} is no range", hint="such as h1..h8")
    for number in range(first, last + 1):
        yield f"{found[1]}{number:0{len(found[2])}}"


def host_of(name: str, item: Item, line: str, world: World) -> Host:
    """Return the host that a line describes; raise `Invalid`.

    What is not said is as usual: up, 8 CPUs, every shared datastore and every network.
    """
    said = words_of(item, line, HOST_OPTIONS, HOST_WORDS)
    pool = world.inventory
    shared = [store.name for store in pool.datastores.values() if store.shared]
    stores = said.names("datastores")
    usual = [network.name for network in pool.networks.values()]
    networks = said.names("networks")
    state = next((one for one in said.singles if one in set(HostState)), HostState.UP)
    cannot = {_choice(item, Capability, one) for one in said.names("cannot") or ()}
    return Host(
        id=HostId(name),
        name=name,
        endpoint=EndpointId(said.options.get("endpoint", name)),
        pool=said.options.get("pool", "default"),
        state=HostState(state),
        cpus=said.counts.get("c", 8),
        sockets=said.counts.get("s", 0),
        arch=said.options.get("arch", "x86_64"),
        memory_mib=said.size_mib(16 << 10),
        reserved_mib=_reserved(said),
        cpu_models=frozenset(said.names("cpu-models") or ()),
        capabilities=frozenset(Capability) - cannot,
        datastores=frozenset(
            DatastoreId(there(item, one, pool.datastores, "datastore"))
            for one in (shared if stores is None else stores)
        ),
        networks=frozenset(
            NetworkId(there(item, one, pool.networks, "network"))
            for one in (usual if networks is None else networks)
        ),
        peer_uri="" if said.options.get("peers") == "no" else f"pool://{name}",
        peer_address=name,
        platform=said.options.get("platform", ""),
        cluster=said.options.get("cluster", ""),
        maintenance="maintenance" in said.singles,
        tags=frozenset(said.tags),
        observe_only="observe-only" in said.singles,
        power_saved="ours" in said.singles,
        wake_proven_at=PROVEN_AT if "proven" in said.singles else 0.0,
    )


def _reserved(said: Words) -> int:
    try:
        return parse_size(said.options.get("reserved", "0")) // MIB
    except Invalid as error:
        raise said.item.wrong(error.message, hint=error.hint) from error


def vm_of(name: str, item: Item, line: str, world: World) -> Vm:
    """Return the VM that a line describes; raise `Invalid`.

    What is not said is as usual: it runs where it is, has 1 GiB, one virtual CPU, a disk on
    the first datastore and an adapter in the first network.
    """
    pool = world.inventory
    homes_by_name = {host.name: host.id for host in pool.hosts.values()}
    said = words_of(item, line, VM_OPTIONS, (*VM_WORDS, *homes_by_name))
    homes = [homes_by_name[one] for one in said.singles if one in homes_by_name]
    if len(homes) > 1:
        raise item.wrong(f"{name} is on two hosts", hint="a second place is written copies=h2")
    state = next((one for one in said.singles if one in set(VmState)), None)
    usual = VmState.RUNNING if homes else VmState.STOPPED
    return Vm(
        id=VmId(name),
        name=name,
        host=homes[0] if homes else None,
        state=usual if state is None else VmState(state),
        reason=_choice(item, StateReason, said.options.get("reason", "")),
        vcpus=said.counts.get("v", 1),
        memory_mib=said.size_mib(1 << 10),
        cpu_model=said.options.get("cpu-model", ""),
        disks=tuple(_disks(name, said, world)),
        nics=tuple(_nics(name, said, world)),
        snapshots=tuple(_snapshots(said)),
        copies=tuple(
            VmCopy(host=HostId(there(item, one, pool.hosts, "host")), state=VmState.STOPPED)
            for one in said.names("copies") or ()
        ),
        tags=frozenset(said.tags),
    )


def usage_of(item: Item, line: str, world: World) -> Usage | None:
    """Return what was measured of a VM, None if nothing; raise `Invalid`."""
    homes = [host.name for host in world.inventory.hosts.values()]
    said = words_of(item, line, VM_OPTIONS, (*VM_WORDS, *homes)).options.get("cpu")
    if said is None:
        return None
    if not (share := said.removesuffix("%")).isdigit():
        raise item.wrong(f"{said!r} is no share of CPUs", hint="150% are one CPU and a half")
    return Usage(cpu_percent=float(share))


def _disks(name: str, said: Words, world: World) -> Iterator[Disk]:
    stores = world.inventory.datastores
    named = said.names("disks")
    if named is None:
        named = _in_order(stores.values())[:1]
    for number, one in enumerate(named):
        key = None if one == "private" else DatastoreId(there(said.item, one, stores, "datastore"))
        volume = f"{name}.qcow2" if number == 0 else f"{name}-{number}.qcow2"
        yield Disk(target=f"vd{chr(97 + number)}", volume=volume, datastore=key)


def _nics(name: str, said: Words, world: World) -> Iterator[Nic]:
    networks = world.inventory.networks
    asked = said.names("networks")
    usual = sorted(network.name for network in networks.values())[:1]
    named = usual if asked is None else asked
    for number, one in enumerate(named):
        low = crc32(f"{name} {number}".encode())
        drawn = ":".join(f"{low >> shift & 255:02x}" for shift in (24, 16, 8, 0))
        mac = said.options.get("mac", f"52:54:{drawn}")
        key = NetworkId(there(said.item, one, networks, "network"))
        yield Nic(mac=mac, network=key)


def _snapshots(said: Words) -> Iterator[Snapshot]:
    for name in said.names("snapshots") or ():
        yield Snapshot(name=name)


def _in_order(stores: Iterable[Datastore]) -> list[str]:
    """Return the datastores' names, shared ones first."""
    return [store.name for store in sorted(stores, key=lambda one: (not one.shared, one.name))]


def there(item: Item, name: str, known: Mapping[Any, Named], noun: str) -> str:
    """Return the id of what is called so, or has this id; raise `Invalid`."""
    for key, one in known.items():
        if name in (one.name, key):
            return str(key)
    names = [one.name for one in known.values()]
    raise item.wrong(f"there is no {noun} {name!r}", hint=instead(name, names))


def _choice(item: Item, kind: type[E], text: str) -> E:
    try:
        return kind(text)
    except ValueError:
        values = [str(one) for one in kind if one]
        raise item.wrong(f"{text!r} is not understood", hint=instead(text, values)) from None
