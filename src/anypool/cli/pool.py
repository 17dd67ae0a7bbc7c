"""`anypool pool`: hosts that are managed together, and whether they may only be looked at."""

from typing import Annotated, Literal

from cyclopts import App, Parameter

from anypool.cli import (
    pool_consolidate,
    pool_failures,
    pool_hardware,
    pool_maintain,
    pool_power,
)
from anypool.cli.client import Json, key
from anypool.cli.connection import HERE, Where, connected
from anypool.cli.deeds import PLAINLY, How, do
from anypool.cli.lists import EVERY, Which, show_all, show_single
from anypool.cli.output import Column, show_list
from anypool.cli.terminal import confirm, note
from anypool.errors import Invalid
from anypool.search import Noun

app = App(name="pool", help="Pools: hosts that are managed together.")
app.command(pool_failures.what_if)
app.command(pool_failures.rehearse)
app.command(pool_failures.death_map)
app.command(pool_failures.capacity)
app.command(pool_maintain.maintain)
app.command(pool_consolidate.consolidate)
app.command(pool_hardware.hardware)
app.command(pool_power.save_power)

Switch = Annotated[
    Literal["true", "false"] | None,
    Parameter(help="true: look and change nothing; false: operate"),
]
COLUMNS = (
    Column("NAME", lambda pool: pool["id"]),
    Column("OBSERVE ONLY", lambda pool: pool["observe_only"]),
    Column("HOSTS", lambda pool: pool["hosts"]),
    Column("VMS", lambda pool: pool["vms"]),
    Column("DESCRIPTION", lambda pool: pool["description"]),
    Column("ENDPOINTS", lambda pool: pool["endpoints"], wide=True),
    Column("UNREAD SINCE RESTORE", lambda pool: pool["unread"], wide=True),
)
ALL = (
    *(Column(column.title, column.value) for column in COLUMNS),
    Column("FAILOVER", lambda pool: [one["why"] for one in pool["failover"]]),
)


@app.command(name="list")
def list_(*, which: Which = EVERY, where: Where = HERE) -> None:
    """List pools."""
    show_all("/pools", Noun.POOL, COLUMNS, which, where)


@app.command
def show(name: str, /, *, where: Where = HERE) -> None:
    """Show one pool."""
    show_single("/pools", name, ALL, where)


@app.command
def add(
    name: str,
    /,
    *,
    description: Annotated[str, Parameter(help="in words")] = "",
    observe_only: Annotated[bool, Parameter(help="look and change nothing")] = False,
    where: Where = HERE,
) -> None:
    """Add an empty pool; hosts join it with `anypool host add URI --pool NAME`."""
    body: Json = {"name": name, "description": description, "observe_only": observe_only}
    with connected(where) as client:
        show_list([client.post("/pools", body)], COLUMNS, where.output)


@app.command(name="set")
def set_(
    name: str,
    /,
    *,
    observe_only: Switch = None,
    description: Annotated[str | None, Parameter(help="in words")] = None,
    where: Where = HERE,
) -> None:
    """Let a pool be looked at only, let it be operated again, or describe it.

    Being looked at only begins when no operation works in the pool: it is refused before.
    """
    body: Json = {} if description is None else {"description": description}
    body |= switched(observe_only)
    if not body:
        raise Invalid("nothing to change", hint="such as --observe-only true")
    with connected(where) as client:
        show_list([client.patch(f"/pools/{key(name)}", body)], COLUMNS, where.output)


@app.command
def remove(
    name: str,
    /,
    *,
    yes: Annotated[bool, Parameter(name=("--yes", "-y"), help="agree beforehand")] = False,
    where: Where = HERE,
) -> None:
    """Forget a pool in which there is no endpoint."""
    with connected(where) as client:
        confirm(f"Forget the pool {name}?", yes=yes)
        client.delete(f"/pools/{key(name)}")
        note(f"there is no pool {name} any more")


@app.command
def sample(
    *,
    remove: Annotated[bool, Parameter(help="take it away, with everything in it")] = False,
    where: Where = HERE,
) -> None:
    """Make a pool `sample` of simulated hosts and VMs to look around with; nothing is real."""
    with connected(where) as client:
        if remove:
            client.delete("/sample")
            note("the sample pool is gone")
            return
        made = client.post("/sample")
        note(f"a pool sample with {made['hosts']} simulated hosts and {made['vms']} VMs")


@app.command
def balance(name: str, /, *, how: How = PLAINLY, where: Where = HERE) -> int:
    """Move VMs so that the hosts of a pool are alike; nothing moves that is not worth it."""
    path = f"/pools/{key(name)}/balance"
    return do(where, how, lambda client, dry: client.post(path, dry_run=dry))


def switched(observe_only: str | None) -> Json:
    """Return the switch as the API wants it, nothing if it was not named."""
    return {} if observe_only is None else {"observe_only": observe_only == "true"}
