"""On whose behalf a worker acts, and until when: not for a manager that somebody replaced.

A manager may freeze, and its workers go on; or all freeze, and go on much later. So a
manager tells its workers its epoch and when its lease ends, with every renewal, on the
machine's clock that also runs while it sleeps. A worker looks before it begins a deed, and
a driver before each call of one that changes something. A driver whose platform keeps a
token compares the epoch there as well, since a machine that was paused as a whole may
not know that time has passed.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Protocol, runtime_checkable

from anypool.drivers.wire import Mandate
from anypool.errors import AnypoolError, OutcomeUnknown, Unreachable


@runtime_checkable
class KeepsToken(Protocol):
    """A driver whose platform has a place for the epoch of the manager that gives it orders."""

    def claim(self, site: str, epoch: int) -> None:
        """Write that the manager of this epoch gives orders now; a later epoch stays.

        The driver refuses deeds of earlier epochs of the same `site` from then on. The worker
        calls it before anything else is asked in a new epoch. Errors as of a look.
        """
        ...


class Held:
    """The mandate of one worker, which the manager renews; None where nobody ever gave one."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self.mandate: Mandate | None = None

    def missing(self, epoch: int) -> str:
        """Return why a deed that was asked for in an epoch may not be done now, "" if it may."""
        held = self.mandate
        if epoch == 0 and held is None:
            return ""
        if held is None or held.epoch != epoch:
            return f"it was asked for in epoch {epoch}, and that is over"
        if self._clock() >= held.until:
            return "the lease of this manager is over, and another one may lead"
        return ""


class Acting:
    """One deed: asked for in an epoch, of certain records; `begun` once something was sent."""

    def __init__(self, held: Held, epoch: int) -> None:
        self._held = held
        self.epoch = epoch
        self.begun = False

    @property
    def site(self) -> str:
        """Return the records that the epoch is of."""
        return "" if self._held.mandate is None else self._held.mandate.site

    def check(self, what: str) -> None:
        """Raise `Unreachable`, or `OutcomeUnknown` in mid-deed, if it may not go on."""
        if why := self._held.missing(self.epoch):
            raise self.refused(what, why)

    def refused(self, what: str, why: str) -> AnypoolError:
        """Return the error for a deed that is not begun, or not gone on with."""
        kind = OutcomeUnknown if self.begun else Unreachable
        return kind(f"{what}: {why}", hint="the manager that leads goes on with it")


_acting: ContextVar[Acting | None] = ContextVar("acting", default=None)


def current() -> Acting | None:
    """Return the deed of this thread; None for one that no manager asked for."""
    return _acting.get()


def check(what: str) -> None:
    """Raise as `Acting.check` if this thread's deed may not go on; then it is begun."""
    if (deed := current()) is not None:
        deed.check(what)
        deed.begun = True


@contextmanager
def acting(deed: Acting) -> Iterator[None]:
    """Let what this thread does be part of a deed."""
    before = _acting.set(deed)
    try:
        yield
    finally:
        _acting.reset(before)
