"""`anypool retention`: how long records are kept."""

from typing import Annotated

from cyclopts import App, Parameter

from anypool.cli.connection import HERE, Where, connected
from anypool.cli.output import Column, show_list
from anypool.cli.words import moment, size

app = App(name="retention", help="Retention: how long records are kept.")

COLUMNS = (
    Column("KIND", lambda row: row["kind"]),
    Column("KEPT", lambda row: f"{row['keep_s'] / 86400:g} d"),
    Column("ROWS", lambda row: row["rows"]),
    Column("SIZE", lambda row: size(row["bytes"])),
    Column("OLDEST", lambda row: moment(row["oldest"])),
    Column("LAST RUN", lambda row: moment(row["ran_at"])),
    Column("REMOVED", lambda row: row["removed"]),
    Column("SETTING", lambda row: row["setting"]),
    Column("MEANING", lambda row: row["meaning"], wide=True),
    Column("REMOVED EVER", lambda row: row["removed_ever"], wide=True),
)
_REMOVED = (
    Column("KIND", lambda row: row["kind"]),
    Column("REMOVED", lambda row: row["removed"]),
)


@app.command
def show(*, where: Where = HERE) -> None:
    """Show each kind of record: how long it is kept, how much there is, what was removed last."""
    with connected(where) as client:
        show_list(client.get("/retention")["items"], COLUMNS, where.output)


@app.command
def run(
    *kinds: Annotated[str, Parameter(help="such as events; all kinds if none are named")],
    where: Where = HERE,
) -> None:
    """Remove now what is older than it is to be kept; the manager does so every hour by itself."""
    with connected(where) as client:
        removed = client.post("/retention/run", {"kinds": list(kinds)})["removed"]
        rows = [{"kind": kind, "removed": count} for kind, count in removed.items()]
        show_list(rows, _REMOVED, where.output)
