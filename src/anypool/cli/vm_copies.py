"""`anypool vm copies` and `remove-copy`: VMs that several hosts know."""

from typing import Annotated

from cyclopts import Parameter

from anypool.cli.client import key
from anypool.cli.connection import HERE, Where, connected
from anypool.cli.deeds import PLAINLY, How, do
from anypool.cli.output import Column, show_list

Copied = Annotated[str, Parameter(help="the host whose copy is forgotten")]

COLUMNS = (
    Column("VM", lambda one: one["vm_name"]),
    Column("HOST", lambda one: one["host_name"]),
    Column("STATE", lambda one: one["state"]),
    Column("COUNTS", lambda one: "yes" if one["counts"] else "no"),
    Column("WHY", lambda one: one["why"]),
    Column("REMOVE", lambda one: (one["kept"] and f"no: {one['kept']}") or "yes"),
    Column("ID", lambda one: one["vm"], wide=True),
)


def copies(name: str | None = None, /, *, where: Where = HERE) -> None:
    """Show on which hosts VMs are known more than once, or all copies of one VM."""
    with connected(where) as client:
        query = {} if name is None else {"vm": name}
        show_list(client.get("/copies", **query)["items"], COLUMNS, where.output)


def remove_copy(name: str, /, *, host: Copied, how: How = PLAINLY, where: Where = HERE) -> int:
    """Forget the stopped copy of a VM on one host, while another has it; its disks stay."""
    path, body = f"/vms/{key(name)}/remove-copy", {"host": host}
    return do(
        where,
        how,
        lambda client, dry: client.post(path, body, dry_run=dry),
        question=f"Forget the copy of {name} on {host}? Its disks stay.",
    )
