"""A terminal whose every key is somebody else's, for a while."""

import os
import select
import signal
import termios
import tty
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

ESCAPE = b"\x1d"
"""Ctrl-], which no program inside needs."""
_CHUNK = 4096
_SIGNALS = (signal.SIGTERM, signal.SIGHUP)


@contextmanager
def raw(descriptor: int) -> Iterator[None]:
    """Let keys through as they are typed; the terminal is put back whatever happens.

    What is no terminal stays as it is.
    """
    if not os.isatty(descriptor):
        yield
        return
    before = termios.tcgetattr(descriptor)
    with _ended_by_signals():
        try:
            tty.setraw(descriptor)
            yield
        finally:
            with suppress(termios.error):
                termios.tcsetattr(descriptor, termios.TCSANOW, before)


def read_keys(descriptor: int, over: int, send: Callable[[bytes], object]) -> bool:
    """Send what is typed until Ctrl-], or until the descriptor `over` can be read.

    Returns whether it was Ctrl-]. When a file or a pipe that stands for the keyboard ends,
    only `over` is waited for.
    """
    watched = [descriptor, over]
    while over not in select.select(watched, [], [])[0]:
        typed = os.read(descriptor, _CHUNK)
        if not typed:
            watched = [over]
        keys, escape, _ = typed.partition(ESCAPE)
        if keys:
            send(keys)
        if escape:
            return True
    return False


@contextmanager
def _ended_by_signals() -> Iterator[None]:
    """Let polite signals interrupt as Ctrl-C does, so that what was changed is put back."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    before = [signal.signal(one, interrupt) for one in _SIGNALS]
    try:
        yield
    finally:
        for one, handler in zip(_SIGNALS, before, strict=True):
            signal.signal(one, handler)
