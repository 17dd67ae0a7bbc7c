"""From a trial that fails to the shortest script found in time that fails in the same way.

Lines are first calmed, which leaves the time they took and so what is drawn after them, and then
left out: halves first, single lines last, the end before the beginning. Calm lines that follow
each other become one.
"""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tests.simulation.trial.play import CALM, Event, play, script

Script = tuple[Event, ...]
Fails = Callable[[Script], bool]
BUDGET_S = 300.0
AGAIN_S = 5.0
"""The end is said again so often: what is raised where Python only takes note of it gets lost."""


class Spent(BaseException):
    """The budget is used up; no `except` of what is played may catch it."""


def shrunk(seed: int, wrong: str, budget_s: float = BUDGET_S) -> Script:
    """Return as few lines of a seed's script as were found to break the same promise.

    It ends when nothing can be left out, or after so many seconds of this processor. Where the
    trial does not fail again, the whole script comes back.
    """
    kind = kind_of(wrong)
    search = Search(script(seed), lambda events: kind_of(play(seed, events).wrong) == kind)
    try:
        with _at_most(budget_s):
            search.cut(play(seed).at + 1)
            search.run()
    except Spent:
        pass
    return search.best


def kind_of(wrong: str) -> str:
    """Return which promise is broken; of those of the end, which one."""
    first, _, rest = wrong.partition(":")
    return f"{first}:{rest.partition(':')[0]}" if first in ("end", "error") else first


class Search:
    """The shortest script so far is `best`, whenever somebody stops looking. Tries none twice."""

    def __init__(self, events: Script, fails: Fails) -> None:
        self.best = events
        self._fails = fails
        self._tried: set[Script] = set()

    def cut(self, length: int) -> None:
        """Leave out what came after the failure, if it fails without it."""
        self._take(self.best[:length])

    def run(self) -> None:
        """Look until nothing more can be left out."""
        self._all_sizes(_calmed)
        self._take(merged(self.best))
        self._all_sizes(_left_out)
        self._take(merged(self.best))

    def _all_sizes(self, change: Callable[[Script, int, int], Script]) -> None:
        size = max(1, len(self.best) // 2)
        while self._pass(change, size) or size > 1:
            size = max(1, size // 2)

    def _pass(self, change: Callable[[Script, int, int], Script], size: int) -> bool:
        """Try each stretch of a length, the last one first; return whether one was not needed."""
        found, end = False, len(self.best)
        while end > 0:
            begin = max(0, end - size)
            found |= self._take(change(self.best, begin, end))
            end = begin
        return found

    def _take(self, events: Script) -> bool:
        """Take a script for the best if it fails; return whether it does and is another one."""
        if events == self.best or events in self._tried:
            return False
        self._tried.add(events)
        if not self._fails(events):
            return False
        self.best = events
        return True


def _calmed(events: Script, begin: int, end: int) -> Script:
    calm = (Event(one.ticks, CALM, 0) for one in events[begin:end])
    return (*events[:begin], *calm, *events[end:])


def merged(events: Script) -> Script:
    """Return a script with one calm line where several follow each other: the same happens."""
    found: list[Event] = []
    for one in events:
        if one.kind == CALM and found and found[-1].kind == CALM:
            found[-1] = Event(found[-1].ticks + one.ticks, CALM, 0)
        elif one.kind != CALM or one.ticks:
            found.append(one)
    return tuple(found)


def _left_out(events: Script, begin: int, end: int) -> Script:
    return events[:begin] + events[end:]


@contextmanager
def _at_most(budget_s: float) -> Iterator[None]:
    """Raise `Spent` after so many seconds of this processor, also in the midst of a trial."""

    def ring(*_: object) -> None:
        raise Spent

    usual = signal.signal(signal.SIGPROF, ring)
    signal.setitimer(signal.ITIMER_PROF, budget_s, AGAIN_S)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, usual)
