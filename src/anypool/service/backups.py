"""Backups of all records: look at them, take one, fetch one. For administrators only."""

from typing import IO

from anypool.engine import Engine, Kept, Schedule
from anypool.service.access import Deed, Principal, require

NOW = "now"
"""The name of a backup that is taken for whoever fetches it, and not kept here."""


class Backups:
    """The use cases of a backup; whoever has one has all records, without the keys."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def list(self, by: Principal) -> tuple[Schedule, tuple[Kept, ...]]:
        """Return what is set and how the last attempt went, and the backups, newest first."""
        require(by, Deed.MANAGE_BACKUPS)
        backups = self._engine.keeping.backups
        return backups.schedule(), backups.kept()

    def take(self, by: Principal) -> Kept:
        """Take one into the folder now; raise `Invalid` where none is set, `Busy`."""
        require(by, Deed.MANAGE_BACKUPS)
        self._engine.must_lead()
        return self._engine.keeping.backups.take(by.name)

    def fetch(self, by: Principal, name: str) -> IO[bytes]:
        """Return an open backup of the folder, or one of this moment; raise `NotFound`, `Busy`."""
        require(by, Deed.MANAGE_BACKUPS)
        self._engine.must_lead()
        backups = self._engine.keeping.backups
        file = backups.fresh() if name == NOW else backups.open(name)
        try:
            backups.told(name, by.name)
        except BaseException:
            file.close()
            raise
        return file
