"""Loops that numba compiles where it is installed, and that are plain Python where it is not."""

import os
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

Given = ParamSpec("Given")
Result = TypeVar("Result")

LOOPS = ("compiled.py", "tables.py", "rules.py", "gains.py", "moves.py", "trade.py", "walk.py")
"""The modules with compiled loops, and those whose constants are compiled into them."""

_settings: Any = None
try:
    from numba import config as _settings
    from numba import njit
except ImportError:
    COMPILED = False
else:
    COMPILED = not getattr(_settings, "DISABLE_JIT", False)


def kept_in() -> Path | None:
    """Return the folder for what was compiled, made if need be; None if there can be none.

    numba looks at a function's own file to see whether it was compiled from another text, and
    not at what it calls. So there is a folder for each text of all of them.
    """
    digest = sha256()
    for name in LOOPS:
        digest.update(Path(__file__).with_name(name).read_bytes())
    caches = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    place = os.environ.get("NUMBA_CACHE_DIR") or f"{caches}/anypool/numba"
    folder = Path(place) / digest.hexdigest()[:16]
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return None
    return folder if os.access(folder, os.W_OK) else None


if not COMPILED:

    def loop(function: Callable[Given, Result]) -> Callable[Given, Result]:
        """Return the function as it is: numba is not installed, or switched off."""
        return function
else:
    _FOLDER = kept_in()
    if _FOLDER is not None:
        _settings.CACHE_DIR = str(_FOLDER)

    def loop(function: Callable[Given, Result]) -> Callable[Given, Result]:
        """Return the function compiled when it is first called, without the interpreter's lock.

        What was compiled is kept in the user's folder for such things. Nothing here makes
        arrays, and so none are counted (`_nrt`): the counting takes as long as the rest, and
        cores would wait for each other's counters.
        """
        options: dict[str, Any] = {"cache": _FOLDER is not None, "nogil": True, "_nrt": False}
        made: Callable[Given, Result] = njit(**options)(function)
        return made
