"""`anypool resync`: what is read-only after a restore from a backup, and until when."""

from typing import Annotated

from cyclopts import App, Parameter

from anypool.cli.client import Json, key
from anypool.cli.connection import HERE, Where, connected
from anypool.cli.output import Column, show_list
from anypool.cli.terminal import confirm, note
from anypool.cli.words import moment

app = App(name="resync", help="After a restore: what must be read before it is operated again.")

COLUMNS = (
    Column("ENDPOINT", lambda one: one["endpoint"]),
    Column("STATE", lambda one: one["state"]),
    Column("SEEN", lambda one: moment(one["seen_at"])),
    Column("MESSAGE", lambda one: one["message"]),
    Column("VOUCHED BY", lambda one: one["vouched_by"]),
)


@app.command
def show(*, where: Where = HERE) -> None:
    """Show which endpoints are read-only since a restore because they were not read whole yet."""
    with connected(where) as client:
        found = client.get("/resync")
        _say(found)
        show_list(found["awaited"], COLUMNS, where.output)


@app.command
def vouch(
    endpoint: str,
    /,
    *,
    yes: Annotated[bool, Parameter(name=("--yes", "-y"), help="agree beforehand")] = False,
    where: Where = HERE,
) -> None:
    """Say that you looked and no VM runs behind an endpoint that cannot be read.

    It stays read-only. VMs that may have moved there since the backup can be started
    elsewhere from now on: if you are wrong, a VM may run twice.
    """
    with connected(where) as client:
        confirm(f"Is it certain that no VM runs behind {endpoint}?", yes=yes)
        found = client.post(f"/resync/endpoints/{key(endpoint)}/vouch")
        show_list(found["awaited"], COLUMNS, where.output)


def _say(found: Json) -> None:
    if found["restored_at"] is None:
        note("these records were never restored from a backup")
        return
    note(f"restored {moment(found['restored_at'])} from a backup of {moment(found['backup_at'])}")
    if found["ended_at"] is not None:
        note(f"all {found['endpoints']} endpoints were read by {moment(found['ended_at'])}")
    else:
        left = len(found["awaited"])
        note(f"{left} of {found['endpoints']} endpoints are read-only until they are read whole")
    for operation in found["interrupted"]:
        note(f"interrupted, look first: anypool operation show {operation}")
