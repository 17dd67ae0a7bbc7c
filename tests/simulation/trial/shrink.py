"""From a trial that fails to the shortest script found that fails in the same way."""

from collections.abc import Callable

from tests.simulation.trial.play import Event, play, script

Fails = Callable[[tuple[Event, ...]], bool]


def shrunk(seed: int, wrong: str, tries: int = 200) -> tuple[Event, ...]:
    """Return as few lines of a seed's script as still break the same promise."""
    left = tries

    def fails(events: tuple[Event, ...]) -> bool:
        nonlocal left
        left -= 1
        return kind_of(play(seed, events).wrong) == kind_of(wrong)

    events = script(seed)
    events = events[: play(seed).at + 1]
    if not fails(events):
        return script(seed)
    size = max(1, len(events) // 2)
    while left > 0:
        events, found = _without(events, size, fails)
        if size == 1 and not found:
            break
        size = size if found else max(1, size // 2)
    return events


def kind_of(wrong: str) -> str:
    """Return which promise is broken."""
    return wrong.partition(":")[0]


def _without(events: tuple[Event, ...], size: int, fails: Fails) -> tuple[tuple[Event, ...], bool]:
    """Leave out every stretch of lines that is not needed."""
    found, at = False, 0
    while at < len(events):
        shorter = events[:at] + events[at + size :]
        if shorter != events and fails(shorter):
            events, found = shorter, True
        else:
            at += size
    return events, found
