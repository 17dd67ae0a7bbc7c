"""The tables of server profiles: ranges, the book of addresses, profiles, and who had which."""

from sqlalchemy import JSON, BigInteger, Boolean, Column, Double, Index, Table, Text, false

from anypool.store.tables import metadata


def _text(name: str) -> Column[str]:
    return Column(name, Text, nullable=False)


def _json(name: str) -> Column[object]:
    return Column(name, JSON, nullable=False)


def _time(name: str) -> Column[float]:
    return Column(name, Double, nullable=False)


address_ranges = Table(
    "address_ranges",
    metadata,
    Column("id", Text, primary_key=True),
    *(_text(name) for name in ("kind", "first", "last", "description")),
)
"""Addresses that are ours to give; none is in two of them."""

addresses = Table(
    "addresses",
    metadata,
    Column("kind", Text, primary_key=True),
    Column("address", Text, primary_key=True),
    *(_text(name) for name in ("state", "profile", "use")),
    _time("since"),
    _time("until"),
    Index(None, "profile"),
)
"""The book: each address that a profile has, or had until a while ago, once."""

profiles = Table(
    "profiles",
    metadata,
    Column("id", Text, primary_key=True),
    Column("name", Text, nullable=False, unique=True),
    _text("description"),
    _text("pool"),
    _json("ports"),
    _text("initiator"),
    *(_json(name) for name in ("iscsi", "fc", "boot", "bios", "needs")),
    _text("ip"),
    _text("script"),
    Column("probe", JSON, nullable=False, server_default="{}"),
    Column("failover", Text, nullable=False, server_default="disabled"),
    _json("tags"),
    _text("slot"),
    Column("server", Text, unique=True),
    Column("epoch", BigInteger, nullable=False),
    Column("means", Text),
    Column("image", Text, nullable=False, server_default=""),
    Column("hypervisor", Boolean, nullable=False, server_default=false()),
)
"""Profiles; a server has one at most, and a profile one server."""

tenures = Table(
    "tenures",
    metadata,
    Column("profile", Text, primary_key=True),
    Column("epoch", BigInteger, primary_key=True, autoincrement=False),
    *(_text(name) for name in ("server", "server_name", "by", "plan")),
    _time("began_at"),
    _time("ended_at"),
    _text("proof"),
)
"""Which server had a profile in each epoch; they outlive the profile."""
