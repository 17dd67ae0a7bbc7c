"""Made-up names in place of real ones: the same name gets the same mask wherever it stands.

Masks of one kind are in the order of the names they stand for, so that planners, which break
ties by name, decide the same with them.
"""

from collections.abc import Iterable, Iterator

from anypool.exchange.poolfile import PoolFile
from anypool.model import HOST_DOMAIN, AdapterKind, Exclusive, Host, Server

KNOWN_KINDS = frozenset({HOST_DOMAIN, "rack", "chassis", "power", "site"})
"""Kinds of tags that say nothing about whose pool it is; they stay as they are."""
USUAL_POOL = "default"


class Masks:
    """The masks of all names of a file."""

    def __init__(self, file: PoolFile) -> None:
        hosts, vms = file.hosts, file.vms
        placed: tuple[Host | Server, ...] = (*hosts, *file.servers)
        ports = [port for one in file.servers for port in one.ports]
        reached = [name for port in ports for name in port.networks]
        reached += [name for one in file.profiles for port in one.ports for name in port.networks]
        rules = [policy.rule for policy in file.policies]
        self._prefixes = sorted(
            {rule.prefix for rule in rules if isinstance(rule, Exclusive) and rule.prefix},
            key=lambda prefix: (-len(prefix), prefix),
        )
        self._tags = set(_tags_of(file))
        self._maps = {
            "host": _ordered("h", (one.id for one in placed)),
            "host-name": _ordered("host", (one.name for one in placed)),
            "vm": _ordered("v", (one.id for one in vms)),
            "vm-name": _ordered("vm", (one.name for one in vms)),
            "datastore": _ordered("d", (one.id for one in file.datastores)),
            "datastore-name": _ordered("store", (one.name for one in file.datastores)),
            "cluster": _ordered("cluster", (one.cluster for one in hosts if one.cluster)),
            "network": _ordered("n", (one.id for one in file.networks)),
            "network-name": _ordered("net", (*(one.name for one in file.networks), *reached)),
            "image": _ordered("i", (one.id for one in file.images)),
            "image-name": _ordered("image", (one.name for one in file.images)),
            "endpoint": _ordered("e", (one.endpoint for one in placed)),
            "pool": _ordered("pool", _pools_of(file)),
            "policy": _ordered("policy", (one.id for one in file.policies)),
            "service": _ordered("service", (one.id for one in file.services)),
            "mac": _hex("02:00", (*_of_ports(file, AdapterKind.ETHERNET), *_macs_of_vms(file))),
            "wwn": _hex("50:00:00:00", _of_ports(file, AdapterKind.FC)),
            "profile": _ordered("p", (one.id for one in file.profiles)),
            "profile-name": _ordered("profile", (one.name for one in file.profiles)),
            "chassis": _ordered("chassis", _chassis_of(file)),
            "slot": _ordered("slot", _slots_of(file)),
            "switch": _ordered("switch", (port.switch for port in ports if port.switch)),
            "iqn": _ordered("iqn", (one.iqn for profile in file.profiles for one in profile.iscsi)),
            "snapshot": _ordered("before", (one.name for vm in vms for one in vm.snapshots)),
        }
        self._maps["pool"][USUAL_POOL] = USUAL_POOL
        parts = [self._split(tag) for tag in self._tags]
        kinds = {kind for kind, _ in parts if kind} | set(self._prefixes)
        kinds |= {f"{domain}:" for rule in rules if (domain := getattr(rule, "domain", ""))}
        self._kinds = _ordered("kind", (one for one in kinds if one.rstrip(":") not in KNOWN_KINDS))
        self._values = _ordered("t", (value for _, value in parts))

    def of(self, kind: str, name: str) -> str:
        """Return the mask of a name of a kind; one that nothing in the file bears is `gone`."""
        return self._maps[kind].get(name) or self._added(kind, name)

    def any_case(self, kind: str, name: str) -> str | None:
        """Return the mask of the one name that is the same but for capitals, None for no such."""
        if kind == "tag":
            found = {self.tag(tag) for tag in self._tags if tag.lower() == name.lower()}
        else:
            masks = self._maps[kind].items()
            found = {mask for one, mask in masks if one.lower() == name.lower()}
        return found.pop() if len(found) == 1 else None

    def tag(self, tag: str) -> str:
        """Return the mask of a tag; its kind, as `rack:`, keeps belonging to those alike."""
        kind, value = self._split(tag)
        return self.prefix(kind) + self._values.get(value, "tgone")

    def prefix(self, kind: str) -> str:
        """Return the mask of how tags begin; a colon at its end stays."""
        if kind.rstrip(":") in KNOWN_KINDS or not kind:
            return kind
        return self._kinds.get(kind, "kindgone") + (":" if kind.endswith(":") else "-")

    def domain(self, kind: str) -> str:
        """Return the mask of a kind of domain."""
        return self.prefix(f"{kind}:").removesuffix(":")

    def _split(self, tag: str) -> tuple[str, str]:
        for prefix in self._prefixes:
            if tag.startswith(prefix):
                return prefix, tag[len(prefix) :]
        kind, colon, value = tag.partition(":")
        return (kind + colon, value) if colon else ("", tag)

    def _added(self, kind: str, name: str) -> str:
        """Give a mask to a name that stands nowhere but here, such as a volume's."""
        known = self._maps[kind]
        known[name] = f"{kind}gone{sum('gone' in mask for mask in known.values()) + 1}"
        return known[name]


def _tags_of(file: PoolFile) -> Iterator[str]:
    tagged = (file.hosts, file.vms, file.datastores, file.networks, file.servers, file.profiles)
    for group in tagged:
        for one in group:
            yield from one.tags
    for service in file.services:
        for part in service.components:
            yield from part.tags


def _pools_of(file: PoolFile) -> Iterator[str]:
    for group in (file.hosts, file.servers, file.profiles):
        yield from (one.pool for one in group if one.pool != USUAL_POOL)


def _chassis_of(file: PoolFile) -> Iterator[str]:
    yield from (one.chassis for one in file.servers if one.chassis)
    yield from (one.slot.rpartition("/")[0] for one in file.profiles if "/" in one.slot)


def _slots_of(file: PoolFile) -> Iterator[str]:
    yield from (one.slot for one in file.servers if one.slot)
    yield from (one.slot.rpartition("/")[2] for one in file.profiles if "/" in one.slot)


def _macs_of_vms(file: PoolFile) -> Iterator[str]:
    return (nic.mac for vm in file.vms for nic in vm.nics)


def _of_ports(file: PoolFile, kind: AdapterKind) -> Iterator[str]:
    """Yield the addresses of all ports of a kind, and of the FC targets of profiles."""
    for server in file.servers:
        for port in server.ports_of(kind):
            yield from (port.address, port.permanent, port.node)
    for profile in file.profiles:
        for one in profile.ports_of(kind):
            yield from (one.address, one.node)
        if kind is AdapterKind.FC:
            yield from (target.wwpn for target in profile.fc)


def _hex(head: str, addresses: Iterable[str]) -> dict[str, str]:
    """Return an address that begins alike for each, in their order."""
    ordered = sorted({one for one in addresses if one})
    return {one: f"{head}:{n.to_bytes(4, 'big').hex(':')}" for n, one in enumerate(ordered, 1)}


def _ordered(word: str, names: Iterable[str]) -> dict[str, str]:
    """Return a mask for each name, in their order, all of one length."""
    ordered = sorted({str(name) for name in names})
    width = len(str(len(ordered)))
    return {name: f"{word}{number:0{width}}" for number, name in enumerate(ordered, 1)}
