"""`anypool plan replay`: plans made again, by this release or by another planner."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import takewhile
from typing import Annotated

from cyclopts import Parameter

from anypool.cli.client import Client, Json, key
from anypool.cli.connection import HERE, Where, connected
from anypool.cli.output import Column, show_list, show_one
from anypool.cli.progress import progress
from anypool.cli.terminal import note
from anypool.cli.words import duration, moment, size, to_seconds
from anypool.errors import Invalid, NotFound

DIFFERS = 1
"""The exit code for a plan that does not come out as it was."""

PLANNERS = (
    Column("NAME", lambda row: row["name"]),
    Column("MEANING", lambda row: row["meaning"]),
)
COLUMNS = (
    Column("SUBJECT", lambda row: row["subject"]),
    Column("MADE", lambda row: moment(row["at"])),
    Column("GOAL", lambda row: row["goal"], wide=True),
    Column("VERDICT", lambda row: verdict(row)),
    Column("MOVES", lambda row: _pair(row, lambda one: str(one["moves"]))),
    Column("IMBALANCE", lambda row: _pair(row, _after)),
    Column("BEFORE", lambda row: _before(row)),
    Column("TIME", lambda row: _pair(row, lambda one: duration(one["cost"]["duration_ms"]))),
    Column("COPY", lambda row: _pair(row, lambda one: size(one["cost"]["copy_bytes"]))),
    Column("VIOLATIONS", lambda row: _pair(row, lambda one: str(one["violations"]))),
    Column("WHY", lambda row: row["why"], wide=True),
)
ONE = (
    Column("PLAN", lambda row: row["subject"]),
    Column("GOAL", lambda row: row["goal"]),
    Column("VERDICT", lambda row: verdict(row)),
    Column("PLANNED BY", lambda row: _releases(row)),
    *(column for column in COLUMNS if column.title in ("MOVES", "IMBALANCE", "TIME", "COPY")),
    Column("VIOLATIONS", lambda row: _pair(row, lambda one: str(one["violations"]))),
    Column("DIFFERENT", lambda row: list(row["fields"])),
)
STEPS = (
    Column("CHANGE", lambda step: step["change"]),
    Column("THEN", lambda step: step["before"]),
    Column("NOW", lambda step: step["after"]),
    Column("WHY", lambda step: step["why"], wide=True),
)


@Parameter(name="*")
@dataclass(frozen=True)
class Which:
    """Which planner, and over what."""

    planner: Annotated[
        str, Parameter(help="name of a planner; `anypool plan planners` lists them")
    ] = "new"
    since: Annotated[str, Parameter(help="how far back, such as 24h, 30d or 1y")] = ""
    inventories: Annotated[
        bool, Parameter(help="balance the pool in all stored inventories, whether planned or not")
    ] = False
    pool: Annotated[str, Parameter(help="the pool to balance, with --inventories")] = "default"


PLAIN = Which()


def planners(*, where: Where = HERE) -> None:
    """List the planners that plans can be made again with."""
    with connected(where) as client:
        show_list(client.get("/planners")["items"], PLANNERS, where.output)


def replay(plan: str = "", /, *, which: Which = PLAIN, where: Where = HERE) -> int:
    """Make a plan again from what was kept with it, or all plans of a time; nothing is done.

    The planner `new` must come to the same bytes within one release; the exit code is 1 where
    it does not. With --since and another planner the outcomes are compared: then -> now.
    """
    if bool(plan) is bool(which.since):
        raise Invalid("name a plan, or a time", hint="such as anypool plan replay --since 30d")
    with connected(where) as client:
        if plan:
            found = client.get(f"/plans/{key(plan)}/replay", planner=which.planner)
            return _show(found, where)
        rows = list(_replayed(client, which))
    return _compared(rows, which, where)


def verdict(row: Json) -> str:
    """Return how a plan came out, in a word or two."""
    word = str(row["verdict"])
    if word == "same" and row["planner"] == "new":
        word = "same bytes" if row["decided"] else "planned"
    return f"{word} (cut off)" if row["cut"] else word


def _show(found: Json, where: Where) -> int:
    if where.output not in ("table", "wide"):
        show_one(found, (), where.output)
        return DIFFERS if found["verdict"] == "differs" else 0
    show_one(found, ONE, where.output)
    changed = [step for step in found["steps"] if step["change"] != "same"]
    if changed:
        show_list(changed, STEPS, where.output)
    if found["why"]:
        note(found["why"])
    return DIFFERS if found["verdict"] == "differs" and found["planner"] == "new" else 0


def _replayed(client: Client, which: Which) -> Iterator[Json]:
    """Yield each plan or inventory of the time, made again; say how far it has come."""
    since = time.time() - to_seconds(which.since)
    what, at = ("inventories", "at") if which.inventories else ("plans", "created_at")
    newest = client.items(f"/{what}")
    subjects = list(takewhile(lambda one: one[at] >= since, newest))
    with progress(what) as report:
        for number, one in enumerate(subjects, 1):
            name = str(one["id"])
            yield _one(client, (what, name, one[at]), which)
            report("making again", number, len(subjects))


def _one(client: Client, subject: tuple[str, str, float], which: Which) -> Json:
    what, name, at = subject
    asked = {"pool": which.pool} if which.inventories else {}
    try:
        path = f"/{what}/{key(name)}/replay"
        return client.get(path, planner=which.planner, **asked)
    except NotFound as error:
        if not which.inventories:
            raise
        gone = {"subject": name, "at": at, "goal": "", "planner": which.planner, "fields": []}
        gone |= {"verdict": "not-for-it", "why": error.message, "decided": None, "found": None}
        return {**gone, "steps": [], "cut": False, "release_then": None, "release_now": ""}


def _compared(rows: list[Json], which: Which, where: Where) -> int:
    totals = totals_of(rows)
    if where.output in ("json", "yaml"):
        found = {"planner": which.planner, "since": which.since, "items": rows, "totals": totals}
        show_one(found, (), where.output)
    else:
        wide = where.output == "wide"
        shown = [row for row in rows if wide or row["verdict"] != "not-for-it"]
        show_list(shown, COLUMNS, where.output)
        if where.output != "name":
            note(_told(totals, which.planner))
    return DIFFERS if which.planner == "new" and totals["verdicts"].get("differs") else 0


def totals_of(rows: list[Json]) -> Json:
    """Return the sums over what could be planned both then and now, and all verdicts."""
    both = [row for row in rows if row["decided"] and row["found"]]
    verdicts: dict[str, int] = {}
    for row in rows:
        verdicts[row["verdict"]] = verdicts.get(row["verdict"], 0) + 1
    sums = {side: _sums([row[side] for row in both]) for side in ("decided", "found")}
    return {"compared": len(both), "verdicts": dict(sorted(verdicts.items())), **sums}


def _sums(figures: list[Json]) -> Json:
    afters = [one["after"] for one in figures if one["after"] is not None]
    return {
        "moves": sum(one["moves"] for one in figures),
        "before": sum(one["before"] for one in figures) // max(1, len(figures)),
        "after": sum(afters) // max(1, len(afters)),
        "copy_bytes": sum(one["cost"]["copy_bytes"] for one in figures),
        "duration_ms": sum(one["cost"]["duration_ms"] for one in figures),
        "violations": sum(one["violations"] for one in figures),
    }


def _told(totals: Json, planner: str) -> str:
    then, now = totals["decided"], totals["found"]
    states = ", ".join(f"{count} {word}" for word, count in totals["verdicts"].items())
    if not totals["compared"]:
        return f"{planner}: {states or 'nothing of that time is stored'}"
    words = (
        f"{then['moves']} -> {now['moves']} moves",
        f"imbalance {then['after'] / 100:.2f} -> {now['after'] / 100:.2f} % in the mean "
        f"(from {now['before'] / 100:.2f} %)",
        f"{duration(then['duration_ms'])} -> {duration(now['duration_ms'])}",
        f"{size(then['copy_bytes'])} -> {size(now['copy_bytes'])} to copy",
        f"{then['violations']} -> {now['violations']} violations",
    )
    return f"{planner}: {states}. Of {totals['compared']} compared: {', '.join(words)}"


def _pair(row: Json, of: Callable[[Json], str]) -> str:
    then, now = row["decided"], row["found"]
    if then is None or now is None:
        one = then or now
        return "" if one is None else of(one)
    return of(then) if of(then) == of(now) else f"{of(then)} -> {of(now)}"


def _after(one: Json) -> str:
    return "-" if one["after"] is None else f"{one['after'] / 100:.2f} %"


def _before(row: Json) -> str:
    one = row["decided"] or row["found"]
    return "" if one is None else f"{one['before'] / 100:.2f} %"


def _releases(row: Json) -> str:
    then, now = row["release_then"], row["release_now"]
    if then is None:
        return "nobody knows"
    return then if then == now else f"{then}; this is {now}, which may plan otherwise"
