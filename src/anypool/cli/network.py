"""`anypool network`: what VMs are attached to."""

from cyclopts import App

from anypool.cli.connection import HERE, Where
from anypool.cli.lists import EVERY, Which, show_all, show_single
from anypool.cli.output import Column
from anypool.search import Noun

app = App(name="network", help="Networks: what VMs are attached to.")

COLUMNS = (
    Column("NAME", lambda net: net["name"]),
    Column("KIND", lambda net: net["kind"]),
    Column("BRIDGE", lambda net: net["bridge"]),
    Column("HOSTS", lambda net: net["hosts"]),
    Column("TAGS", lambda net: net["tags"], wide=True),
    Column("ID", lambda net: net["id"], wide=True),
)


@app.command(name="list")
def list_(*, which: Which = EVERY, where: Where = HERE) -> None:
    """List networks."""
    show_all("/networks", Noun.NETWORK, COLUMNS, which, where)


@app.command
def show(name: str, /, *, where: Where = HERE) -> None:
    """Show one network, by name or id."""
    show_single("/networks", name, tuple(Column(c.title, c.value) for c in COLUMNS), where)
