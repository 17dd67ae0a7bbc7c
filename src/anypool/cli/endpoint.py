"""`anypool endpoint`: the addresses through which hosts are managed."""

from typing import Annotated

from cyclopts import App, Parameter

from anypool.cli.client import Client, Json, key
from anypool.cli.connection import HERE, Where, connected
from anypool.cli.follow import follow
from anypool.cli.joining import add, look
from anypool.cli.lists import EVERY, Which, show_all, show_single
from anypool.cli.output import Column, show_list
from anypool.cli.pool import Switch, switched
from anypool.cli.preview import show_plan
from anypool.cli.terminal import confirm, note
from anypool.cli.words import moment
from anypool.errors import Invalid
from anypool.search import Noun

app = App(name="endpoint", help="Endpoints: the addresses through which hosts are managed.")

Tracelessly = Annotated[
    bool, Parameter(help="before, take away what anypool wrote there: markers, words in VMs")
]
Preview = Annotated[bool, Parameter(help="only show what --leave-no-trace would take away")]
TRACES = (
    Column("KIND", lambda trace: trace["kind"]),
    Column("NAME", lambda trace: trace["name"]),
    Column("PLACE", lambda trace: trace["place"]),
)
COLUMNS = (
    Column("ID", lambda endpoint: endpoint["id"]),
    Column("DRIVER", lambda endpoint: endpoint["driver"]),
    Column("STATE", lambda endpoint: endpoint["state"]),
    Column("URI", lambda endpoint: endpoint["uri"]),
    Column("SEEN", lambda endpoint: moment(endpoint["seen_at"])),
    Column("MESSAGE", lambda endpoint: endpoint["message"]),
    Column("POOL", lambda endpoint: endpoint["pool"], wide=True),
    Column("OBSERVE ONLY", lambda endpoint: endpoint["observe_only"], wide=True),
    Column("UNREAD SINCE RESTORE", lambda endpoint: endpoint["unread"], wide=True),
)


@app.command(name="list")
def list_(*, which: Which = EVERY, where: Where = HERE) -> None:
    """List endpoints and how the conversation with each goes."""
    show_all("/endpoints", Noun.ENDPOINT, COLUMNS, which, where)


app.command(add)
app.command(look)


@app.command
def show(name: str, /, *, where: Where = HERE) -> None:
    """Show one endpoint."""
    show_single("/endpoints", name, tuple(Column(c.title, c.value) for c in COLUMNS), where)


@app.command(name="set")
def set_(
    name: str,
    /,
    *,
    observe_only: Switch = None,
    pool: Annotated[str, Parameter(help="pool to bring it to")] = "",
    where: Where = HERE,
) -> None:
    """Let an endpoint be looked at only, or operated; or bring it to another pool.

    An endpoint in a pool that is observe-only stays so whatever its own switch says.
    """
    body: Json = switched(observe_only) | ({"pool": pool} if pool else {})
    if not body:
        raise Invalid("nothing to change", hint="such as --observe-only true")
    with connected(where) as client:
        columns = tuple(Column(c.title, c.value) for c in COLUMNS)
        show_list([client.patch(f"/endpoints/{key(name)}", body)], columns, where.output)


@app.command
def remove(
    name: str,
    /,
    *,
    yes: Annotated[bool, Parameter(name=("--yes", "-y"), help="agree beforehand")] = False,
    leave_no_trace: Tracelessly = False,
    dry_run: Preview = False,
    where: Where = HERE,
) -> int:
    """Stop managing everything behind an endpoint; VMs run on, untouched."""
    with connected(where) as client:
        if dry_run:
            show_plan(client, erase(client, name, dry_run=True), where.output)
            return 0
        confirm(f"Stop managing everything behind {name}? VMs stay as they are.", yes=yes)
        if leave_no_trace and (code := erased(client, name)) != 0:
            return code
        client.delete(f"/endpoints/{key(name)}")
        note(f"endpoint {name} is not managed any more")
        return 0


@app.command
def traces(name: str, /, *, where: Where = HERE) -> None:
    """List what anypool wrote behind an endpoint, apart from what it was asked to make."""
    with connected(where) as client:
        show_list(client.get(f"/endpoints/{key(name)}/traces")["items"], TRACES, where.output)


def erase(client: Client, name: str, *, dry_run: bool) -> Json:
    """Plan to take away what was written behind an endpoint, and begin unless it is a preview."""
    return client.post(f"/endpoints/{key(name)}/erase-traces", dry_run=dry_run)


def erased(client: Client, name: str) -> int:
    """Take away what was written behind an endpoint; return 0 when it is done."""
    if not client.get(f"/endpoints/{key(name)}/traces")["items"]:
        return 0
    return follow(client, str(erase(client, name, dry_run=False)["operation"]["id"]))
