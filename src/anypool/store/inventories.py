"""The pool at moments: lists of chunks, and each chunk once however many lists have it."""

import zlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from msgspec import Struct
from sqlalchemy import Row, delete, func, or_, select

from anypool.errors import Conflict, NotFound, StoreFailed
from anypool.plan.parts import name_of
from anypool.store.kept_tables import inventories, inventory_chunks
from anypool.store.pages import Ask, page
from anypool.store.records import Page
from anypool.store.tx import Tx, from_row

_SOME = 500
_PLAIN, _WITH_WORDS = b"\x00", b"\x01"

# What most chunks hold; a chunk of few records packs much better with it. Part of the
# format: another text needs another first byte.
_WORDS = (
    b'[{"accelerators":[],"arch":"x86_64","capabilities":["clone","console","devices","migrate",'
    b'"observe","power","snapshot"],"cpu_model":"","cpus":,"datastores":[""],"endpoint":"",'
    b'"hypervisor":"qemu","maintenance":false,"memory_mib":,"name":"","networks":[""],'
    b'"observe_only":false,"peer_address":"","peer_uri":"","pool":"default","reserved_mib":0,'
    b'"state":"up","tags":[],"withheld":[]},{"boot":null,"copies":[],"cpu_model":"","disks":'
    b'[{"bus":"virtio","datastore":"","format":"qcow2","path":"/var/lib/","readonly":false,'
    b'"shareable":false,"size_bytes":,"target":"vda","volume":".qcow2"}],"host":"","id":"",'
    b'"made_by":"","memory_mib":2048,"name":"vm","nics":[{"mac":"52:54:00:","model":"virtio",'
    b'"network":"net1"}],"reason":"","resources":{"cpu_limit_percent":0,"cpu_shares":0,'
    b'"io_weight":0,"memory_limit_mib":0,"memory_reserved_mib":0},"snapshots":[],'
    b'"state":"stopped","tags":[],"vcpus":1},"state":"running","tags":[],"vcpus":2}]'
)


class StoredInventory(Struct, frozen=True, kw_only=True, gc=False):
    """The pool at one moment; `plan` is the plan it was kept for, or ""."""

    number: int
    at: float
    digest: str
    hosts: int
    vms: int
    plan: str = ""


def add(tx: Tx, manifest: bytes, counts: tuple[int, int], plan: str = "") -> StoredInventory:
    """Keep an inventory of so many hosts and VMs, whose chunks are there."""
    root = name_of(manifest)
    tx.put_new(inventory_chunks, [{"hash": root, "body": packed(manifest)}])
    hosts, vms = counts
    row = {"at": tx.now, "digest": root.hex(), "hosts": hosts, "vms": vms, "plan": plan}
    number = tx.add(inventories, {**row, "root": root})
    return StoredInventory(number=number, **row)  # type: ignore[arg-type]


def put_chunks(tx: Tx, bodies: Iterable[tuple[bytes, bytes]]) -> None:
    """Keep packed chunks by name; those that are there stay as they are."""
    tx.put_new(inventory_chunks, [{"hash": name, "body": body} for name, body in bodies])


def is_there(tx: Tx, number: int) -> bool:
    """Say whether an inventory is still kept, and so all its chunks are."""
    return tx.row(select(inventories.c.number).where(inventories.c.number == number)) is not None


def latest(tx: Tx) -> StoredInventory | None:
    """Return the newest inventory, None if there is none."""
    row = tx.row(select(inventories).order_by(inventories.c.number.desc()).limit(1))
    return None if row is None else _stored(row)


def find(tx: Tx, key: str) -> StoredInventory:
    """Return an inventory by its number, or by the first 8 or more digits of its digest.

    Raise `NotFound`, or `Conflict` if two digests begin so.
    """
    query = select(inventories).order_by(inventories.c.number.desc())
    number = int(key) if key.isdecimal() and len(key) < 18 else None
    either = [] if number is None else [inventories.c.number == number]
    if len(key) >= 8:
        either.append(inventories.c.digest.startswith(key, autoescape=True))
    rows = tx.rows(query.where(or_(*either)).limit(100)) if either else ()
    if not rows:
        raise _not_found(key)
    numbered = [row for row in rows if row.number == number]
    if len({row.digest for row in numbered or rows}) > 1:
        raise Conflict(f"several inventories begin with {key}", hint="write more digits")
    return _stored((numbered or rows)[0])


