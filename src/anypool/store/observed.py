"""The last known state of everything, so that a restarted manager can show it at once.

It is a memory, not the truth: what comes from here is shown as UNKNOWN until its host
has answered.
"""

from collections.abc import Iterable
from typing import TypeVar

import msgspec
from sqlalchemy import delete, select

from anypool.model import Datastore, Host, Network, Server, Vm
from anypool.store.records import LastKnown, Observed
from anypool.store.tables import observed
from anypool.store.tx import Tx

_KINDS: dict[str, type[Observed]] = {
    "host": Host,
    "vm": Vm,
    "datastore": Datastore,
    "network": Network,
    "server": Server,
}
_NAMES = {kind: name for name, kind in _KINDS.items()}
_CHUNK = 500

T = TypeVar("T")


def put_many(
    tx: Tx, changed: Iterable[Observed], removed: Iterable[tuple[type[Observed], str]] = ()
) -> None:
    """Remember records as seen now, and forget others, named by their class and id."""
    tx.put(observed, [_row(record, tx.now) for record in changed])
    ids: dict[str, list[str]] = {}
    for kind, id_ in removed:
        ids.setdefault(_NAMES[kind], []).append(id_)
    for name, gone in ids.items():
        for start in range(0, len(gone), _CHUNK):
            some = observed.c.id.in_(gone[start : start + _CHUNK])
            tx.run(delete(observed).where(observed.c.kind == name, some))


def load(tx: Tx) -> LastKnown:
    """Return everything remembered, by id; rows that this release cannot read are counted."""
    found: list[Observed] = []
    seen_at: dict[str, float] = {}
    unreadable = 0
    decoders = {name: msgspec.msgpack.Decoder(kind) for name, kind in _KINDS.items()}
    for row in tx.rows(select(observed).order_by(observed.c.kind, observed.c.id)):
        try:
            found.append(decoders[row.kind].decode(row.body))
        except (msgspec.DecodeError, KeyError):
            unreadable += 1
            continue
        seen_at[row.id] = row.seen_at
    return LastKnown(
        hosts=_only(found, Host),
        vms=_only(found, Vm),
        datastores=_only(found, Datastore),
        networks=_only(found, Network),
        servers=_only(found, Server),
        seen_at=seen_at,
        unreadable=unreadable,
    )


def _row(record: Observed, now: float) -> dict[str, object]:
    body = msgspec.msgpack.encode(record)
    return {"kind": _NAMES[type(record)], "id": record.id, "seen_at": now, "body": body}


def _only(records: Iterable[Observed], kind: type[T]) -> tuple[T, ...]:
    return tuple(record for record in records if isinstance(record, kind))
