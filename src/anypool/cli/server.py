"""`anypool server`: physical machines, whether or not they run VMs."""

from dataclasses import dataclass
from typing import Annotated

from cyclopts import App, Parameter

from anypool.cli import server_bmc, server_failover, server_hearing, server_host
from anypool.cli.client import Json, key
from anypool.cli.connection import HERE, Where, connected
from anypool.cli.host import retag
from anypool.cli.lists import EVERY, Which, show_all, show_single
from anypool.cli.output import Column, show_list
from anypool.cli.server_discover import discover
from anypool.cli.words import mib
from anypool.errors import Invalid
from anypool.search import Noun

app = App(name="server", help="Servers: physical machines, whether or not they run VMs.")
for _command in (
    discover,
    *server_bmc.COMMANDS,
    *server_failover.COMMANDS,
    *server_hearing.COMMANDS,
    *server_host.COMMANDS,
):
    app.command(_command)


def _ports(server: Json) -> str:
    """Return the ports by adapter: what they use, and the permanent address where it differs."""
    return "; ".join(
        f"{adapter['kind']} {port['id']} {_address(port)}"
        for adapter in server["adapters"]
        for port in adapter["ports"]
    )


def _address(port: Json) -> str:
    own = port["permanent"]
    used = str(port["address"] or own or "?")
    return used if own in ("", used) else f"{used} (own {own})"


def _place(server: Json) -> str:
    return "/".join(filter(None, (server["chassis"], server["slot"])))


COLUMNS = (
    Column("NAME", lambda one: one["name"]),
    Column("POWER", lambda one: one["power"]),
    Column("HEALTH", lambda one: one["health"]),
    Column("PLACE", _place),
    Column("MODEL", lambda one: " ".join(filter(None, (one["vendor"], one["model"])))),
    Column("CPUS", lambda one: one["cpus"]),
    Column("MEMORY", lambda one: mib(one["memory_mib"])),
    Column("BEARS", lambda one: one["bears"] or one["entered"]),
    Column("HOST", lambda one: one["host"]),
    Column("SPARE", lambda one: one["spare"]),
    Column("ADOPTION", lambda one: one["adoption"], wide=True),
    Column("TAGS", lambda one: one["tags"], wide=True),
    Column("POOL", lambda one: one["pool"], wide=True),
    Column("SERIAL", lambda one: one["serial"], wide=True),
    Column("ENDPOINT", lambda one: one["endpoint"], wide=True),
    Column("ID", lambda one: one["id"], wide=True),
)
ALL = (
    *(Column(column.title, column.value) for column in COLUMNS),
    Column("CPU MODEL", lambda one: one["cpu_model"]),
    Column("SOCKETS", lambda one: one["sockets"]),
    Column("ARCH", lambda one: one["arch"]),
    Column("PORTS", _ports),
    Column("ABILITIES", lambda one: one["abilities"]),
    Column("FIRMWARE", lambda one: one["firmware"]),
)


@app.command(name="list")
def list_(*, which: Which = EVERY, where: Where = HERE) -> None:
    """List physical servers."""
    show_all("/servers", Noun.SERVER, COLUMNS, which, where)


@app.command
def show(name: str, /, *, where: Where = HERE) -> None:
    """Show one server, by name or id, with its ports."""
    show_single("/servers", name, ALL, where)


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Said:
    """What to say anew of a server; what is not given stays."""

    spare: Annotated[
        bool | None, Parameter(help="whether it may take over a profile", negative="--no-spare")
    ] = None
    adoption: Annotated[str | None, Parameter(help="found, adopted or ignored")] = None
    name: Annotated[str | None, Parameter(help="the name it is shown by")] = None
    chassis: Annotated[str | None, Parameter(help="the chassis it stands in")] = None
    slot: Annotated[str | None, Parameter(help="its slot there")] = None


NOTHING = Said()


@app.command(name="set")
def set_(server: str, /, *, said: Said = NOTHING, where: Where = HERE) -> None:
    """Say whether a server is a spare, whether it is ours, its name, and where it stands."""
    body = {name: value for name, value in vars(said).items() if value is not None}
    if not body:
        raise Invalid("nothing is said", hint="such as --spare, or --chassis bx1 --slot 3")
    with connected(where) as client:
        show_list([client.patch(f"/servers/{key(server)}", body)], COLUMNS, where.output)


@app.command
def tag(
    name: str,
    /,
    *tags: Annotated[str, Parameter(help="TAG adds it, ^TAG takes it away")],
    where: Where = HERE,
) -> None:
    """Add tags to a server, or take away those given as `^TAG`."""
    retag("/servers", name, tags, where)
