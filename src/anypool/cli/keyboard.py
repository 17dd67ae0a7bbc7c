"""A terminal whose every key is somebody else's, for a while."""

import os
import select
import termios
import tty
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from anypool.cli.endings import ended_by_signals

ESCAPE = b"\x1d"
"""Ctrl-], which no program inside needs."""
_CHUNK = 4096


@contextmanager
def raw(descriptor: int) -> Iterator[None]:
    """Let keys through as they are typed; the terminal is put back whatever happens.

    What is no terminal stays as it is.
    """
    if not os.isatty(descriptor):
        yield
        return
    before = termios.tcgetattr(descriptor)
    with ended_by_signals():
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
