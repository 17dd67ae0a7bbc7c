"""`anypool restore` and `anypool db`: the records themselves, on this machine."""

from dataclasses import dataclass
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
from anypool.cli.terminal import asks, note, read_secret
from anypool.errors import Invalid
from anypool.settings import Settings

app = App(name="db", help="The database that the manager keeps its records in.")

PassphraseFile = Annotated[
    str, Parameter(help="file with the passphrase of the keys, - for standard input")
]
Output = Annotated[Format, Parameter(name=("--output", "-o"), help="how the result is shown")]


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class FromBackup:
    """What becomes of keys that are in a backup."""

    without_keys: Annotated[bool, Parameter(help="leave out the keys that are in the backup")] = (
        False
    )
    passphrase_file: PassphraseFile = ""


WITH_KEYS = FromBackup()
"""What holds when no option says otherwise."""
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
    keys: FromBackup = WITH_KEYS,
    output: Output = "table",
) -> None:
    """Bring the manager's records back from a backup, into a state folder or database.

    No manager may run there. Until the last moment everything stays as it was. Afterwards each
    endpoint is only read from until it was read whole once.
    """
    from anypool import upkeep

    target = place(to)
    secret = (
        "" if keys.without_keys or not upkeep.has_keys(file) else passphrase(keys.passphrase_file)
    )
    with progress("rows") as report:
        done = upkeep.as_data(
            upkeep.restore_backup(file, target, report, replace=replace, passphrase=secret)
        )
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


def passphrase(source: str, *, new: bool = False) -> str:
    """Return the passphrase of keys in a backup, from a file or typed; twice if it is `new`."""
    if not source and not asks():
        raise Invalid(
            "the passphrase of the keys is needed",
            hint="use --passphrase-file FILE, or - for standard input"
            + ("" if new else "; or --without-keys to put the key files back yourself"),
        )
    typed = read_secret(source, "Passphrase of the keys")
    if new and not source and read_secret(source, "Once more") != typed:
        raise Invalid("these are two different passphrases", hint="try again")
    return typed


def place(text: str) -> Settings:
    """Return the settings of records: of a state folder, or of this machine with a database."""
    if "://" in text:
        return replace(settings.load(), database=text)
    return settings_of(Path(text), "")


def _say_keys(done: Json) -> None:
    missing = done["missing"]
    if missing:
        note(
            "Keys are kept apart from records, and these files are not there or do not fit. Put "
            f"them back from where you keep them, before a manager starts: {', '.join(missing)}"
        )
