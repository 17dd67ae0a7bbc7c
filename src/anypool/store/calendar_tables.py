"""The tables of calendars, and of how each stands."""

from sqlalchemy import JSON, BigInteger, Boolean, Column, Double, Table, Text

from anypool.store.tables import metadata


def _text(name: str) -> Column[str]:
    return Column(name, Text, nullable=False)


def _json(name: str, *, empty: bool = False) -> Column[object]:
    kind = JSON(none_as_null=True) if empty else JSON()
    return Column(name, kind, nullable=empty)


calendars = Table(
    "calendars",
    metadata,
    Column("id", Text, primary_key=True),
    *(_text(name) for name in ("servers", "zone")),
    *(_json(name) for name in ("purposes", "spans")),
    _text("otherwise"),
    _json("exceptions"),
    _json("on_load", empty=True),
    _text("level"),
    *(Column(name, Boolean, nullable=False) for name in ("enabled", "waive")),
    _text("description"),
    _json("hold", empty=True),
    Column("changed_at", Double, nullable=False),
)
"""Which purpose servers have when."""

calendar_standings = Table(
    "calendar_standings",
    metadata,
    Column("calendar", Text, primary_key=True),
    _text("purpose"),
    Column("since", Double, nullable=False),
    Column("extra", BigInteger, nullable=False),
    Column("settled", Boolean, nullable=False),
    Column("plan", Text),
    Column("begun", Boolean, nullable=False),
    Column("attempts", BigInteger, nullable=False),
    Column("due", Double, nullable=False),
    *(_json(name) for name in ("turns", "memory")),
    _json("said", empty=True),
)
"""How far each of them has come."""
