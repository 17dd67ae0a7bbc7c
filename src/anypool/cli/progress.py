"""How far something has come: a bar on a terminal, a line for each part elsewhere."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from anypool.cli.terminal import err

Report = Callable[[str, int, int], None]
_EVERY_S = 0.1


@contextmanager
def progress(unit: str) -> Iterator[Report]:
    """Give what is to be told the part, how much of it is done, and how much there is."""
    if err().is_terminal:
        with _bar(unit) as bar:
            yield _shown(bar)
    else:
        yield _said(unit)


def _bar(unit: str) -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    return Progress(
        *columns, TextColumn(unit), TimeRemainingColumn(), console=err(), transient=True
    )


def _shown(bar: Progress) -> Report:
    task = bar.add_task("", start=True)
    part, last = "", 0.0

    def report(what: str, done: int, total: int) -> None:
        nonlocal part, last
        now = time.monotonic()
        if what != part:
            bar.reset(task, description=what, total=total, completed=done)
        elif now - last < _EVERY_S:
            return
        else:
            bar.update(task, completed=done)
        part, last = what, now

    return report


def _said(unit: str) -> Report:
    part = ""

    def report(what: str, _: int, total: int) -> None:
        nonlocal part
        if what != part:
            err().print(f"{what} {total} {unit}", markup=False)
        part = what

    return report
