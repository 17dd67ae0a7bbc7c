"""Loops that numba compiles where it is installed, and that are plain Python where it is not."""

from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

Given = ParamSpec("Given")
Result = TypeVar("Result")

try:
    from numba import config, njit
except ImportError:
    COMPILED = False
else:
    COMPILED = not getattr(config, "DISABLE_JIT", False)

if not COMPILED:

    def loop(function: Callable[Given, Result]) -> Callable[Given, Result]:
        """Return the function as it is: numba is not installed, or switched off."""
        return function
else:

    def loop(function: Callable[Given, Result]) -> Callable[Given, Result]:
        """Return the function compiled when it is first called, without the interpreter's lock.

        What was compiled is kept beside the module, or where numba keeps such things if that
        cannot be written to. Nothing here makes arrays, and so none are counted (`_nrt`): the
        counting takes as long as the rest, and cores would wait for each other's counters.
        """
        options: dict[str, Any] = {"cache": True, "nogil": True, "_nrt": False}
        made: Callable[Given, Result] = njit(**options)(function)
        return made
