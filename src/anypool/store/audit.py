"""The audit trail: who did what, append-only, each row chained to the one before by a key.

Numbers have no gaps, except after a restore from a backup: those that may have been given out
meanwhile are not given again. Only who has the key can make a gap that holds.

The hash of a row is HMAC-SHA256, with a key that is not in the database, over the hash of
the row before and the row's content as canonical JSON. Whoever can write the database but
not read the key can neither change, reorder nor remove a row without breaking the chain;
cutting off the newest rows is seen by comparing with a head that was exported before.
Each key knows which row it begins with (`auditkeys`), so that none can stand for another.
"""

import hashlib
import hmac
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
from msgspec import Struct
from sqlalchemy import Row, delete, func, select, text

from anypool.errors import NotFound
from anypool.store import act
from anypool.store.auditkeys import AuditKey
from anypool.store.pages import Ask, page
from anypool.store.records import Page
from anypool.store.restored_tables import restoration
from anypool.store.tables import audit, audit_checkpoints
from anypool.store.tx import Tx, from_row, to_row

GENESIS = "0" * 64
_BATCH = 2000
_LOCK = 0x616E79617564  # "anyaud": one appender at a time on PostgreSQL
_TAKE_TURN = text(f"SELECT pg_advisory_xact_lock({_LOCK})")
_NEWEST = select(audit.c.number, audit.c.hash, audit.c.at).order_by(audit.c.number.desc()).limit(1)
_CHECKPOINT = select(audit_checkpoints).order_by(audit_checkpoints.c.number.desc()).limit(1)
_RESTORED = select(restoration.c.audit_from)
_ADD = audit.insert()
_encoder = msgspec.json.Encoder(order="deterministic")


class AuditRecord(Struct, frozen=True, kw_only=True, gc=False):
    """One row: `who` in which `role`, proved by `proof`, did `deed` to an object.

    `outcome` is `done`, `refused` or `failed`; `request` is the id of the HTTP request,
    `detail` words without secrets. `hash` chains it to the row before.
    """

    number: int = 0
    at: float = 0.0
    who: str = ""
    role: str = ""
    proof: str = ""
    deed: str = ""
    outcome: str = "done"
    object_kind: str = ""
    object_id: str = ""
    plan: str = ""
    run: str = ""
    request: str = ""
    detail: str = ""
    hash: str = ""


class Head(Struct, frozen=True, kw_only=True, gc=False):
    """The newest row's number and hash; what to keep elsewhere, so that truncation is seen."""

    number: int = 0
    hash: str = GENESIS
    at: float = 0.0


class Verdict(Struct, frozen=True, kw_only=True, gc=False):
    """What `verify` found: how many rows hold, and the first that does not with the reason.

    `unproven` is how many rows nobody can judge, because their key is not here.
    """

    rows: int
    head: Head
    unproven: int = 0
    broken_at: int = 0
    why: str = ""

    @property
    def sound(self) -> bool:
        """Whether nothing is wrong."""
        return not self.why


def append(tx: Tx, record: AuditRecord) -> AuditRecord:
    """Store a record as the next row; its number, time, request and hash are set here."""
    return append_all(tx, (record,))[-1]


def append_all(tx: Tx, records: Sequence[AuditRecord]) -> list[AuditRecord]:
    """Store records as the next rows, in one statement; return them as `append` does.

    Each is chained to the one before as if it had come alone.
    """
    if not records:
        return []
    if tx.dialect == "postgresql":
        tx.run(_TAKE_TURN)
    last = head(tx)
    number = _next(tx, last)
    key = tx.vault.audit.ready(number)
    keys, notes = tx.vault.audit.all(), list[AuditRecord]()
    if key.begins == number and key == keys[-1] and last.number:
        notes.append(_key_lost(last.number))
    if number > last.number + 1:
        notes.append(_gap(last.number, number))
    made = []
    for record in (*notes, *records):
        key = next(one for one in keys if one.begins <= number)
        made.append(_chained(tx, record, last, number, key))
        last, number = Head(number=number, hash=made[-1].hash, at=tx.now), number + 1
    tx.run(_ADD, [to_row(one) for one in made])
    return made[len(notes) :]


