"""An operation while it runs: a live table on a terminal, a line per change elsewhere."""

import time
from collections.abc import Callable, Iterator

from rich.console import Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from anypool.cli.client import Client, Json, key
from anypool.cli.output import style_of
from anypool.cli.terminal import clean, err
from anypool.cli.words import duration, size

FINAL = frozenset({"done", "failed", "cancelled"})
WAITING = frozenset({"needs-human", "interrupted"})
_EVERY_S = 0.4
_MOST_ROWS = 30


def follow(client: Client, operation: str) -> int:
    """Show an operation until it ends or needs somebody; return the exit code.

    0 for done, 1 for anything else. Interrupting it leaves the operation running.
    """
    console = err()
    last: Json = {}
    try:
        if console.is_terminal:
            with Live(console=console, refresh_per_second=8, transient=False) as live:
                for last in _looks(client, operation):
                    live.update(_picture(last))
        else:
            lines = _changes(lambda text: console.print(text, markup=False))
            for last in _looks(client, operation):
                lines(last)
    except KeyboardInterrupt:
        console.print(f"operation {operation} goes on; anypool operation watch {operation}")
        raise
    return _ended(last, operation)


def _looks(client: Client, operation: str) -> Iterator[Json]:
    """Yield the operation again and again; steps keep their first words, names in them may go."""
    texts: dict[int, str] = {}
    while True:
        seen = client.get(f"/operations/{key(operation)}")
        for step in seen["steps"]:
            step["text"] = texts.setdefault(step["number"], step["text"])
        yield seen
        if seen["state"] in FINAL or seen["state"] in WAITING:
            return
        time.sleep(_EVERY_S)


def _ended(last: Json, operation: str) -> int:
    state, message = last["state"], last.get("message", "")
    tail = f": {message}" if message else ""
    err().print(clean(f"operation {operation} {state}{tail}"), markup=False)
    if state in WAITING:
        for step in last["steps"]:
            if step.get("state") == "needs-human":
                number = step["number"]
                for verb in ("retry", "skip"):
                    err().print(f"  anypool operation {verb} {operation} {number}")
        if state == "interrupted":
            err().print(f"  anypool operation continue {operation}")
        err().print(f"  anypool operation cancel {operation}")
    return 0 if state == "done" else 1


def _changes(say: Callable[[str], None]) -> Callable[[Json], None]:
    """Return a function that says what is new since it was last called."""
    known: dict[int, str] = {}

    def lines(seen: Json) -> None:
        for step in seen["steps"]:
            state = step.get("state", "waiting")
            if state != known.get(step["number"], "waiting"):
                say(clean(f"{step['number']:3}. {step['text']}: {state}{_aside(step)}"))
            known[step["number"]] = state

    return lines


def _aside(step: Json) -> str:
    parts = []
    if step.get("message"):
        parts.append(str(step["message"]))
    if step.get("state") == "done" and step.get("pause_ms"):
        parts.append(f"paused for {duration(step['pause_ms'])}")
    return f" ({', '.join(parts)})" if parts else ""


def _picture(seen: Json) -> RenderableType:
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    steps = _shown(seen["steps"])
    for step in steps:
        state = step.get("state", "waiting")
        table.add_row(
            str(step["number"]),
            Text(state, style=style_of(state)),
            Text(clean(step["text"])),
            _bar(step),
            Text(_amount(step) + _aside(step), style="dim"),
        )
    done = sum(step.get("state") in ("done", "skipped") for step in seen["steps"])
    head = Text(f"{clean(seen.get('goal', ''))}  {done}/{len(seen['steps'])} steps", style="bold")
    hidden = len(seen["steps"]) - len(steps)
    more = [Text(f"and {hidden} more steps", style="dim")] if hidden else []
    return Group(head, table, *more)


def _shown(steps: list[Json]) -> list[Json]:
    """Return what fits on a screen: what is going on first, in the order of the plan."""
    if len(steps) <= _MOST_ROWS:
        return steps
    rank = {"begun": 0, "needs-human": 0, "failed": 0, "waiting": 1}
    chosen = sorted(steps, key=lambda step: rank.get(step.get("state", "waiting"), 2))
    return sorted(chosen[:_MOST_ROWS], key=lambda step: int(step["number"]))


def _bar(step: Json) -> RenderableType:
    total, left = bytes_of(step)
    if step.get("state") == "begun" and total:
        return ProgressBar(total=total, completed=total - left, width=20)
    return Text("")


def _amount(step: Json) -> str:
    total, left = bytes_of(step)
    if step.get("state") == "begun" and total:
        return f"{size(total - left)} of {size(total)}"
    return ""


def bytes_of(step: Json) -> tuple[int, int]:
    """Return how many bytes a step copies in all, and how many are left."""
    progress = step.get("progress") or {}
    return int(progress.get("bytes_total", 0)), int(progress.get("bytes_left", 0))
