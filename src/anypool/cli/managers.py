"""`anypool manager`: who works on this database, who of them leads, and who is not to."""

from typing import Annotated, Any

from cyclopts import App, Parameter

from anypool.cli.client import key
from anypool.cli.connection import HERE, Where, connected
from anypool.cli.output import Column, show_list, show_one
from anypool.cli.words import moment

app = App(name="manager", help="Managers: the one that leads, and those that stand by.")

Name = Annotated[str, Parameter(help="its id, or its machine where only one runs there")]

COLUMNS = (
    Column("ID", lambda one: one["id"]),
    Column("ADDRESS", lambda one: one["address"]),
    Column("STATE", lambda one: _state(one)),
    Column("EPOCH", lambda one: one["epoch"] or ""),
    Column("POOLS", lambda one: ", ".join(one["pools"])),
    Column("LOOKS AFTER", lambda one: ", ".join(map(_looks_after, one["looks_after"]))),
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


@app.command
def drain(name: Name, /, *, where: Where = HERE) -> None:
    """Let a manager leave the work to the others, as before an upgrade of its machine.

    One of the others goes on with it within seconds, as after a take-over; what hosts are in the
    middle of goes on. It stands by until it ends, or is called back.
    """
    with connected(where) as client:
        found = client.post(f"/managers/{key(name)}/drain")
    show_one(found, COLUMNS, where.output)


@app.command(name="call-back")
def call_back(name: Name, /, *, where: Where = HERE) -> None:
    """Let a manager that was drained work again."""
    with connected(where) as client:
        found = client.post(f"/managers/{key(name)}/call-back")
    show_one(found, COLUMNS, where.output)


def _state(one: dict[str, Any]) -> str:
    state = "leads" if one["leads"] else "stands by"
    return f"{state}, drained" if one["drained"] else state


def _looks_after(one: dict[str, Any]) -> str:
    return f"{one['pool']} since {moment(one['since'])}"
