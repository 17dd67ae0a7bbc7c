"""Ending politely: every signal that asks for it ends a command as Ctrl-C does."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from anypool.cli.terminal import note


@contextmanager
def ended_by_signals(words: str = "") -> Iterator[None]:
    """Let every polite signal end this process as Ctrl-C does, so that nothing is left behind.

    The first one is answered with `words`.

    SIGINT is among them, because a shell lets its background jobs ignore it. After the first
    one the others are ignored: what tidies up has its own deadlines.
    """

    def interrupt(number: int, frame: FrameType | None) -> None:
        for one in signals:
            signal.signal(one, signal.SIG_IGN)
        if words:
            note(words)
        raise KeyboardInterrupt

    signals = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = [signal.signal(one, interrupt) for one in signals]
    try:
        yield
    finally:
        for one, handler in zip(signals, before, strict=True):
            signal.signal(one, handler)
