"""What the hook let start, noted on the host for the warden beside it.

Between the hook's yes and the first look at the process anything may pass: a storage that hangs
holds up libvirt, and the lease is lost meanwhile.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from contextlib import suppress


def note(state: str, vm: str, folders: Sequence[str]) -> None:
    """Note that a VM may start by the leases in these folders; raise `OSError`."""
    path = _path(state, vm)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    arriving = f"{path}.arriving"
    with open(arriving, "w") as file:
        json.dump(list(folders), file)
    os.replace(arriving, path)


def drop(state: str, vm: str) -> None:
    """Forget a VM that has ended, or did not start; raise `OSError`."""
    with suppress(FileNotFoundError):
        os.unlink(_path(state, vm))


def is_noted(state: str, vm: str, folder: str) -> bool:
    """Whether the hook let a VM start by the lease in a folder."""
    try:
        with open(_path(state, vm)) as file:
            return folder in json.load(file)
    except (OSError, ValueError, TypeError):
        return False


def _path(state: str, vm: str) -> str:
    return os.path.join(os.path.dirname(state), "granted", vm)
