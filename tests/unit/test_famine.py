"""Too few files, too little memory: what is said, and that the log does not drown."""

import errno
import logging
import sys

import pytest

from anypool import famine
from anypool.errors import Unreachable


@pytest.mark.parametrize(
    ("error", "what", "way_out"),
    [
        (OSError(errno.EMFILE, "x"), "open files", "LimitNOFILE"),
        (OSError(errno.ENFILE, "x"), "open files", "file-max"),
        (OSError(errno.ENOMEM, "x"), "memory", "MemoryMax"),
        (BlockingIOError(errno.EAGAIN, "x"), "process", "TasksMax"),
        (MemoryError(), "memory", "MemoryMax"),
        (RuntimeError("can't start new thread"), "threads", "ulimit -u"),
    ],
)
def test_what_is_missing_and_what_to_do(error: Exception, what: str, way_out: str) -> None:
    said, hint = famine.told(error)
    assert what in said
    assert way_out in hint


@pytest.mark.parametrize("error", [OSError(errno.ENOENT, "x"), ValueError("x"), Unreachable("x")])
def test_other_errors_are_none_of_its_business(error: Exception) -> None:
    assert famine.told(error) == ("", "")


def test_a_famine_is_one_line_in_the_log(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr("anypool.famine.time.monotonic", lambda: now[0])
    quiet = famine.Quiet()

    def passes(text: str) -> bool:
        record = logging.LogRecord("asyncio", 40, "", 0, text, (), None)
        return quiet.filter(record)

    flood = [passes("socket.accept() out of system resource") for _ in range(1000)]
    assert flood.count(True) == 1
    assert passes("something else")
    now[0] += famine.QUIET_S
    assert passes("socket.accept() out of system resource")


def test_the_limit_is_raised_as_far_as_it_goes() -> None:
    import resource

    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(256, before[1]), before[1]))
        assert famine.raise_files() in (before[1], sys.maxsize)
        assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] == before[1]
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
