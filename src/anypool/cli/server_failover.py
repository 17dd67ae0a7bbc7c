"""`anypool server fail-over`, `coverage`: spares take over the profiles of servers that failed."""

from typing import Annotated

from cyclopts import Parameter

from anypool.cli.client import Json, key
from anypool.cli.connection import HERE, Where, connected
from anypool.cli.deeds import PLAINLY, How, do
from anypool.cli.output import Column, show_list

COLUMNS = (
    Column("SERVER", lambda one: one["server"]),
    Column("PROFILE", lambda one: one["profile"]),
    Column("SPARE", lambda one: one["spare"] or "NONE"),
    Column("EMPTIES", lambda one: f"{one['empties']} VMs" if one["empties"] else ""),
    Column("ALL AT ONCE", lambda one: one["together"] or "none"),
    Column("BY ITSELF", lambda one: one["failover"]),
    Column("STATE", lambda one: one["told"]),
    Column("POOL", lambda one: one["pool"], wide=True),
    Column("WHY NOT OTHERS", lambda one: "; ".join(f"{a}: {b}" for a, b in one["refused"]),
           wide=True),
)  # fmt: skip


def fail_over(
    server: str,
    /,
    *,
    to: Annotated[
        str, Parameter(help="a server, or a slot such as bx1/3; else the best spare")
    ] = "",
    dead: Annotated[
        str,
        Parameter(help="you say that it is dead, and why; for a server whose BMC is silent"),
    ] = "",
    how: How = PLAINLY,
    where: Where = HERE,
) -> int:
    """Bring the profile of a failed server to a spare, which is emptied first if need be.

    The server is switched off by force and seen to be off before anything else is done.
    """
    path = f"/servers/{key(server)}/fail-over"
    body: Json = {name: value for name, value in (("to", to), ("dead", dead)) if value}
    question = f"Switch {server} off by force and bring its profile to a spare?"
    return do(
        where, how, lambda client, dry: client.post(path, body, dry_run=dry), question=question
    )


def coverage(
    *,
    pool: Annotated[str, Parameter(help="of one pool alone")] = "",
    where: Where = HERE,
) -> None:
    """Show which servers are covered by which spare, and which are not."""
    with connected(where) as client:
        found = client.get("/coverage", **({"pool": pool} if pool else {}))
        show_list(found["items"], COLUMNS, where.output)


COMMANDS = (fail_over, coverage)