def rotate_key(tx: Tx) -> int:
    """Let another key chain what comes from now on; return the number of the first such row."""
    number = _next(tx, head(tx))
    tx.vault.audit.begin_another(number)
    return number


def stable_key(tx: Tx) -> bytes:
    """Return a key of this installation that no rotation changes, for hashes beside the trail."""
    tx.vault.audit.ready(_next(tx, head(tx)))
    return tx.vault.audit.all()[-1].key


def head(tx: Tx) -> Head:
    """Return the newest row's number and hash; of the last checkpoint if no row is left."""
    row = tx.row(_NEWEST) or tx.row(_CHECKPOINT)
    return Head() if row is None else from_row(row, Head)


def get(tx: Tx, number: int) -> AuditRecord:
    """Return one row; raise `NotFound`."""
    row = tx.row(select(audit).where(audit.c.number == number))
    if row is None:
        raise NotFound(f"there is no audit row {number}", hint="`anypool audit list` shows them")
    return _record(row)


def find(tx: Tx, ask: Ask) -> Page[AuditRecord]:
    """Return a page of rows, newest first."""
    return page(tx, audit, ask, _record)


def between(tx: Tx, begin: float, end: float, limit: int = 1000) -> tuple[AuditRecord, ...]:
    """Return the first rows of a span of time, oldest first."""
    within = (audit.c.at >= begin, audit.c.at <= end)
    query = select(audit).where(*within).order_by(audit.c.number).limit(limit)
    return tuple(_record(row) for row in tx.rows(query))


def all_rows(tx: Tx, after: int = 0) -> Iterator[AuditRecord]:
    """Yield every row after a number, oldest first."""
    while True:
        newer = select(audit).where(audit.c.number > after).order_by(audit.c.number)
        rows = tx.rows(newer.limit(_BATCH))
        if not rows:
            return
        for row in rows:
            yield _record(row)
        after = rows[-1].number


def verify(tx: Tx, anchors: Sequence[Head] = ()) -> Verdict:
    """Compute the chain anew and compare it with the rows and with heads exported before.

    Rows whose key is not here are compared with exported heads only, and make it unsound.
    """
    start, proven = _checkpoint(tx)
    wanted = {anchor.number: anchor for anchor in anchors if anchor.number >= start.number}
    last, count, unproven = start, 0, 0
    for record in all_rows(tx, start.number):
        key = tx.vault.audit.of(record.number)
        why = _fault(record, last, key, wanted.pop(record.number, None))
        if why:
            return Verdict(
                rows=count, head=last, unproven=unproven, broken_at=record.number, why=why
            )
        last = Head(number=record.number, hash=record.hash, at=record.at)
        count, unproven = count + (key is not None), unproven + (key is None)
    found = Verdict(rows=count, head=last, unproven=unproven)
    broken_at, why = _ending(start, last, wanted)
    if not why and unproven:
        why = f"nobody can judge {unproven} rows: the key they were chained with is not here"
        broken_at = start.number + 1
    elif not why and not proven:
        why = "nobody can judge what was removed before: the key of that time is not here"
        broken_at = start.number
    return msgspec.structs.replace(found, broken_at=broken_at, why=why)


def _ending(start: Head, last: Head, wanted: dict[int, Head]) -> tuple[int, str]:
    """Return what is wrong by the heads that met no row, and where; 0 and "" for nothing."""
    if (anchor := wanted.get(last.number)) is not None and anchor.hash != last.hash:
        return last.number, "the checkpoint is not the one that was exported"
    lost = [number for number in wanted if start.number < number < last.number]
    if lost:
        row = min(lost)
        return row, f"row {row} was exported once, and the backup restored since did not have it"
    beyond = [number for number in wanted if number > last.number]
    if beyond:
        number = last.number + 1
        return number, f"rows are missing at the end: row {max(beyond)} was exported once"
    return 0, ""


