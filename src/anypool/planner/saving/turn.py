"""Steps about one host that wait each for the one before."""

from collections.abc import Iterator

from anypool.plan import LeaveMaintenance, PowerOffHost, PowerOnHost, Reason, Step, VerifyHost

Told = tuple[PowerOffHost | PowerOnHost | VerifyHost | LeaveMaintenance, Reason]


def in_turn(told_: tuple[Told, ...], before: int = 0) -> tuple[Step, ...]:
    """Return steps that wait each for the one before it, and the first for step `before`."""
    return tuple(_numbered(told_, before))


def _numbered(told_: tuple[Told, ...], before: int) -> Iterator[Step]:
    for number, (action, why) in enumerate(told_, start=before + 1):
        after = frozenset({number - 1} - {0})
        yield Step(number=number, action=action, why=why, after=after)
