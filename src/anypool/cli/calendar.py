"""`anypool calendar`: what servers are for, and when."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import App, Parameter

from anypool.cli.calendar_picture import picture
from anypool.cli.client import Json, key
from anypool.cli.connection import HERE, Where, connected
from anypool.cli.files import parsed
from anypool.cli.output import Column, show_list, show_one
from anypool.cli.terminal import clean, confirm, note, out
from anypool.cli.words import duration, moment, size
from anypool.errors import Invalid

app = App(
    name="calendar",
    help="Calendars: servers that are one thing in one span and another in the next.",
)

COLUMNS = (
    Column("NAME", lambda one: one["id"]),
    Column("NOW", lambda one: one["now"]["purpose"] or "as it is"),
    Column("UNTIL", lambda one: moment(one["now"]["until"])),
    Column("LEVEL", lambda one: one["level"] if one["enabled"] else "off"),
    Column("SETTLED", lambda one: one["now"]["settled"]),
    Column("MESSAGE", lambda one: one["now"]["why"]),
    Column("PLAN", lambda one: one["now"]["plan"], wide=True),
    Column("SERVERS", lambda one: one["servers"], wide=True),
    Column("ZONE", lambda one: one["zone"], wide=True),
)
ALL = (
    *(Column(column.title, column.value) for column in COLUMNS),
    Column("BECAUSE OF", lambda one: one["now"]["cause"]),
    Column("HELD", lambda one: _held(one)),
    Column("PURPOSES", lambda one: "; ".join(map(_purpose, one["purposes"]))),
    Column("SPANS", lambda one: "; ".join(f"{s['purpose']} {s['when']}" for s in one["spans"])),
    Column("OTHERWISE", lambda one: one["otherwise"] or "as it is"),
    Column("EXCEPTIONS", lambda one: "; ".join(map(_exception, one["exceptions"]))),
    Column("ON LOAD", lambda one: _on_load(one)),
    Column("DESCRIPTION", lambda one: one["description"]),
)
Level = Literal["disabled", "shadow", "manual", "partial", "automatic"]


@app.command(name="list")
def list_(*, where: Where = HERE) -> None:
    """List calendars, with what each wants now."""
    with connected(where) as client:
        show_list(client.get("/calendars")["items"], COLUMNS, where.output)


@app.command
def show(name: str, /, *, where: Where = HERE) -> None:
    """Show one calendar, and how it stands."""
    with connected(where) as client:
        show_one(client.get(f"/calendars/{key(name)}"), ALL, where.output)


@app.command
def apply(
    file: Annotated[Path, Parameter(help="declaration, in YAML or JSON")],
    /,
    *,
    dry_run: Annotated[bool, Parameter(negative="", help="only show what it would do")] = False,
    where: Where = HERE,
) -> None:
    """Declare a calendar by a file, in place of the one of its name; a hold stays."""
    body = parsed(file)
    if not isinstance(body, dict) or "name" not in body:
        raise Invalid(f"{file} declares no calendar", hint="begin with `name:` and `servers:`")
    with connected(where) as client:
        found = client.post("/calendars", body, dry_run=dry_run)
        if dry_run:
            _show_preview(found, where)
        else:
            show_list([found], COLUMNS, where.output)


@app.command
def preview(
    name: str,
    /,
    *,
    days: Annotated[float, Parameter(help="how far to look ahead")] = 7,
    steps: Annotated[bool, Parameter(negative="", help="with the steps of each change")] = False,
    where: Where = HERE,
) -> None:
    """Show which server bears what when in the coming days, and each change with its price."""
    with connected(where) as client:
        found = client.get(f"/calendars/{key(name)}/preview", days=days)
        _show_preview(found, where, steps=steps)


@app.command
def hold(
    name: str,
    purpose: Annotated[str, Parameter(help="what is wanted meanwhile; else all stays")] = "",
    /,
    *,
    until: Annotated[str, Parameter(help="`2026-12-24 14:00` on its wall, or a date")],
    words: Annotated[str, Parameter(help="why")] = "",
    where: Where = HERE,
) -> None:
    """Hold a calendar until a time, with one purpose or with all as it is now."""
    body: Json = {"until": until, "purpose": purpose, "words": words}
    with connected(where) as client:
        show_list([client.post(f"/calendars/{key(name)}/hold", body)], COLUMNS, where.output)


@app.command
def release(name: str, /, *, where: Where = HERE) -> None:
    """Let a calendar that is held go on."""
    _post(name, "release", where)


@app.command
def again(name: str, /, *, where: Where = HERE) -> None:
    """Try a change that stopped once more."""
    _post(name, "again", where)


@app.command(name="except")
def except_(
    name: str,
    when: Annotated[str, Parameter(help="`2026-12-25`, `2026-12-24 14:00 - 2026-12-27 06:00`")],
    purpose: Annotated[str, Parameter(help="what is wanted then; else all stays")] = "",
    /,
    *,
    words: Annotated[str, Parameter(help="why")] = "",
    where: Where = HERE,
) -> None:
    """Make an exception on a date, in place of the one of that date."""

    def new(old: Json) -> Json:
        kept = [one for one in old["exceptions"] if one["when"] != when]
        return {"exceptions": [*kept, {"purpose": purpose, "when": when, "words": words}]}

    with connected(where) as client:
        show_one(client.change(f"/calendars/{key(name)}", new), ALL, where.output)


@app.command
def unexcept(name: str, when: str, /, *, where: Where = HERE) -> None:
    """Take an exception away, which is named by its date as it was written."""

    def new(old: Json) -> Json:
        kept = [one for one in old["exceptions"] if one["when"] != when]
        if len(kept) == len(old["exceptions"]):
            raise Invalid(f"{name} has no exception {when}", hint=f"`anypool calendar show {name}`")
        return {"exceptions": kept}

    with connected(where) as client:
        show_one(client.change(f"/calendars/{key(name)}", new), ALL, where.output)


@app.command(name="set")
def set_(
    name: str,
    /,
    *,
    level: Annotated[Level | None, Parameter(help="how much happens by itself")] = None,
    waive: Annotated[
        bool | None, Parameter(negative="--no-waive", help="less may survive a failure then")
    ] = None,
    enabled: Annotated[
        bool | None, Parameter(negative="--disabled", help="whether it is on")
    ] = None,
    where: Where = HERE,
) -> None:
    """Change how a calendar is carried out; spans and purposes are changed by `apply`."""
    given = {"level": level, "waive": waive, "enabled": enabled}
    body = {name: value for name, value in given.items() if value is not None}
    if not body:
        raise Invalid("nothing is to be changed", hint="such as --level automatic")
    with connected(where) as client:
        show_list([client.patch(f"/calendars/{key(name)}", body)], COLUMNS, where.output)


@app.command
def remove(
    name: str,
    /,
    *,
    yes: Annotated[bool, Parameter(name=("--yes", "-y"), help="agree beforehand")] = False,
    where: Where = HERE,
) -> None:
    """Forget a calendar; what servers bear stays as it is."""
    with connected(where) as client:
        confirm(f"Forget the calendar {name}? What servers bear stays as it is.", yes=yes)
        client.delete(f"/calendars/{key(name)}")
        note(f"there is no calendar {name} any more")


def _post(name: str, verb: str, where: Where) -> None:
    with connected(where) as client:
        show_list([client.post(f"/calendars/{key(name)}/{verb}")], COLUMNS, where.output)


def _show_preview(found: Json, where: Where, *, steps: bool = False) -> None:
    if where.output not in ("table", "wide"):
        show_one(found, (), where.output)
        return
    for line in (*picture(found), "", *_changes(found, steps=steps)):
        out().print(clean(line), markup=False)


def _changes(found: Json, *, steps: bool) -> list[str]:
    """Return what happens at each change, in lines."""
    lines: list[str] = []
    for one in found["turns"]:
        head = f"{one['begins'] or 'so far'}  {one['purpose'] or 'as it is'}{_cause(one)}"
        lines.append(f"{head}: {_what(one)}")
        if steps and one["plan"] is not None:
            lines += [f"  {s['number']:>3}. {s['text']}  - {s['why']}"
                      for s in one["plan"]["steps"]]  # fmt: skip
        lines += [f"  missing: {lack['name']}: {lack['why']}" for lack in one["missing"]]
        lines += [f"  refused: {one['against']}"] if one["against"] else []
    lines += [
        f"{one['purpose']} {one['when']} is not on {one['day']}: clocks go forward over it"
        for one in found["vanished"]
    ]
    return [*lines, f"All times are those of {found['zone']}."]


def _cause(one: Json) -> str:
    words = f" ({one['words']})" if one["words"] else ""
    return words if one["cause"] in ("span", "otherwise") else f", {one['cause']}{words}"


def _what(one: Json) -> str:
    if one["plan"] is None:
        return "cannot be reached" if one["against"] else "nothing is to be done"
    count = len(one["plan"]["steps"])
    cost = one["plan"]["cost"]
    copied = f", {size(cost['copy_bytes'])} to copy" if cost["copy_bytes"] else ""
    return f"{count} step{'' if count == 1 else 's'}, about {duration(cost['duration_ms'])}{copied}"


def _purpose(one: Json) -> str:
    parts: Sequence[str] = (*one.get("profiles", ()), *one.get("services", ()))
    return f"{one['name']}: {', '.join(parts) or 'nothing'}{' + hosts' * bool(one.get('hosts'))}"


def _exception(one: Json) -> str:
    words = f" ({one['words']})" if one.get("words") else ""
    return f"{one['when']} {one['purpose'] or 'as it is'}{words}"


def _held(one: Json) -> str:
    held = one["hold"]
    if held is None:
        return ""
    words = f": {held['words']}" if held["words"] else ""
    return f"{held['purpose'] or 'as it is'} until {moment(held['until'])} by {held['by']}{words}"


def _on_load(one: Json) -> str:
    rule, busy = one["on_load"], one["now"]["busy_percent"]
    if rule is None:
        return ""
    now = "not measured" if busy is None else f"{busy:g} % now"
    above, below = rule.get("above_percent", 75.0), rule.get("below_percent", 40.0)
    names = ", ".join(rule["profiles"])
    extra = one["now"]["extra"]
    return f"{names} above {above:g} % of {rule['hosts']}, until below {below:g} %; {now}, {extra}"
