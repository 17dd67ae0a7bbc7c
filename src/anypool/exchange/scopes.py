"""Queries of policies in masked names, each seen to match the same as before."""

from anypool.errors import Invalid
from anypool.exchange.masks import Masks
from anypool.model import Inventory
from anypool.search import Noun, Query, parse
from anypool.search.syntax import (
    And,
    Compare,
    Expression,
    Not,
    OneOf,
    Operator,
    Or,
    Value,
    written,
)

_FIELDS: dict[tuple[str, str], str] = {
    ("vm", "name"): "vm-name",
    ("vm", "id"): "vm",
    ("vm", "host"): "host-name",
    ("vm", "mac"): "mac",
    ("host", "name"): "host-name",
    ("host", "id"): "host",
    ("host", "pool"): "pool",
    ("host", "cluster"): "cluster",
    ("vm", "cluster"): "cluster",
    ("host", "endpoint"): "endpoint",
    ("datastore", "name"): "datastore-name",
    ("datastore", "id"): "datastore",
    ("network", "name"): "network-name",
    ("network", "id"): "network",
}
"""Which names a field holds, by its noun."""
_ANYWHERE = {"tag": "tag", "datastore": "datastore-name", "network": "network-name"}
_SAYS_NOTHING = frozenset(
    (
        *("state", "maintenance", "observe-only", "memory", "memory-free", "reserved", "cpus"),
        *("sockets", "vcpus", "vms", "arch", "accelerator", "capability", "disks", "disk-size"),
        *("snapshots", "shareable", "copies", "shared", "locking", "cpu-model"),
        *("platform", "template", "vlan"),
    )
)
"""Fields whose values stay as they are."""


class Scopes:
    """Puts queries into masked names; what cannot be put so becomes the list of its matches."""

    def __init__(self, masks: Masks, before: Inventory, after: Inventory) -> None:
        self._masks = masks
        self._before = before
        self._after = after

    def masked(self, text: str, noun: Noun) -> str:
        """Return the query in masked names; one that cannot be read matches nothing."""
        try:
            query = parse(text, noun)
        except Invalid:
            return "id = gone"
        kind = "host" if noun is Noun.HOST else "vm"
        wanted = {self._masks.of(kind, key) for key in _matches(query, noun, self._before)}
        if query.where is None:
            return text
        where = self._mapped(query.where, noun)
        if where is not None:
            found = written(where)
            if _matches(parse(found, noun), noun, self._after) == wanted:
                return found
        return f"id in ({', '.join(sorted(wanted))})" if wanted else "id = gone"

    def _mapped(self, part: Expression, noun: Noun) -> Expression | None:
        match part:
            case Compare(path=path, operator=operator, value=value):
                masked = self._value(path, noun, operator, value)
                return (
                    None if masked is None else Compare(path=path, operator=operator, value=masked)
                )
            case OneOf(path=path, values=values):
                some = [self._value(path, noun, Operator.EQUAL, value) for value in values]
                known = tuple(value for value in some if value is not None)
                return OneOf(path=path, values=known) if len(known) == len(some) else None
            case Not(part=inner):
                mapped = self._mapped(inner, noun)
                return None if mapped is None else Not(part=mapped)
            case And(parts=parts) | Or(parts=parts):
                mapped_parts = [self._mapped(one, noun) for one in parts]
                whole = tuple(one for one in mapped_parts if one is not None)
                return type(part)(parts=whole) if len(whole) == len(parts) else None
            case _:
                return None

    def _value(
        self, path: tuple[str, ...], noun: Noun, operator: Operator, value: Value
    ) -> Value | None:
        """Return a value in masked names, None where that is not possible."""
        field = path[-1]
        if field in _SAYS_NOTHING:
            return value
        about = path[-2] if len(path) > 1 else str(noun)
        kind = _FIELDS.get((about, field)) or _ANYWHERE.get(field)
        if kind is None or value.wild or operator not in (Operator.EQUAL, Operator.UNEQUAL):
            return None
        return Value(text=self._masks.any_case(kind, value.text) or "gone")


def _matches(query: Query, noun: Noun, inventory: Inventory) -> set[str]:
    if noun is Noun.HOST:
        return {str(host.id) for host in query.filter(inventory.hosts.values(), inventory)}
    return {str(vm.id) for vm in query.filter(inventory.vms.values(), inventory)}
