"""The routes of the audit trail."""

from typing import Annotated

from litestar import get, post
from litestar.params import PathParameter
from msgspec import Struct

from anypool.api.asking import By, Use, Wanted
from anypool.api.views import PageView, page_view, time_or_none
from anypool.store.audit import AuditRecord, Verdict

Number = Annotated[int, PathParameter(ge=1, le=1 << 62, description="number of a row")]


class AuditView(Struct, frozen=True, kw_only=True):
    """Who did what, by which proof, and how it ended; `hash` chains it to the row before."""

    number: int
    at: float
    who: str
    role: str
    proof: str
    deed: str
    outcome: str
    object_kind: str
    object_id: str
    plan: str
    operation: str
    request: str
    detail: str
    hash: str


class VerdictView(Struct, frozen=True, kw_only=True):
    """Whether the trail holds: `rows` do, up to `head`; else the first that does not, and why.

    `unproven` rows cannot be judged by anybody, because the key they were chained with is lost.
    """

    sound: bool
    rows: int
    unproven: int
    head: int
    head_hash: str
    head_at: float | None
    broken_at: int | None
    why: str


class KeyChanged(Struct, frozen=True, kw_only=True):
    """The number of the first row that the new key chains."""

    first_row: int


@get("/audit", sync_to_thread=True)
def list_audit(services: Use, by: By, ask: Wanted) -> PageView[AuditView]:
    """List the audit trail, newest first."""
    return page_view(services.audit.list(by, ask), _view)


@get("/audit/verdict", sync_to_thread=True)
def verify_audit(services: Use, by: By) -> VerdictView:
    """Verify the whole trail, and compare it with the heads that were exported."""
    return _verdict(services.audit.verify(by))


@post("/audit/rotate-key", status_code=200, sync_to_thread=True)
def rotate_audit_key(services: Use, by: By) -> KeyChanged:
    """Chain the audit trail with another key from now on; old rows keep theirs."""
    return KeyChanged(first_row=services.audit.rotate_key(by))


@get("/audit/{number:int}", sync_to_thread=True)
def get_audit(services: Use, by: By, number: Number) -> AuditView:
    """Show one row of the audit trail."""
    return _view(services.audit.get(by, number))


def _view(row: AuditRecord) -> AuditView:
    same = {name: getattr(row, name) for name in AuditView.__struct_fields__ if name != "operation"}
    return AuditView(**same, operation=row.run)


def _verdict(found: Verdict) -> VerdictView:
    return VerdictView(
        sound=found.sound,
        rows=found.rows,
        unproven=found.unproven,
        head=found.head.number,
        head_hash=found.head.hash,
        head_at=time_or_none(found.head.at),
        broken_at=found.broken_at or None,
        why=found.why,
    )


ROUTES = (list_audit, verify_audit, rotate_audit_key, get_audit)
