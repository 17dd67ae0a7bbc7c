"""`anypool address-range`: MACs and WWNs that profiles are given."""

from dataclasses import dataclass
from typing import Annotated

from cyclopts import App, Parameter

from anypool.cli.client import Json, key
from anypool.cli.connection import HERE, Where, connected
from anypool.cli.output import Column, show_list, show_one
from anypool.cli.terminal import note
from anypool.cli.words import moment

app = App(
    name="address-range",
    help="Address ranges: MACs and WWNs that are ours to give to server profiles.",
)

COLUMNS = (
    Column("NAME", lambda one: one["name"]),
    Column("KIND", lambda one: one["kind"]),
    Column("FIRST", lambda one: one["first"]),
    Column("LAST", lambda one: one["last"]),
    Column("SIZE", lambda one: one["size"]),
    Column("RESERVED", lambda one: one["reserved"]),
    Column("RESTING", lambda one: one["resting"]),
    Column("FREE", lambda one: one["free"]),
    Column("DESCRIPTION", lambda one: one["description"], wide=True),
)
_GIVEN = (
    Column("ADDRESS", lambda one: one["address"]),
    Column("STATE", lambda one: one["state"]),
    Column("PROFILE", lambda one: one["profile"]),
    Column("USE", lambda one: one["use"]),
    Column("SINCE", lambda one: moment(one["since"])),
    Column("RESTS UNTIL", lambda one: moment(one["until"]) if one["until"] else "-"),
)


@app.command(name="list")
def list_(*, where: Where = HERE) -> None:
    """List the ranges, and how much of each is left."""
    with connected(where) as client:
        show_list(client.get("/address-ranges")["items"], COLUMNS, where.output)


@app.command
def show(name: str, /, *, where: Where = HERE) -> None:
    """Show each address of a range that is reserved or rests, and whose it is or was."""
    with connected(where) as client:
        found = client.get(f"/address-ranges/{key(name)}")
        rows = found["addresses"]
        if where.output in ("json", "yaml"):
            show_one(found, COLUMNS, where.output)
        else:
            show_list(rows, _GIVEN, where.output)


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Bounds:
    """Which addresses a range has."""

    kind: Annotated[str, Parameter(help="mac or wwn")]
    first: Annotated[str, Parameter(help="its first address, such as 02:00:00:00:01:00")]
    last: Annotated[str, Parameter(help="its last address")] = ""
    count: Annotated[int, Parameter(help="or how many it has")] = 0
    description: Annotated[str, Parameter(help="in words")] = ""


@app.command
def add(name: str, /, *, bounds: Bounds, where: Where = HERE) -> None:
    """Add a range: MACs that are locally administered, or WWNs of NAA format 2 or 5."""
    body: Json = {"name": name, **{key: value for key, value in vars(bounds).items() if value}}
    with connected(where) as client:
        show_list([client.post("/address-ranges", body)], COLUMNS, where.output)


@app.command
def remove(name: str, /, *, where: Where = HERE) -> None:
    """Remove a range, once no address of it is in use, reserved or resting."""
    with connected(where) as client:
        client.delete(f"/address-ranges/{key(name)}")
        note(f"the range {name} is removed; its addresses are no longer ours to give")
