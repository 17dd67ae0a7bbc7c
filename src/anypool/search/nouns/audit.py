"""What can be asked about the audit trail."""

from typing import Any

from anypool.search.field import Field, Kind, Table

OUTCOMES = ("done", "refused", "failed")

AUDIT: Table[Any] = Table(
    fields=(
        Field("number", Kind.NUMBER, lambda row, _: row.number, "its number, growing"),
        Field("at", Kind.TIME, lambda row, _: row.at, "when"),
        Field("who", Kind.TEXT, lambda row, _: row.who, "who did it", free=True),
        Field("role", Kind.TEXT, lambda row, _: row.role, "in which role"),
        Field("proof", Kind.TEXT, lambda row, _: row.proof, "session, code, token or run"),
        Field("deed", Kind.TEXT, lambda row, _: row.deed, "what kind of deed", free=True),
        Field("outcome", Kind.ENUM, lambda row, _: row.outcome, "how it ended", OUTCOMES),
        Field("kind", Kind.TEXT, lambda row, _: row.object_kind, "kind of object"),
        Field("object", Kind.TEXT, lambda row, _: row.object_id, "id of the object", free=True),
        Field("plan", Kind.TEXT, lambda row, _: row.plan, "id of the plan"),
        Field("operation", Kind.TEXT, lambda row, _: row.run, "id of the operation"),
        Field("request", Kind.TEXT, lambda row, _: row.request, "id of the request"),
        Field("detail", Kind.TEXT, lambda row, _: row.detail, "words", free=True),
    ),
)
