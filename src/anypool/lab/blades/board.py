"""A blade's own folder: its settings, and the journal of what happened to it."""

import json
import os
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Literal

import msgspec
from msgspec.structs import replace

from anypool.lab.blades.hardware import Hardware
from anypool.lab.locks import locked

Happening = Literal[
    "power-on", "power-off", "reset", "watchdog", "button", "panic", "set", "media", "test"
]
"""`reset` starts anew without power; `watchdog` says that the one of the blade ran out; `button`
is pressed on its front; `panic` is told by what runs on it."""


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One line of a blade's journal; `at` in seconds since 1970."""

    number: int
    at: float
    what: Happening
    message: str


class Board:
    """Settings and journal of one blade, shared by the processes that write them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.disk = folder / "disk.qcow2"
        self.console = folder / "console.sock"
        self.monitor = folder / "monitor.sock"
        self.events = folder / "events.sock"
        self.loader = folder / "ipxe.lkrn"
        self.script = folder / "boot.ipxe"
        self._hardware = folder / "hardware.json"
        self._journal = folder / "journal.jsonl"

    def exists(self) -> bool:
        """Whether it was made."""
        return self._hardware.exists()

    def read(self) -> Hardware:
        """Return the settings."""
        return msgspec.json.decode(self._hardware.read_bytes(), type=Hardware)

    def write(self, hardware: Hardware) -> None:
        """Replace the settings; for changes, use `change`."""
        arriving = self._hardware.with_suffix(".arriving")
        arriving.write_bytes(msgspec.json.encode(hardware))
        os.replace(arriving, self._hardware)

    def change(self, how: Callable[[Hardware], Hardware]) -> Hardware:
        """Change the settings; others wait. What `how` raises leaves them as they were."""
        with self._locked():
            changed = how(self.read())
            self.write(changed)
        return changed

    def note(self, what: Happening, message: str) -> None:
        """Add a line to the journal."""
        with self._locked():
            number = len(self._lines()) + 1
            line = {"number": number, "at": time.time(), "what": what, "message": message}
            with self._journal.open("a") as journal:
                journal.write(f"{json.dumps(line)}\n")

    def entries(self, after: int = 0) -> list[Entry]:
        """Return the journal's entries with higher numbers than `after`, oldest first."""
        lines = self._lines()[after:]
        return [msgspec.json.decode(line, type=Entry) for line in lines]

    def clear_log(self) -> None:
        """Let the log begin after what is in the journal now."""
        last = len(self._lines())
        self.change(lambda kept: replace(kept, log_cleared=last))

    def _lines(self) -> list[str]:
        try:
            text = self._journal.read_text()
        except FileNotFoundError:
            return []
        return text[: text.rfind("\n") + 1].splitlines()

    def _locked(self) -> AbstractContextManager[None]:
        return locked(self.folder / "lock")