def prune(tx: Tx, before: float) -> int:
    """Forget rows older than a time; a checkpoint keeps the chain verifiable. Return how many.

    Only the newest checkpoint says anything; those before it go with the rows.
    """
    newest = tx.row(
        select(audit).where(audit.c.at < before).order_by(audit.c.number.desc()).limit(1)
    )
    if newest is None:
        return 0
    row = _record(newest)
    seal = _seal(tx.vault.audit.ready(_next(tx, head(tx))).key, row.number, row.hash)
    tx.add(
        audit_checkpoints,
        {"number": row.number, "hash": row.hash, "at": row.at, "made_at": tx.now, "seal": seal},
    )
    tx.run(delete(audit_checkpoints).where(audit_checkpoints.c.number < row.number))
    return tx.run(delete(audit).where(audit.c.number <= row.number))


def count(tx: Tx) -> int:
    """Return how many rows there are."""
    return tx.count(select(func.count()).select_from(audit))


def _next(tx: Tx, last: Head) -> int:
    """Return the number of the next row; after a restore it is beyond all that were used."""
    row = tx.row(_RESTORED)
    return max(last.number + 1, 0 if row is None else int(row.audit_from))


def _chained(tx: Tx, record: AuditRecord, last: Head, number: int, key: AuditKey) -> AuditRecord:
    """Return a record as the row with this number."""
    request = record.request or act.request()
    placed = msgspec.structs.replace(record, number=number, at=tx.now, request=request)
    return msgspec.structs.replace(placed, hash=_hash(key.key, last.hash, placed))


def _gap(last: int, first: int) -> AuditRecord:
    left_out = f"rows {last + 1} to {first - 1} were or may have been those of the lost records"
    return AuditRecord(who="restore", deed="manager.restored", detail=left_out)


def _key_lost(last: int) -> AuditRecord:
    return AuditRecord(
        deed="audit.key-lost",
        outcome="failed",
        object_kind="audit",
        detail=f"the key of the rows up to {last} is not here; another one begins with this row",
    )


def _checkpoint(tx: Tx) -> tuple[Head, bool]:
    """Return the newest checkpoint and whether it is proven; a forged one is none."""
    row = tx.row(_CHECKPOINT)
    if row is None:
        return Head(), True
    found = from_row(row, Head)
    keys = tx.vault.audit.all()
    seals = [_seal(one.key, found.number, found.hash) for one in keys]
    if any(hmac.compare_digest(seal, row.seal) for seal in seals):
        return found, True
    known = tx.vault.audit.of(found.number) is not None
    return (Head(), True) if known else (found, False)


def _fault(record: AuditRecord, last: Head, key: AuditKey | None, anchor: Head | None) -> str:
    if key is not None and not hmac.compare_digest(_hash(key.key, last.hash, record), record.hash):
        if record.number != last.number + 1:
            return f"rows {last.number + 1} to {record.number - 1} are missing"
        return "the row or one before it was changed, or it was written with another key"
    if anchor is not None and anchor.hash != record.hash:
        return "it is not the row whose hash was exported"
    return ""


def _hash(key: bytes, before: str, record: AuditRecord) -> str:
    content = _encoder.encode(msgspec.structs.replace(record, hash=before))
    return hmac.new(key, content, hashlib.sha256).hexdigest()


def _seal(key: bytes, number: int, row_hash: str) -> str:
    return hmac.new(key, f"checkpoint {number} {row_hash}".encode(), hashlib.sha256).hexdigest()


def _record(row: Row[Any]) -> AuditRecord:
    return from_row(row, AuditRecord)
