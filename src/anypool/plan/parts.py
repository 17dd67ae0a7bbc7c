"""An inventory as parts that are stored once each: found by identity, named by content.

Each map of an inventory is 1,024 chunks. A chunk is named by the SHA-256 of its canonical
encoding, an inventory by that of its list of names, the manifest. What did not change is
the same object as before and is not encoded again.
"""

import hashlib
import threading
from collections.abc import Callable, Mapping
from itertools import compress
from operator import is_not, ne
from typing import Any, NamedTuple

import msgspec

from anypool.errors import Invalid
from anypool.model import Datastore, Host, Image, Inventory, Network, PMap, Profile, Server, Vm

FORMAT = b"anypool inventory 1\n"
HASH_BYTES = 32

PARTS = ("hosts", "vms", "datastores", "networks", "images", "servers", "profiles")
"""The maps that are stored; claims are counted anew.

Those after the first `_ALWAYS` stand in a manifest only where one of them holds something, so
that an inventory without any has the name that older releases gave it.
"""
_ALWAYS = 5

_NONE = b""
_encoder = msgspec.json.Encoder(order="deterministic")
_decoders: dict[str, msgspec.json.Decoder[Any]] = {
    "hosts": msgspec.json.Decoder(list[Host]),
    "vms": msgspec.json.Decoder(list[Vm]),
    "datastores": msgspec.json.Decoder(list[Datastore]),
    "networks": msgspec.json.Decoder(list[Network]),
    "servers": msgspec.json.Decoder(list[Server]),
    "profiles": msgspec.json.Decoder(list[Profile]),
}
_plain = msgspec.json.Decoder(list[dict[str, Any]])

Chunk = dict[Any, Any]
Names = tuple[bytes, ...]


class Parted(NamedTuple):
    """An inventory with the names of its chunks, in the order of `PARTS`; b"" is an empty one."""

    inventory: Inventory
    names: tuple[Names, ...]
    manifest: bytes
    digest: str


def encode_chunk(chunk: Chunk) -> bytes:
    """Return the canonical encoding of a chunk: its records in the order of their ids."""
    return _encoder.encode(list(chunk.values()))


def decode_chunk(part: str, encoded: bytes) -> list[Any]:
    """Return the records of a chunk; raise `Invalid` for what this release does not know."""
    try:
        if part == "images":
            return [msgspec.convert(_lifted(one), Image) for one in _plain.decode(encoded)]
        found: list[Any] = _decoders[part].decode(encoded)
    except msgspec.DecodeError as error:
        message = f"a stored inventory is not understood: {error}"
        raise Invalid(message, hint="it was stored by another release") from error
    return found


def _lifted(image: dict[str, Any]) -> dict[str, Any]:
    """Return an image as it is stored now; once it had one volume and no versions."""
    if "volume" not in image:
        return image
    copy = {name: image[name] for name in ("datastore", "volume")}
    version: dict[str, Any] = {"number": 1, "copies": [copy]}
    version |= {name: image[name] for name in ("format", "size_bytes", "boot") if name in image}
    return image | {"versions": [version], "last": 1}


def name_of(encoded: bytes) -> bytes:
    """Return the name of what has this encoding."""
    return hashlib.sha256(encoded).digest()


def parted(inventory: Inventory, before: Parted | None = None) -> Parted:
    """Return an inventory in parts; chunks that `before` shares are not encoded again."""
    names = []
    for at, part in enumerate(PARTS):
        chunks = getattr(inventory, part).chunks
        if before is None:
            names.append(tuple(map(_name, chunks)))
            continue
        old = getattr(before.inventory, part).chunks
        if old is chunks:
            names.append(before.names[at])
            continue
        mine = list(before.names[at])
        for slot in compress(range(len(chunks)), map(is_not, chunks, old)):
            mine[slot] = _name(chunks[slot])
        names.append(tuple(mine))
    manifest = _manifest(names)
    return Parted(inventory, tuple(names), manifest, name_of(manifest).hex())


def fresh(new: Parted, before: Parted | None) -> dict[bytes, bytes]:
    """Return the encoded chunks of an inventory that another one does not have, by name."""
    found: dict[bytes, bytes] = {}
    for at, part in enumerate(PARTS):
        mine = new.names[at]
        old: Names = before.names[at] if before is not None else (_NONE,) * len(mine)
        if mine is old:
            continue
        chunks = getattr(new.inventory, part).chunks
        for chunk, name in compress(zip(chunks, mine, strict=True), map(ne, mine, old)):
            if name != _NONE and name not in found:
                found[name] = encode_chunk(chunk)
    return found


def names_in(manifest: bytes) -> dict[str, list[bytes]]:
    """Return the names of all chunks of a stored inventory, by part; raise `Invalid`."""
    if not manifest.startswith(FORMAT):
        hint = "it was stored by another release"
        raise Invalid("a stored inventory is not understood", hint=hint)
    found: dict[str, list[bytes]] = {}
    at = len(FORMAT)
    for number, part in enumerate(PARTS):
        if number >= _ALWAYS and at == len(manifest):
            found[part] = []
            continue
        count = int.from_bytes(manifest[at : at + 2], "big")
        at += 2
        end = at + count * HASH_BYTES
        found[part] = [manifest[one : one + HASH_BYTES] for one in range(at, end, HASH_BYTES)]
        at = end
    if at != len(manifest):
        raise Invalid("a stored inventory is damaged", hint="restore the database from its backup")
    return found


def joined(manifest: bytes, load: Callable[[list[bytes]], Mapping[bytes, bytes]]) -> Inventory:
    """Return the inventory of a manifest; `load` returns encoded chunks by name.

    Raise `Invalid` for what this release does not understand.
    """
    maps: dict[str, PMap[Any, Any]] = {}
    for part, names in names_in(manifest).items():
        encoded = load(names)
        records = {one.id: one for name in names for one in decode_chunk(part, encoded[name])}
        maps[part] = PMap.of(records)
    vms = maps.pop("vms")
    return Inventory(**maps).patched_vms(vms)


class _Memo:
    """The inventory that was parted last, so that the next one costs what differs."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._last: Parted | None = None

    def parted(self, inventory: Inventory) -> Parted:
        with self._lock:
            last = self._last
        if last is not None and last.inventory is inventory:
            return last
        made = parted(inventory, last)
        with self._lock:
            self._last = made
        return made


_memo = _Memo()


def in_parts(inventory: Inventory) -> Parted:
    """Return an inventory in parts, at the cost of what differs from the one before."""
    return _memo.parted(inventory)


def digest(inventory: Inventory) -> str:
    """Return the name of an inventory in hex: equal content, equal name."""
    return in_parts(inventory).digest


def _name(chunk: Chunk) -> bytes:
    return name_of(encode_chunk(chunk)) if chunk else _NONE


def _manifest(names: list[Names]) -> bytes:
    """Return the list of names. A chunk says itself where it belongs: it holds the ids."""
    made = [FORMAT]
    held = [list(filter(None, part)) for part in names]
    while len(held) > _ALWAYS and not held[-1]:
        held.pop()
    for some in held:
        made += [len(some).to_bytes(2, "big"), *some]
    return b"".join(made)


def chunks_by_name(whole: Parted, names: list[bytes]) -> dict[bytes, bytes]:
    """Return encoded chunks of an inventory that is at hand, by name."""
    wanted, found = set(names), dict[bytes, bytes]()
    for at, part in enumerate(PARTS):
        chunks = getattr(whole.inventory, part).chunks
        for chunk, name in zip(chunks, whole.names[at], strict=True):
            if name in wanted:
                found[name] = encode_chunk(chunk)
    return found
