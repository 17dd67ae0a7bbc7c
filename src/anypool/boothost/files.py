"""Files that appear whole or not at all."""

from __future__ import annotations

import json
import os
from typing import Any


def put(path: str, content: bytes, mode: int = 0o644) -> None:
    """Write a file that survives a loss of power, in place of the one that is there."""
    made = f"{path}.new"
    with open(made, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    os.chmod(made, mode)
    os.replace(made, path)
    folder = os.open(os.path.dirname(path) or ".", os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def put_json(path: str, value: Any, mode: int = 0o600) -> None:
    """Write a value as JSON."""
    put(path, json.dumps(value, indent=1, sort_keys=True).encode() + b"\n", mode)


def read_json(path: str) -> Any:
    """Return what a file of JSON says; raise `OSError` or `ValueError`."""
    with open(path, "rb") as file:
        return json.load(file)
