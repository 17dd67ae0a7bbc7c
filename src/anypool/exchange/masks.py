"""Made-up names in place of real ones: the same name gets the same mask wherever it stands.

Masks of one kind are in the order of the names they stand for, so that planners, which break
ties by name, decide the same with them.
"""

from collections.abc import Iterable, Iterator

from anypool.exchange.poolfile import PoolFile
from anypool.model import HOST_DOMAIN, Exclusive

KNOWN_KINDS = frozenset({HOST_DOMAIN, "rack", "chassis", "power", "site"})
"""Kinds of tags that say nothing about whose pool it is; they stay as they are."""
USUAL_POOL = "default"


class Masks:
    """The masks of all names of a file."""

    def __init__(self, file: PoolFile) -> None:
        hosts, vms = file.hosts, file.vms
        rules = [policy.rule for policy in file.policies]
        self._prefixes = sorted(
            {rule.prefix for rule in rules if isinstance(rule, Exclusive) and rule.prefix},
            key=lambda prefix: (-len(prefix), prefix),
        )
        self._tags = set(_tags_of(file))
        self._maps = {
            "host": _ordered("h", (one.id for one in hosts)),
            "host-name": _ordered("host", (one.name for one in hosts)),
            "vm": _ordered("v", (one.id for one in vms)),
            "vm-name": _ordered("vm", (one.name for one in vms)),
            "datastore": _ordered("d", (one.id for one in file.datastores)),
            "datastore-name": _ordered("store", (one.name for one in file.datastores)),
            "cluster": _ordered("cluster", (one.cluster for one in hosts if one.cluster)),
            "network": _ordered("n", (one.id for one in file.networks)),
            "network-name": _ordered("net", (one.name for one in file.networks)),
            "image": _ordered("i", (one.id for one in file.images)),
            "image-name": _ordered("image", (one.name for one in file.images)),
            "endpoint": _ordered("e", (one.endpoint for one in hosts)),
            "pool": _ordered("pool", (one.pool for one in hosts if one.pool != USUAL_POOL)),
            "policy": _ordered("policy", (one.id for one in file.policies)),
            "service": _ordered("service", (one.id for one in file.services)),
            "mac": _ordered("mac", (nic.mac for vm in vms for nic in vm.nics)),
            "snapshot": _ordered("before", (one.name for vm in vms for one in vm.snapshots)),
        }
        self._maps["pool"][USUAL_POOL] = USUAL_POOL
        self._maps["mac"] = {
            mac: f"02:00:{n >> 24 & 255:02x}:{n >> 16 & 255:02x}:{n >> 8 & 255:02x}:{n & 255:02x}"
            for n, mac in enumerate(sorted(self._maps["mac"]), 1)
        }
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
    for group in (file.hosts, file.vms, file.datastores, file.networks):
        for one in group:
            yield from one.tags
    for service in file.services:
        for part in service.components:
            yield from part.tags


def _ordered(word: str, names: Iterable[str]) -> dict[str, str]:
    """Return a mask for each name, in their order, all of one length."""
    ordered = sorted({str(name) for name in names})
    width = len(str(len(ordered)))
    return {name: f"{word}{number:0{width}}" for number, name in enumerate(ordered, 1)}