def of_digest(tx: Tx, digest: str) -> StoredInventory | None:
    """Return the newest inventory with exactly this digest."""
    query = select(inventories).where(inventories.c.digest == digest)
    row = tx.row(query.order_by(inventories.c.number.desc()).limit(1))
    return None if row is None else _stored(row)


def list_inventories(tx: Tx, ask: Ask) -> Page[StoredInventory]:
    """Return a page of inventories, newest first."""
    return page(tx, inventories, ask, _stored)


def manifest_of(tx: Tx, digest: str) -> bytes:
    """Return the list of chunks of an inventory; raise `StoreFailed` if it is damaged."""
    root = bytes.fromhex(digest)
    return chunks(tx, [root])[root]


def chunks(tx: Tx, names: Sequence[bytes]) -> Mapping[bytes, bytes]:
    """Return chunks as they were encoded; raise `StoreFailed` for one that is lost or damaged."""
    found: dict[bytes, bytes] = {}
    for start in range(0, len(names), _SOME):
        some = inventory_chunks.c.hash.in_(names[start : start + _SOME])
        for row in tx.rows(select(inventory_chunks.c.hash, inventory_chunks.c.body).where(some)):
            found[bytes(row.hash)] = unpacked(bytes(row.body))
    for name in names:
        if name_of(found.get(name, b"")) != name:
            hint = "restore the database from its backup"
            raise StoreFailed(f"a part of a stored inventory is damaged: {name.hex()}", hint=hint)
    return found


def moments(tx: Tx) -> list[tuple[int, float, str, str]]:
    """Return number, time, digest and plan of all inventories, oldest first."""
    columns = (inventories.c.number, inventories.c.at, inventories.c.digest, inventories.c.plan)
    rows = tx.rows(select(*columns).order_by(inventories.c.number))
    return [(row.number, row.at, row.digest, row.plan) for row in rows]


def remove(tx: Tx, numbers: Sequence[int]) -> int:
    """Forget inventories; their chunks stay until they are swept."""
    return tx.run(delete(inventories).where(inventories.c.number.in_(list(numbers))))


def chunk_names(tx: Tx, after: bytes, limit: int) -> list[bytes]:
    """Return the next names of stored chunks and manifests, in order."""
    query = select(inventory_chunks.c.hash).where(inventory_chunks.c.hash > after)
    return [bytes(row.hash) for row in tx.rows(query.order_by("hash").limit(limit))]


def sweep(tx: Tx, names: Sequence[bytes]) -> int:
    """Forget chunks that nothing needs."""
    return tx.run(delete(inventory_chunks).where(inventory_chunks.c.hash.in_(list(names))))


def size(tx: Tx) -> tuple[int, int]:
    """Return how many chunks there are and how many bytes they take."""
    sums = (func.count(), func.coalesce(func.sum(func.length(inventory_chunks.c.body)), 0))
    row: Any = tx.row(select(*sums).select_from(inventory_chunks))
    return int(row[0]), int(row[1])


def packed(plain: bytes) -> bytes:
    """Return bytes as they are stored; a manifest does not get smaller and stays as it is."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15, zdict=_WORDS)
    small = packer.compress(plain) + packer.flush()
    return _WITH_WORDS + small if len(small) < len(plain) else _PLAIN + plain


def unpacked(body: bytes) -> bytes:
    """Return what was packed; b"" for what was not packed so."""
    if body[:1] == _PLAIN:
        return body[1:]
    try:
        return zlib.decompressobj(-15, zdict=_WORDS).decompress(body[1:])
    except zlib.error:
        return b""


def _stored(row: Row[Any]) -> StoredInventory:
    return from_row(row, StoredInventory)


def _not_found(key: str) -> NotFound:
    hint = "`anypool inventory list` shows them; old ones are thinned out"
    return NotFound(f"there is no stored inventory {key[:80]}", hint=hint)
