"""`anypool endpoint`: the addresses through which hosts are managed."""

from typing import Annotated

from cyclopts import App, Parameter

from anypool.cli.client import key
from anypool.cli.connection import HERE, Where, connected
from anypool.cli.lists import EVERY, Which, show_all, show_single
from anypool.cli.output import Column
from anypool.cli.terminal import confirm, note
from anypool.cli.words import moment
from anypool.search import Noun

app = App(name="endpoint", help="Endpoints: the addresses through which hosts are managed.")

COLUMNS = (
    Column("ID", lambda endpoint: endpoint["id"]),
    Column("DRIVER", lambda endpoint: endpoint["driver"]),
    Column("STATE", lambda endpoint: endpoint["state"]),
    Column("URI", lambda endpoint: endpoint["uri"]),
    Column("SEEN", lambda endpoint: moment(endpoint["seen_at"])),
    Column("MESSAGE", lambda endpoint: endpoint["message"]),
    Column("POOL", lambda endpoint: endpoint["pool"], wide=True),
)


@app.command(name="list")
def list_(*, which: Which = EVERY, where: Where = HERE) -> None:
    """List endpoints and how the conversation with each goes."""
    show_all("/endpoints", Noun.ENDPOINT, COLUMNS, which, where)


@app.command
def show(name: str, /, *, where: Where = HERE) -> None:
    """Show one endpoint."""
    show_single("/endpoints", name, tuple(Column(c.title, c.value) for c in COLUMNS), where)


@app.command
def remove(
    name: str,
    /,
    *,
    yes: Annotated[bool, Parameter(name=("--yes", "-y"), help="agree beforehand")] = False,
    where: Where = HERE,
) -> None:
    """Stop managing everything behind an endpoint; VMs run on, untouched."""
    with connected(where) as client:
        confirm(f"Stop managing everything behind {name}? VMs stay as they are.", yes=yes)
        client.delete(f"/endpoints/{key(name)}")
        note(f"endpoint {name} is not managed any more")
