"""`anypool backup`: the manager's own records in one file."""

from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from anypool.cli.client import Json, key
from anypool.cli.connection import HERE, Format, Where, connected
from anypool.cli.output import Column, show_list, show_one
from anypool.cli.progress import progress
from anypool.cli.records import Output, PassphraseFile, passphrase
from anypool.cli.serve import State, settings_of
from anypool.cli.terminal import note
from anypool.cli.words import moment, size
from anypool.errors import Invalid

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
_KEPT = (
    Column("NAME", lambda kept: kept["name"]),
    Column("MADE AT", lambda kept: moment(kept["made_at"])),
    Column("SIZE", lambda kept: size(kept["bytes"])),
    Column("ROWS", lambda kept: kept["rows"]),
    Column("RELEASE", lambda kept: kept["release"]),
    Column("SCHEMA", lambda kept: kept["schema"]),
    Column("WRONG", lambda kept: kept["why"]),
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
    with_keys: Annotated[
        bool, Parameter(help="put the keys in, too, under a passphrase; needs --state")
    ] = False,
    passphrase_file: PassphraseFile = "",
    where: Where = HERE,
) -> None:
    """Write one moment of all records into a new file, while the manager works.

    It comes from the manager; with --state it is read from the database of that folder instead,
    whether a manager runs or not. It is read back before the file gets its name.
    """
    if state is None:
        if with_keys:
            hint = "give --state; a manager never hands its keys out"
            raise Invalid("the keys are only put in on the manager's machine", hint=hint)
        _receive("now", file, where)
        return
    from anypool import upkeep

    secret = passphrase(passphrase_file, new=True) if with_keys else ""
    with progress("rows") as report:
        done = upkeep.create_backup(settings_of(state, ""), file.absolute(), report, secret)
    _show_summary(upkeep.as_data(done), where.output)


@app.command(name="list")
def list_(*, where: Where = HERE) -> None:
    """List the backups in the manager's own folder, newest first, and say when the next is due."""
    with connected(where) as client:
        found = client.get("/backups")
    show_list(found["items"], _KEPT, where.output)
    if not found["folder"]:
        note("The manager takes none by itself: set backup_folder.")
    elif found["failed_at"]:
        note(f"The last attempt, {moment(found['failed_at'])}, failed: {found['why']}")
    if found["folder"]:
        note(f"The next is due {moment(found['next_at'])}, in {found['folder']} of the manager.")


@app.command
def run(*, where: Where = HERE) -> None:
    """Let the manager take a backup into its own folder now."""
    with connected(where) as client:
        show_one(client.post("/backups"), _KEPT, where.output)


@app.command
def fetch(name: str, file: Path, /, *, where: Where = HERE) -> None:
    """Fetch a backup from the manager's own folder into a new file, and verify it."""
    _receive(name, file, where)


@app.command
def verify(file: Path, /, *, output: Output = "table") -> None:
    """Read all of a backup; it ends with an error if the file was cut, altered or is none."""
    from anypool import upkeep

    with progress("rows") as report:
        done = upkeep.verify_backup(file, report)
    show_one(upkeep.as_data(done), _SUMMARY, output)


def _receive(name: str, file: Path, where: Where) -> None:
    from anypool import upkeep

    with connected(where) as client, progress("rows") as report:
        pieces = client.pieces(f"/backups/{key(name)}/content")
        done = upkeep.receive_backup(file.absolute(), pieces, report)
    _show_summary(upkeep.as_data(done), where.output)


def _show_summary(found: Json, output: Format) -> None:
    """Show what was written, and say what is not in it."""
    show_one(found, _SUMMARY, output)
    if not found["with_keys"]:
        note(KEYS)
