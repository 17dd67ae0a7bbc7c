"""`anypool ha incidents` and `anypool ha incident`: what happened at 03:12, and why."""

import json
import re
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from anypool.cli.client import Client, Json, key
from anypool.cli.connection import HERE, Where, connected
from anypool.cli.output import Column, show_list, show_one
from anypool.cli.terminal import clean, note
from anypool.cli.words import moment
from anypool.errors import Invalid, NotFound

INCIDENTS = (
    Column("INCIDENT", lambda one: one["id"]),
    Column("POLICY", lambda one: one["policy"]),
    Column("BEGAN", lambda one: moment(one["began_at"])),
    Column("ENDED", lambda one: moment(one["ended_at"]) if one["ended_at"] else "goes on"),
)
LINES = (
    Column("AT", lambda one: precise(one["at"])),
    Column("WHAT", lambda one: one["what"]),
    Column("MESSAGE", lambda one: one["message"]),
    Column("SOURCE", lambda one: one["source"]),
    Column("SUBJECT", lambda one: one["subject"], wide=True),
    Column("PLAN", lambda one: one["plan"], wide=True),
    Column("OPERATION", lambda one: one["operation"], wide=True),
)
DEATHS = (
    Column("DEAD HOST", lambda one: one["host_name"]),
    Column("PROVEN", lambda one: precise(one["at"])),
    Column("PROOF", lambda one: one["why"]),
    Column("VMS STARTED", lambda one: len(one["rested"])),
    Column("COVERS", lambda one: one["covers"], wide=True),
    Column("NOT", lambda one: one["covers_not"], wide=True),
)
_TIME = re.compile(r"(\d{1,2}):(\d{2})(?::(\d{2}))?")
At = Annotated[
    str, Parameter(help="a moment: `03:12`, the last one there was, or `2026-11-26 03:12`")
]


def incidents(*, at: At = "", where: Where = HERE) -> None:
    """List incidents: since when hosts or VMs were in trouble, and until when."""
    with connected(where) as client:
        found = _found(client, at)
    show_list(found, INCIDENTS, where.output)


def incident(
    name: Annotated[str, Parameter(help="of `anypool ha incidents`; the newest if left out")] = "",
    /,
    *,
    at: At = "",
    export: Annotated[
        Path | None, Parameter(help="write it to a file: `.json`, or `.md` for people")
    ] = None,
    where: Where = HERE,
) -> None:
    """Show an incident: every observation, decision, proof and deed, with its source."""
    if export is not None and export.suffix not in (".json", ".md"):
        raise Invalid(f"{export} is neither .json nor .md", hint="such as --export incident.md")
    with connected(where) as client:
        chosen = name or _newest(client, at)
        line: Json = client.get(f"/ha/incidents/{key(chosen)}")
        deaths = client.get(f"/ha/incidents/{key(chosen)}/certificates")["items"]
    line["certificates"] = deaths
    if export is not None:
        text = json.dumps(line, indent=2) if export.suffix == ".json" else markdown(line)
        try:
            export.write_text(text + "\n", encoding="utf-8")
        except OSError as error:
            raise Invalid(f"{export} cannot be written: {error.strerror}") from error
        note(f"{len(line['entries'])} lines written to {export}")
        return
    if where.output not in ("table", "wide"):
        show_one(line, (), where.output)
        return
    show_one(line["incident"], INCIDENTS, where.output)
    show_list(line["entries"], LINES, where.output)
    if deaths:
        show_list(deaths, DEATHS, where.output)
    if not line["whole"]:
        note("there is more than is shown: `anypool event list` has all of it")


def _newest(client: Client, at: str) -> str:
    found = _found(client, at)
    if not found:
        when = f" at {at}" if at else ""
        raise NotFound(f"there was no incident{when}", hint="`anypool ha incidents` shows them")
    return str(found[0]["id"])


def _found(client: Client, at: str) -> list[Json]:
    when: object = seconds(at, datetime.now().astimezone()) if at else ""
    found: list[Json] = client.get("/ha/incidents", at=when)["items"]
    return found


def seconds(text: str, now: datetime) -> float:
    """Return a moment in seconds since 1970; a mere time of day is the last one there was."""
    if (match := _TIME.fullmatch(text.strip())) is not None:
        hour, minute, second = (int(part or 0) for part in match.groups())
        try:
            that = now.replace(hour=hour, minute=minute, second=second, microsecond=0)
        except ValueError as error:
            raise Invalid(f"{text!r} is no time of day", hint="such as 03:12") from error
        return (that if that <= now else that - timedelta(days=1)).timestamp()
    try:
        that = datetime.fromisoformat(text.strip())
    except ValueError as error:
        raise Invalid(f"{text!r} is no moment", hint="03:12, or 2026-11-26 03:12") from error
    return that.astimezone(that.tzinfo or now.tzinfo).timestamp()


def precise(at: float) -> str:
    """Return a moment as local time with milliseconds: what was first is what counts."""
    return datetime.fromtimestamp(at).astimezone().strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]


def markdown(line: Json) -> str:
    """Return an incident as a page for people."""
    about = line["incident"]
    ended = f"to {moment(about['ended_at'])}" if about["ended_at"] else "and it goes on"
    rows = [
        f"| {precise(one['at'])} | {one['what']} | {_cell(one['message'])} | "
        f"{_cell(one['source'])} |"
        for one in line["entries"]
    ]
    return "\n".join(
        [
            f"# Incident {about['id']}",
            "",
            f"Policy `{about['policy']}`, from {moment(about['began_at'])} {ended}.",
            "",
            "| at | what | message | source |",
            "|---|---|---|---|",
            *rows,
            *(text for one in line.get("certificates", ()) for text in _certificate(one)),
        ]
    )


def _certificate(one: Json) -> list[str]:
    """Return the certificate of a host's death as part of a page for people."""
    proof = one["proof"] or {}
    facts = [f"* {name.replace('_', ' ')}: {_cell(value)}" for name, value in proof.items()]
    starts = [
        f"| {_cell(start['vm_name'])} | {_cell(start['host_name'])} | {start['state']} | "
        f"{start['plan']}, step {start['step']} |"
        for start in one["rested"]
    ]
    table = ["", "| started because of it | on | state | by |", "|---|---|---|---|", *starts]
    return [
        "",
        f"## Death certificate: {_cell(one['host_name'])}",
        "",
        f"Proven {precise(one['at'])}: {_cell(one['why'])}.",
        "",
        f"It covers {_cell(one['covers'])}. It does not cover {_cell(one['covers_not'])}.",
        *(["", *facts] if facts else []),
        *(table if starts else ["", "Nothing was started because of it."]),
    ]


def _cell(text: str) -> str:
    return clean(str(text)).replace("|", "\\|").replace("\n", " ")
