"""`anypool operation`: plans that are being carried out, or were."""

from cyclopts import App

from anypool.cli.client import Json, key
from anypool.cli.connection import HERE, Where, connected
from anypool.cli.follow import bytes_of, follow
from anypool.cli.lists import EVERY, Which, show_all
from anypool.cli.output import Column, show_list, show_one
from anypool.cli.terminal import out
from anypool.cli.words import duration, moment, size
from anypool.search import Noun

app = App(name="operation", help="Operations: plans that are being carried out, or were.")

COLUMNS = (
    Column("ID", lambda run: run["id"]),
    Column("GOAL", lambda run: run["goal"]),
    Column("STATE", lambda run: "cancelling" if _cancelling(run) else run["state"]),
    Column("STEPS", lambda run: f"{run['steps_done']}/{run['steps_total']}"),
    Column("BY", lambda run: run["by"]),
    Column("STARTED", lambda run: moment(run["started_at"])),
    Column("ENDED", lambda run: moment(run["ended_at"])),
    Column("MESSAGE", lambda run: run["message"], wide=True),
    Column("PLAN", lambda run: run["plan"], wide=True),
)
STEPS = (
    Column("NO", lambda step: step["number"]),
    Column("STEP", lambda step: step["text"]),
    Column("STATE", lambda step: step["state"]),
    Column("QUOTED", lambda step: _quoted(step)),
    Column("TOOK", lambda step: _took(step)),
    Column("PAUSE", lambda step: duration(step["pause_ms"]) if step["pause_ms"] else ""),
    Column("COPIED", lambda step: _copied(step)),
    Column("MESSAGE", lambda step: step["message"]),
)


@app.command(name="list")
def list_(*, which: Which = EVERY, where: Where = HERE) -> None:
    """List operations, newest first."""
    show_all("/operations", Noun.OPERATION, COLUMNS, which, where)


@app.command
def show(operation: str, /, *, where: Where = HERE) -> None:
    """Show an operation and its steps."""
    with connected(where) as client:
        found = client.get(f"/operations/{key(operation)}")
        shown = (*(Column(c.title, c.value) for c in COLUMNS), Column("PRICE", _costs))
        show_one(found, shown, where.output)
        if where.output in ("table", "wide"):
            out().print()
            show_list(found["steps"], STEPS, where.output)


@app.command
def watch(operation: str, /, *, where: Where = HERE) -> int:
    """Follow an operation to its end."""
    with connected(where) as client:
        return follow(client, operation)


@app.command
def pause(operation: str, /, *, where: Where = HERE) -> None:
    """Begin no further step; those that run go on to their end."""
    _steer(operation, "pause", where)


@app.command(name="continue")
def continue_(operation: str, /, *, where: Where = HERE) -> None:
    """Go on with a paused or interrupted operation."""
    _steer(operation, "continue", where)


@app.command
def cancel(operation: str, /, *, where: Where = HERE) -> None:
    """End an operation: running steps go on to their end, waiting ones do not start."""
    _steer(operation, "cancel", where)


@app.command
def skip(operation: str, step: int, /, *, where: Where = HERE) -> None:
    """Go on without a step that needs somebody."""
    _steer(operation, f"steps/{step}/skip", where)


@app.command
def retry(operation: str, step: int, /, *, where: Where = HERE) -> None:
    """Try a step again that needs somebody."""
    _steer(operation, f"steps/{step}/retry", where)


def _steer(operation: str, verb: str, where: Where) -> None:
    with connected(where) as client:
        found = client.post(f"/operations/{key(operation)}/{verb}")
        show_list([found.get("operation", found)], COLUMNS, where.output)


def _cancelling(run: Json) -> bool:
    return bool(run["cancelling"]) and run["state"] == "running"


def _quoted(step: Json) -> str:
    return duration(step["cost"]["duration_ms"]) if step["cost"]["duration_ms"] else ""


def _took(step: Json) -> str:
    return duration(step["took_ms"]) if step["took_ms"] else ""


def _costs(found: Json) -> str:
    """Return what was quoted for an operation, and what it took."""
    quoted, took = found["cost"], found["took"]
    said = _cost(quoted)
    return f"quoted {said}" if took is None else f"quoted {said}; took {_cost(took)}"


def _cost(cost: Json) -> str:
    words = [duration(cost["duration_ms"])]
    words += [f"{size(cost['copy_bytes'])} copied"] if cost["copy_bytes"] else []
    words += [f"longest pause {duration(cost['pause_ms'])}"] if cost["pause_ms"] else []
    return ", ".join(words)


def _copied(step: Json) -> str:
    total, left = bytes_of(step)
    return f"{size(total - left)} of {size(total)}" if total else ""
