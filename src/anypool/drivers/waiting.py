"""Waiting for a platform to come to be as wanted."""

import time
from collections.abc import Callable


def wait_until(seen: Callable[[], bool], timeout_s: float, poll_s: float = 0.02) -> bool:
    """Poll `seen` until it is true or time is up; say which."""
    deadline = time.monotonic() + timeout_s
    while not seen():
        if time.monotonic() > deadline:
            return False
        time.sleep(poll_s)
    return True
