"""What is said and done when the machine gives the manager too little: files, memory, processes."""

import errno
import logging
import resource
import sys
import time
from contextlib import suppress

LEAST_FILES = 1024
"""Open files below which a manager says that it may run out of them."""
QUIET_S = 10.0
"""Between two lines of the log about one famine."""

_HINTS = {
    errno.EMFILE: "let it open more files: LimitNOFILE= in its unit, or `ulimit -n`",
    errno.ENFILE: "the machine has no open files left: raise fs.file-max, or look who has them",
    errno.ENOMEM: "give it more memory: MemoryMax= in its unit, or the machine itself",
    errno.EAGAIN: "it may start no more threads or processes: TasksMax= in its unit, `ulimit -u`",
}


def raise_files() -> int:
    """Let this process open as many files as it may; return how many that are."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(OSError, ValueError):  # macOS takes less than it says
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        soft = hard
    return sys.maxsize if soft == resource.RLIM_INFINITY else soft


def told(error: BaseException) -> tuple[str, str]:
    """Return what the machine has too little of and what to do, "" twice for another error."""
    if isinstance(error, MemoryError):
        return "the manager has no memory left", _HINTS[errno.ENOMEM]
    if "can't start new thread" in str(error):
        return "the manager may start no more threads", _HINTS[errno.EAGAIN]
    number = error.errno if isinstance(error, OSError) else None
    if number not in _HINTS:
        return "", ""
    words = {errno.ENOMEM: "memory", errno.EAGAIN: "room for a process"}.get(number, "open files")
    return f"the manager has no {words} left", _HINTS[number]


class Quiet(logging.Filter):
    """Lets one line of a famine through and drops those that follow within `QUIET_S`.

    A server that may open no more files says so for each connection that waits, a thousand
    times a second: the log would fill the disk as well.
    """

    def __init__(self) -> None:
        super().__init__()
        self._last = -QUIET_S

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether a line is written."""
        if "out of system resource" not in record.getMessage():
            return True
        now = time.monotonic()
        if now - self._last < QUIET_S:
            return False
        self._last = now
        record.msg, record.args, record.exc_info = (
            "no connection is accepted: the manager has no open files left; "
            + _HINTS[errno.EMFILE],
            (),
            None,
        )
        return True
