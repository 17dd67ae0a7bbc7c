"""`anypool manager`: who works on this database, and who of them leads."""

from cyclopts import App

from anypool.cli.connection import HERE, Where, connected
from anypool.cli.output import Column, show_list
from anypool.cli.words import moment

app = App(name="manager", help="Managers: the one that leads, and those that stand by.")

COLUMNS = (
    Column("ID", lambda one: one["id"]),
    Column("ADDRESS", lambda one: one["address"]),
    Column("STATE", lambda one: "leads" if one["leads"] else "stands by"),
    Column("EPOCH", lambda one: one["epoch"] or ""),
    Column("POOLS", lambda one: ", ".join(one["pools"])),
    Column("SILENT FOR", lambda one: f"{one['silent_s']:.0f} s"),
    Column("STARTED", lambda one: moment(one["started_at"])),
    Column("RELEASE", lambda one: one["release"], wide=True),
    Column("ANSWERS", lambda one: "this one" if one["here"] else "", wide=True),
)


@app.command(name="list")
def list_(*, where: Where = HERE) -> None:
    """List the managers that work on the same database."""
    with connected(where) as client:
        found = client.get("/managers")
    show_list(found["items"], COLUMNS, where.output)
