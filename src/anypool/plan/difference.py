"""What differs between two inventories, found by the chunks that they do not share."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Literal

import msgspec
from msgspec import Struct

from anypool.plan.parts import PARTS, decode_chunk, names_in

Load = Callable[[list[bytes]], Mapping[bytes, bytes]]

_NOUNS = {
    "hosts": "host",
    "vms": "vm",
    "datastores": "datastore",
    "networks": "network",
    "images": "image",
    "servers": "server",
    "profiles": "profile",
}


class Field(Struct, frozen=True, kw_only=True):
    """One field of a record, as JSON has it, before and after."""

    name: str
    before: Any
    after: Any


class Difference(Struct, frozen=True, kw_only=True):
    """An object that is new, gone, or not as it was."""

    kind: str
    id: str
    name: str
    change: Literal["added", "removed", "changed"]
    fields: tuple[Field, ...] = ()


def differences(old: tuple[bytes, Load], new: tuple[bytes, Load]) -> Iterator[Difference]:
    """Yield what differs between two manifests, by kind and id; each comes with its loader.

    Raise `Invalid` for what this release does not understand.
    """
    before, after = names_in(old[0]), names_in(new[0])
    for part in PARTS:
        shared = set(before[part]) & set(after[part])
        was = _records(part, [name for name in before[part] if name not in shared], old[1])
        now = _records(part, [name for name in after[part] if name not in shared], new[1])
        for key in sorted(was.keys() | now.keys()):
            found = _difference(_NOUNS[part], was.get(key), now.get(key))
            if found is not None:
                yield found


def _difference(kind: str, was: Any, now: Any) -> Difference | None:
    if was == now:
        return None
    one = was if now is None else now
    if was is None or now is None:
        change: Literal["added", "removed"] = "added" if was is None else "removed"
        return Difference(kind=kind, id=one.id, name=one.name, change=change)
    fields = []
    for name in one.__struct_fields__:
        before, after = getattr(was, name), getattr(now, name)
        if before != after:
            fields.append(Field(name=name, before=_plain(before), after=_plain(after)))
    return Difference(kind=kind, id=one.id, name=one.name, change="changed", fields=tuple(fields))


def _plain(value: Any) -> Any:
    return msgspec.to_builtins(value, order="sorted")


def _records(part: str, names: list[bytes], load: Load) -> dict[str, Any]:
    encoded = load(names)
    return {one.id: one for name in names for one in decode_chunk(part, encoded[name])}
