"""The VMs of this host as its process table shows them; no hypervisor is asked."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass

_EMULATORS = ("qemu-system-", "qemu-kvm", "kvm")
_UUID = re.compile("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
"""What else anybody writes there becomes no part of a path."""


@dataclass(frozen=True)
class Guest:
    """A process that runs a VM; `started` tells it from a later one with the same number."""

    pid: int
    started: str
    vm: str


def guests(proc: str = "/proc") -> tuple[Guest, ...]:
    """Return every VM that runs here."""
    return tuple(_found(proc))


def uses(guest: Guest, folder: str, proc: str = "/proc") -> bool:
    """Whether a VM has a file below a folder, open or on its command line."""
    below = folder.rstrip("/") + "/"
    if below.encode() in _read(f"{proc}/{guest.pid}/cmdline"):
        return True
    with suppress(OSError):
        for entry in os.listdir(f"{proc}/{guest.pid}/fd"):
            with suppress(OSError):
                if os.readlink(f"{proc}/{guest.pid}/fd/{entry}").startswith(below):
                    return True
    return False


def end(those: Iterable[Guest], proc: str = "/proc") -> None:
    """End VMs at once; whether they are gone is seen in the next look."""
    for guest in those:
        if is_there(guest, proc):
            with suppress(ProcessLookupError):
                os.kill(guest.pid, signal.SIGKILL)


def is_there(guest: Guest, proc: str = "/proc") -> bool:
    """Whether a VM still runs: a process that ended and is not reaped does not."""
    fields = _stat(proc, str(guest.pid))
    return bool(fields) and fields[0] not in ("Z", "X") and fields[19] == guest.started


def _found(proc: str) -> Iterator[Guest]:
    for entry in os.listdir(proc):
        if not entry.isdigit():
            continue
        words = _read(f"{proc}/{entry}/cmdline").decode(errors="replace").split("\0")
        if not os.path.basename(words[0]).startswith(_EMULATORS):
            continue
        fields = _stat(proc, entry)
        if not fields or fields[0] in ("Z", "X"):
            continue
        vm = words[words.index("-uuid") + 1] if "-uuid" in words[:-1] else ""
        yield Guest(int(entry), fields[19], vm if _UUID.fullmatch(vm) else "")


def _stat(proc: str, pid: str) -> list[str]:
    return _read(f"{proc}/{pid}/stat").decode(errors="replace").rpartition(")")[2].split()


def _read(path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError:
        return b""
