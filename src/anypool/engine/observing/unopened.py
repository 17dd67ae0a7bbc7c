"""The driver of an endpoint whose password cannot be read: it says why, and tries again.

One lost key, or one damaged row, must not keep the rest of a pool from being managed.
"""

from collections.abc import Callable
from typing import Any

from anypool.drivers import Driver
from anypool.errors import StoreFailed, Unreachable


class Unopened:
    """Every operation asks for the driver anew, until there is one; nothing is sent before."""

    def __init__(self, find: Callable[[], Driver]) -> None:
        self._find = find
        self._found: Driver | None = None

    def __getattr__(self, operation: str) -> Callable[..., Any]:
        def called(*words: Any, **more: Any) -> Any:
            if self._found is None:
                try:
                    self._found = self._find()
                except StoreFailed as error:
                    raise Unreachable(error.message, hint=error.hint) from error
            return getattr(self._found, operation)(*words, **more)

        return called
