"""`anypool plan balance MODEL ASSIGNMENT --from roadef`: a better assignment of a file."""

import os
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from msgspec import to_builtins

from anypool.cli.connection import Format
from anypool.cli.endings import ended_by_signals
from anypool.cli.output import Column, show_list, show_one
from anypool.cli.terminal import err, note
from anypool.errors import AnypoolError, Invalid
from anypool.exchange.reassigning import FAST, Reassigned, reassign_roadef

SHOWN_EVERY_S = 2.0
COLUMNS = (
    Column("BEFORE", lambda found: found["before"]),
    Column("AFTER", lambda found: found["after"]),
    Column("BOUND", lambda found: found["lower_bound"]),
    Column("GAP", lambda found: f"{found['gap_percent']:.4f} %"),
    Column("MOVED", lambda found: found["moves"]),
    Column("STEPS", lambda found: found["steps"], wide=True),
)


def reassign(
    texts: tuple[str, str],
    pace: Callable[[int], float],
    *,
    cores: int,
    seed: int,
) -> Reassigned:
    """Return the best that was found when the budget ended, or Ctrl-C or a signal did."""
    if not FAST:
        note("numba is not installed, so the search is much slower: pip install anypool[fast]")
    last: Reassigned | None = None
    shown = time.monotonic()
    with suppress(KeyboardInterrupt), ended_by_signals("ending with what is there"):
        for last in reassign_roadef(*texts, pace, cores=cores, seed=seed):
            if time.monotonic() - shown > SHOWN_EVERY_S:
                shown = time.monotonic()
                _progress(last)
    if last is None:
        raise AnypoolError("ended before anything was found")
    return last


def show(found: Reassigned, write: Path | None, output: Format) -> None:
    """Write the assignment, to a file or to standard output, and say what it is like."""
    row = to_builtins(found)
    row.pop("text")
    if write is None:
        sys.stdout.write(found.text)
        note(
            f"Cost {found.before} -> {found.after}, {found.gap_percent:.4f} % above the bound, "
            f"{found.moves} moved. Nothing was done."
        )
        return
    write.write_text(found.text, encoding="ascii")
    if output in ("json", "yaml"):
        show_one(row, (), output)
    else:
        show_list([row], COLUMNS, output)
    note(f"Written to {write}. Nothing was done.")


def check_place(place: Path) -> None:
    """Raise `Invalid` where nothing can be written, before minutes are spent on it."""
    if place.is_dir() or not os.access(place if place.exists() else place.parent, os.W_OK):
        raise Invalid(
            f"{place} cannot be written", hint="name a file in a folder that you may write to"
        )


def cpus() -> int:
    """Return the number of processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def wall(seconds: float, since: float, cores: int) -> Callable[[int], float]:
    """Return a pace by the clock, whatever the number of cores."""
    return lambda steps: (time.monotonic() - since) / seconds


def cpu(seconds: float, since: float, cores: int) -> Callable[[int], float]:
    """Return a pace by the CPU time of this process, as if each core were there all the time.

    What was used before the first question counts as a whole, for only one core worked then.
    """
    alone: list[float] = []

    def spent(steps: int) -> float:
        now = time.process_time()
        if not alone:
            alone.append(now)
        return (alone[0] + (now - alone[0]) / cores) / seconds

    return spent


PACES = {"wall": wall, "cpu": cpu}
"""By the name of a clock: given the budget in seconds, since when, and the cores, a pace."""


def _progress(found: Reassigned) -> None:
    console = err()
    text = f"{100 * found.spent:3.0f} %  cost {found.after}  gap {found.gap_percent:.4f} %"
    console.print(text, end="\r" if console.is_terminal else "\n", markup=False)
