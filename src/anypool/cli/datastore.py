"""`anypool datastore`: places for volumes."""

from typing import Annotated, Literal

from cyclopts import App, Parameter

from anypool.cli.client import key
from anypool.cli.connection import HERE, Where, connected
from anypool.cli.host import retag
from anypool.cli.lists import EVERY, Which, show_all, show_single
from anypool.cli.output import Column, show_list
from anypool.cli.words import size
from anypool.search import Noun

app = App(name="datastore", help="Datastores: places for volumes.")

COLUMNS = (
    Column("NAME", lambda place: place["name"]),
    Column("KIND", lambda place: place["kind"]),
    Column("SHARED", lambda place: place["shared"]),
    Column("LOCKING", lambda place: place["locking"]),
    Column("CAPACITY", lambda place: size(place["capacity_bytes"])),
    Column("FREE", lambda place: size(place["free_bytes"])),
    Column("HOSTS", lambda place: place["hosts"]),
    Column("PATH", lambda place: place["path"], wide=True),
    Column("TAGS", lambda place: place["tags"], wide=True),
    Column("ID", lambda place: place["id"], wide=True),
)


@app.command(name="list")
def list_(*, which: Which = EVERY, where: Where = HERE) -> None:
    """List datastores."""
    show_all("/datastores", Noun.DATASTORE, COLUMNS, which, where)


@app.command
def show(name: str, /, *, where: Where = HERE) -> None:
    """Show one datastore, by name or id."""
    show_single("/datastores", name, tuple(Column(c.title, c.value) for c in COLUMNS), where)


@app.command
def locking(
    name: str,
    value: Annotated[
        Literal["effective", "none", "unknown"],
        Parameter(help="effective: two hosts that open one volume for writing stop each other"),
    ],
    /,
    *,
    where: Where = HERE,
) -> None:
    """State whether locks on a datastore work across hosts; migrations rely on it."""
    with connected(where) as client:
        row = client.patch(f"/datastores/{key(name)}", {"locking": value})
        show_list([row], COLUMNS, where.output)


@app.command
def mark(name: str, /, *, where: Where = HERE) -> None:
    """Write a marker onto a datastore, by which other hosts know it as the same place."""
    with connected(where) as client:
        show_list([client.post(f"/datastores/{key(name)}/mark")], COLUMNS, where.output)


@app.command
def tag(
    name: str,
    /,
    *tags: Annotated[str, Parameter(help="TAG adds it, ^TAG takes it away")],
    where: Where = HERE,
) -> None:
    """Add tags to a datastore, or take away those given as `^TAG`."""
    retag("/datastores", name, tags, where)
