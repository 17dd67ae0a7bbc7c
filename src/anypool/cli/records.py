"""`anypool restore` and `anypool db`: the records themselves, on this machine."""

from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter
from msgspec.structs import replace

from anypool import settings
from anypool.cli.client import Json
from anypool.cli.connection import Format
from anypool.cli.output import Column, show_one
from anypool.cli.progress import progress
from anypool.cli.serve import settings_of
from anypool.cli.terminal import note
from anypool.settings import Settings

app = App(name="db", help="The database that the manager keeps its records in.")

Output = Annotated[Format, Parameter(name=("--output", "-o"), help="how the result is shown")]
_BROUGHT = (
    Column("DATABASE", lambda done: done["place"]),
    Column("ROWS", lambda done: done["rows"]),
    Column("TABLES", lambda done: done["tables"]),
    Column("SCHEMA", lambda done: done["schema"]),
)
_RESTORED = (
    *_BROUGHT,
    Column("ENDPOINTS TO READ", lambda done: done["endpoints"]),
    Column("OPERATIONS INTERRUPTED", lambda done: done["runs"]),
)


def restore(
    file: Annotated[Path, Parameter(help="what `anypool backup create` wrote")],
    /,
    *,
    to: Annotated[str, Parameter(help="a state folder, or the address of a database")],
    replace: Annotated[bool, Parameter(help="lose the records that are there now")] = False,
    output: Output = "table",
) -> None:
    """Bring the manager's records back from a backup, into a state folder or database.

    No manager may run there. Until the last moment everything stays as it was. Afterwards each
    endpoint is only read from until it was read whole once.
    """
    from anypool import upkeep

    target = place(to)
    with progress("rows") as report:
        done = upkeep.as_data(upkeep.restore_backup(file, target, report, replace=replace))
    show_one(done, _RESTORED, output)
    _say_keys(done)
    if done["endpoints"]:
        note("Nothing is changed behind an endpoint before it was read again, which a start does.")


@app.command
def move(
    source: Annotated[str, Parameter(help="a state folder, or the address of a database")],
    target: Annotated[str, Parameter(help="the same, empty or not there yet")],
    /,
    *,
    output: Output = "table",
) -> None:
    """Copy all records into an empty database, SQLite or PostgreSQL, and compare every row.

    No manager may run on either. The source stays as it is; start the manager on one only.
    """
    from anypool import upkeep

    with progress("rows") as report:
        done = upkeep.as_data(upkeep.move_records(place(source), place(target), report))
    show_one(done, _BROUGHT, output)
    note("Every row was read back and compared. The source is unchanged: start no manager on it.")
    _say_keys(done)


def place(text: str) -> Settings:
    """Return the settings of records: of a state folder, or of this machine with a database."""
    if "://" in text:
        return replace(settings.load(), database=text)
    return settings_of(Path(text), "")


def _say_keys(done: Json) -> None:
    missing = done["missing"]
    if missing:
        note(
            "Keys are kept apart from records. Put these files back from where you keep them, "
            f"before a manager starts: {', '.join(missing)}"
        )
