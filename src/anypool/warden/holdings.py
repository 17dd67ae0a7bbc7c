"""The chain of records that says who may run a VM.

Each record is a file of its own with a number, `<vm>.<number>`, and is never changed: the
highest one counts. A host takes a VM by linking the next number, which one host only can do.
A host that was slow links a number that is taken, or one that is below the highest: neither
counts. One record is left while anybody may run its VM; one that nobody held for long may go,
and numbers begin again. So whoever links a number looks whether what it followed still stands.
"""

from __future__ import annotations

import os
from contextlib import suppress

from anypool.warden import sector
from anypool.warden.record import VM_FOLDER, Holding, Incarnation
from anypool.warden.sector import Torn


class Refused(Exception):
    """A VM may not run here; the message says why, for whoever wanted to start it."""


class Unreadable(Refused):
    """Who may run a VM cannot be read."""


class Holdings:
    """The records of all VMs on one datastore."""

    def __init__(self, folder: str) -> None:
        self.folder = os.path.join(folder, VM_FOLDER)

    def last(self, vm: str) -> Holding | None:
        """The record that counts, None if there never was one; raise `Unreadable`."""
        for _ in range(3):
            numbers = self._numbers(vm)
            if not numbers:
                return None
            try:
                return Holding.decoded(sector.read(self._path(vm, numbers[-1])))
            except FileNotFoundError:
                continue  # a later one took its place
            except (OSError, Torn) as problem:
                raise Unreadable(f"who runs it cannot be read: {problem}") from problem
        raise Unreadable("who runs it changes all the time")

    def put(self, after: Holding | None, holding: Holding) -> bool:
        """Write the record after another; return False if somebody else was faster.

        Raise `Unreadable` if it cannot be written.
        """
        number = holding.number
        if number != (after.number if after is not None else 0) + 1:
            raise ValueError("records are numbered one after the other")
        try:
            os.makedirs(self.folder, exist_ok=True)
            if not sector.create(self._path(holding.vm, number), holding.encoded()):
                return False
        except OSError as problem:
            raise Unreadable(f"who runs it cannot be written: {problem}") from problem
        numbers = self._numbers(holding.vm)
        if not numbers or numbers[-1] != number:
            with suppress(OSError):
                os.unlink(self._path(holding.vm, number))
            return False
        if after is not None and self._at(after) != after:
            with suppress(OSError):
                os.unlink(self._path(holding.vm, number))
            return False  # it was forgotten meanwhile, and numbers may have begun again
        for old in numbers[:-1]:
            with suppress(OSError):
                os.unlink(self._path(holding.vm, old))
        return True

    def forget(self, last: Holding) -> None:
        """Remove a record that nobody holds; who builds on it at this moment notices."""
        if last.owner is not None or last.heir is not None:
            raise ValueError("somebody holds it")
        if self._at(last) == last and self._numbers(last.vm) == [last.number]:
            with suppress(OSError):
                os.unlink(self._path(last.vm, last.number))

    def _at(self, known: Holding) -> Holding | None:
        """What stands at the number of a record now, None if nothing that can be read."""
        try:
            return Holding.decoded(sector.read(self._path(known.vm, known.number)))
        except (OSError, Torn):
            return None

    def all(self) -> tuple[str, ...]:
        """The VMs that have a record."""
        with suppress(FileNotFoundError):
            names = (name.rpartition(".") for name in os.listdir(self.folder))
            return tuple(sorted({vm for vm, _, number in names if vm and number.isdigit()}))
        return ()

    def _numbers(self, vm: str) -> list[int]:
        try:
            names = os.listdir(self.folder)
        except FileNotFoundError:
            return []
        except OSError as problem:
            raise Unreadable(f"who runs it cannot be read: {problem}") from problem
        start = f"{vm}."
        ends = (name[len(start) :] for name in names if name.startswith(start))
        return sorted(int(end) for end in ends if end.isdigit())

    def _path(self, vm: str, number: int) -> str:
        return os.path.join(self.folder, f"{vm}.{number}")


def next_of(
    last: Holding | None, vm: str, owner: Incarnation | None, heir: Incarnation | None = None
) -> Holding:
    """The record after another."""
    return Holding(vm, (last.number if last is not None else 0) + 1, owner, heir)
