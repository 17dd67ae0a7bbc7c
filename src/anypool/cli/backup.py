"""`anypool backup`: the manager's own records in one file."""

from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from anypool.cli.client import Json
from anypool.cli.output import Column, show_one
from anypool.cli.progress import progress
from anypool.cli.records import Output
from anypool.cli.serve import State, settings_of
from anypool.cli.terminal import note
from anypool.cli.words import moment, size

app = App(name="backup", help="Backups of the manager's own records.")

_SUMMARY = (
    Column("FILE", lambda found: found["file"]),
    Column("SIZE", lambda found: size(found["bytes"])),
    Column("MADE AT", lambda found: moment(found["made_at"])),
    Column("RELEASE", lambda found: found["release"]),
    Column("SCHEMA", lambda found: found["schema"]),
    Column("DATABASE", lambda found: found["database"]),
    Column("TABLES", lambda found: found["tables"]),
    Column("ROWS", lambda found: found["rows"]),
    Column("WITH KEYS", lambda found: found["with_keys"]),
)
KEYS = (
    "The keys are not in it: keep the files *.key and *.key.audit of the state folder (secrets.key "
    "with PostgreSQL) elsewhere, too. Without them passwords cannot be read."
)


@app.command
def create(
    file: Annotated[Path, Parameter(help="a new file; one that is there is not written over")],
    /,
    *,
    state: State = None,
    output: Output = "table",
) -> None:
    """Write one moment of all records into a new file, while the manager runs or not.

    Reads the database itself, of this machine's state folder or of --state. What is written is
    read back before the file gets its name.
    """
    from anypool import upkeep

    with progress("rows") as report:
        done = upkeep.create_backup(settings_of(state, ""), file.absolute(), report)
    show_summary(upkeep.as_data(done), output)


@app.command
def verify(file: Path, /, *, output: Output = "table") -> None:
    """Read all of a backup; it ends with an error if the file was cut, altered or is none."""
    from anypool import upkeep

    with progress("rows") as report:
        done = upkeep.verify_backup(file, report)
    show_one(upkeep.as_data(done), _SUMMARY, output)


def show_summary(found: Json, output: Output) -> None:
    """Show what was written, and say what is not in it."""
    show_one(found, _SUMMARY, output)
    if not found["with_keys"]:
        note(KEYS)
