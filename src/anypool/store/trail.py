"""One row of the audit trail for each transaction that somebody's deed changed something in."""

from collections.abc import Iterable

from msgspec.structs import replace

from anypool.store import act
from anypool.store.act import Act
from anypool.store.audit import AuditRecord, append, append_all
from anypool.store.tx import Told, Tx

_MOST_DETAIL = 2000


def trail(tx: Tx) -> None:
    """Write what a transaction told, in the transaction itself, before it is committed.

    A person's deed is one row, whatever it changed. Without one, what a run did is a row for
    each change, in the name of whoever began the run; what was only observed is none.
    """
    told, doing = tx.told, act.current()
    tx.told = []
    if not told:
        return
    if doing is not None:
        append(tx, _of_deed(doing, told))
        return
    append_all(tx, [_of_run(one) for one in told if one.by])


def trail_each(tx: Tx, deeds: Iterable[tuple[Act | None, str, Told]]) -> None:
    """Write a row for each deed of several people that one transaction carries out.

    Each is who acts, the id of the request that asked, and what changed; where nobody acts,
    it is a row in the name of whoever is told.
    """
    records = []
    for doing, request, told in deeds:
        record = _of_run(told) if doing is None else _of_deed(doing, [told])
        records.append(replace(record, request=request))
    append_all(tx, records)


def _of_deed(doing: Act, told: list[Told]) -> AuditRecord:
    first = told[0]
    return AuditRecord(
        who=doing.who,
        role=doing.role,
        proof=doing.proof,
        deed=doing.deed,
        object_kind=first.object_kind,
        object_id=first.object_id,
        plan=_first(one.plan for one in told),
        run=_first(one.run for one in told),
        detail="; ".join(one.detail for one in told)[:_MOST_DETAIL],
    )


def _of_run(told: Told) -> AuditRecord:
    state = told.kind.rpartition(".")[2]
    return AuditRecord(
        who=told.by,
        proof="run" if told.run else "",
        deed=told.kind,
        outcome="failed" if state in ("failed", "needs-human") else "done",
        object_kind=told.object_kind,
        object_id=told.object_id,
        plan=told.plan,
        run=told.run,
        detail=told.detail[:_MOST_DETAIL],
    )


def _first(words: Iterable[str]) -> str:
    return next((word for word in words if word), "")
