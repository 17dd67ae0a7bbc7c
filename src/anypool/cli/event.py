"""`anypool event`: what happened."""

from typing import Annotated

from cyclopts import App, Parameter

from anypool.cli.client import Client, Json
from anypool.cli.connection import HERE, Where, connected
from anypool.cli.lists import Which, show_all
from anypool.cli.output import Column, show_list
from anypool.cli.words import moment
from anypool.search import Noun

app = App(name="event", help="Events: what happened.")

COLUMNS = (
    Column("NUMBER", lambda event: event["number"]),
    Column("AT", lambda event: moment(event["at"])),
    Column("SEVERITY", lambda event: event["severity"]),
    Column("KIND", lambda event: event["kind"]),
    Column("MESSAGE", lambda event: event["message"]),
    Column("BY", lambda event: event["by"]),
    Column("SUBJECT", lambda event: event["subject_id"], wide=True),
    Column("PLAN", lambda event: event["plan"], wide=True),
    Column("OPERATION", lambda event: event["operation"], wide=True),
)
_FEW = Which(limit=50)


@app.command(name="list")
def list_(
    *,
    watch: Annotated[bool, Parameter(name=("--watch", "-w"), help="and those to come")] = False,
    which: Which = _FEW,
    where: Where = HERE,
) -> None:
    """List events, newest first; 50 of them unless --limit says otherwise."""
    chosen = which if which.limit or which.filter else Which(limit=_FEW.limit)
    if watch:
        with connected(where) as client:
            _watch(client, chosen, where)
    else:
        show_all("/events", Noun.EVENT, COLUMNS, chosen, where)


def _watch(client: Client, which: Which, where: Where) -> None:
    """Print what is new whenever the stream says that something is; ends with Ctrl-C."""
    last = max((_number(row) for row in client.items("/events", most=1)), default=0)
    for _, notice in client.stream("/events/stream"):
        if notice.get("kind") in ("event", "resync"):
            rows = client.items("/events", query=which.filter, most=500)
            fresh = sorted((row for row in rows if _number(row) > last), key=_number)
            if fresh:
                last = _number(fresh[-1])
                show_list(fresh, COLUMNS, where.output)


def _number(row: Json) -> int:
    return int(row["number"])
