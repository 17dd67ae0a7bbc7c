"""`anypool inventory`: the pool as it was, and what has changed since."""

import json
from collections.abc import Iterator
from typing import Annotated

from cyclopts import App, Parameter

from anypool.cli.client import Json, key
from anypool.cli.connection import HERE, Where, connected
from anypool.cli.lists import EVERY, Which, show_all
from anypool.cli.output import Column, show_list, show_one
from anypool.cli.terminal import note
from anypool.cli.words import mib, moment
from anypool.errors import Invalid

app = App(name="inventory", help="Stored inventories: the pool as it was.")

COLUMNS = (
    Column("ID", lambda row: row["id"]),
    Column("AT", lambda row: moment(row["at"])),
    Column("HOSTS", lambda row: row["hosts"]),
    Column("VMS", lambda row: row["vms"]),
    Column("PLAN", lambda row: row["plan"]),
    Column("DIGEST", lambda row: row["digest"][:12]),
)
_HOSTS = (
    Column("NAME", lambda row: row["name"]),
    Column("STATE", lambda row: _state(row)),
    Column("VMS", lambda row: row["vms"]),
    Column("MEMORY", lambda row: mib(row["memory_mib"])),
)
_DIFFERENCES = (
    Column("KIND", lambda row: row["kind"]),
    Column("NAME", lambda row: row["name"]),
    Column("CHANGE", lambda row: row["change"]),
    Column("FIELD", lambda row: row["field"]),
    Column("BEFORE", lambda row: row["before"]),
    Column("AFTER", lambda row: row["after"]),
    Column("ID", lambda row: row["id"], wide=True),
)


@app.command(name="list")
def list_(*, which: Which = EVERY, where: Where = HERE) -> None:
    """List stored inventories, newest first."""
    if which.filter:
        raise Invalid("stored inventories cannot be searched", hint="leave --filter out")
    show_all("/inventories", None, COLUMNS, which, where)


@app.command
def show(inventory: str, /, *, where: Where = HERE) -> None:
    """Show a stored inventory by its id or digest, with its hosts; all of it with -o json."""
    with connected(where) as client:
        found = client.get(f"/inventories/{key(inventory)}")
        content = client.get(f"/inventories/{key(inventory)}/content")
    if where.output not in ("table", "wide"):
        show_one(found | content, COLUMNS, where.output)
        return
    full = (*COLUMNS[:-1], Column("DIGEST", lambda row: row["digest"]))
    show_one(found, full, where.output)
    counts: dict[str, int] = {}
    for vm in content["vms"]:
        counts[vm["host"]] = counts.get(vm["host"], 0) + 1
    hosts = sorted(content["hosts"], key=lambda host: str(host["name"]))
    show_list([{**host, "vms": counts.get(host["id"], 0)} for host in hosts], _HOSTS, where.output)


app.command(
    "anypool.cli.inventory_export:export",
    name="export",
    help="Write the pool as it is now into a file, to plan with elsewhere.\n\n"
    'Without a manager, `anypool simulate FILE --event "evacuate h1"` plans with it.',
)


@app.command
def diff(
    old: str,
    new: Annotated[str, Parameter(help="another inventory; now is the pool as it is")] = "now",
    /,
    *,
    where: Where = HERE,
) -> None:
    """Show what was added, removed or changed from a stored inventory to another, or to now."""
    with connected(where) as client:
        found = client.get(f"/inventories/{key(old)}/differences", to=new)
    if where.output in ("table", "wide"):
        show_list(_lines(found["items"]), _DIFFERENCES, where.output)
        if not found["items"]:
            note("nothing differs")
    else:
        show_list(found["items"], _DIFFERENCES, where.output)
    if found["more"]:
        note("there is more than is shown")


def _state(host: Json) -> str:
    """Return the state of a stored host; what is as usual is left out there."""
    return "maintenance" if host.get("maintenance") else str(host.get("state", "up"))


def _lines(items: list[Json]) -> Iterator[Json]:
    """Yield a row for each changed field, and one for what came or went."""
    for one in items:
        fields = one["fields"] or [{"name": "", "before": "", "after": ""}]
        for field in fields:
            texts = {side: _short(field[side]) for side in ("before", "after")}
            yield {**one, "field": field["name"], **texts}


def _short(value: object) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=True)
    return text if len(text) <= 60 else f"{text[:57]}..."
