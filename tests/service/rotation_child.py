"""A process that rotates keys and is killed at one moment of it: before or after a deed.

Told a number line by line, it lets a child of its own rotate and die there, by SIGKILL, and
says `killed`; `done` once there are not so many moments.
"""

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sqlalchemy.engine import RootTransaction

from anypool.clock import SystemClock
from anypool.store import Store, rotation


class Moments:
    """Counts the moments at which a process can die, and dies at one of them."""

    def __init__(self, last: int) -> None:
        self._left = last

    def around(self, deed: Callable[..., Any]) -> Callable[..., Any]:
        def done(*words: Any, **more: Any) -> Any:
            self._pass()
            result = deed(*words, **more)
            self._pass()
            return result

        return done

    def _pass(self) -> None:
        if self._left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        self._left -= 1


def rotate(url: str, key: str, moment: int) -> None:
    store = Store.open(url, clock=SystemClock(), key_file=Path(key))
    moments = Moments(moment)
    for name in ("open", "fsync", "rename", "unlink", "replace"):
        setattr(os, name, moments.around(getattr(os, name)))
    RootTransaction.commit = moments.around(RootTransaction.commit)  # type: ignore[method-assign]
    rotation.rotate(store, "ada")


def main() -> None:
    url, key = sys.argv[1:]
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            rotate(url, key, int(line))
            os._exit(0)
        _, status = os.waitpid(child, 0)
        killed = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
        print("killed" if killed else "done" if status == 0 else f"ended with {status}", flush=True)


if __name__ == "__main__":
    main()
