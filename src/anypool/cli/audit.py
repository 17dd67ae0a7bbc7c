"""`anypool audit`: who did what, and whether that is still what was written."""

import json
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from anypool.cli.connection import HERE, Where, connected
from anypool.cli.lists import Which, show_all, show_single
from anypool.cli.output import Column, show_one
from anypool.cli.terminal import confirm, note
from anypool.cli.words import moment
from anypool.errors import Conflict
from anypool.search import Noun

app = App(name="audit", help="The audit trail: who did what.")

COLUMNS = (
    Column("NUMBER", lambda row: row["number"]),
    Column("AT", lambda row: moment(row["at"])),
    Column("WHO", lambda row: row["who"]),
    Column("DEED", lambda row: row["deed"]),
    Column("OUTCOME", lambda row: row["outcome"]),
    Column("OBJECT", lambda row: f"{row['object_kind']} {row['object_id']}".strip()),
    Column("DETAIL", lambda row: row["detail"]),
    Column("ROLE", lambda row: row["role"], wide=True),
    Column("PROOF", lambda row: row["proof"], wide=True),
    Column("PLAN", lambda row: row["plan"], wide=True),
    Column("OPERATION", lambda row: row["operation"], wide=True),
    Column("REQUEST", lambda row: row["request"], wide=True),
)
ALL = (*(Column(c.title, c.value) for c in COLUMNS), Column("HASH", lambda row: row["hash"]))
_VERDICT = (
    Column("SOUND", lambda found: found["sound"]),
    Column("ROWS", lambda found: found["rows"]),
    Column("UNPROVEN", lambda found: found["unproven"]),
    Column("NEWEST ROW", lambda found: found["head"]),
    Column("ITS HASH", lambda found: found["head_hash"]),
    Column("ITS TIME", lambda found: moment(found["head_at"])),
)
_FEW = Which(limit=50)


@app.command(name="list")
def list_(*, which: Which = _FEW, where: Where = HERE) -> None:
    """List what was done, newest first; 50 rows unless --limit says otherwise."""
    chosen = which if which.limit or which.filter else _FEW
    show_all("/audit", Noun.AUDIT, COLUMNS, chosen, where)


@app.command
def show(number: int, /, *, where: Where = HERE) -> None:
    """Show one row, by its number."""
    show_single("/audit", str(number), ALL, where)


@app.command
def verify(*, where: Where = HERE) -> None:
    """Verify the whole trail; it ends with an error if a row was changed, removed or cut off."""
    with connected(where) as client:
        found = client.get("/audit/verdict")
        show_one(found, _VERDICT, where.output)
        if not found["sound"]:
            raise Conflict(
                f"the audit trail does not hold at row {found['broken_at']}: {found['why']}",
                hint="compare with an export or a backup; docs/howto/audit.md says what it means",
            )


@app.command
def rotate_key(
    *,
    yes: Annotated[bool, Parameter(name=("--yes", "-y"), help="agree beforehand")] = False,
    where: Where = HERE,
) -> None:
    """Chain the trail with another key from now on; old rows keep theirs, and stay verifiable."""
    with connected(where) as client:
        confirm("Chain the audit trail with another key from now on?", yes=yes)
        first = client.post("/audit/rotate-key")["first_row"]
        note(f"another key chains the trail, from row {first} on; back its file up")


@app.command
def export(file: Path, /, *, where: Where = HERE) -> None:
    """Write the whole trail into a new file, a line of JSON for each row, oldest first."""
    with connected(where) as client:
        rows = list(client.items("/audit"))
        with file.open("x", encoding="utf-8") as out:
            out.writelines(json.dumps(row, sort_keys=True) + "\n" for row in reversed(rows))
        note(f"{len(rows)} rows written to {file}")
