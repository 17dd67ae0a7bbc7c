"""Certificates: until when each is good that a conversation rests on, and renewing them."""

import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from msgspec import Struct

from anypool.clock import Clock
from anypool.engine import Engine
from anypool.engine.certificates.judging import Seen, state_of
from anypool.engine.certificates.places import look
from anypool.engine.certificates.watch import MANAGER
from anypool.engine.certificates.watch import Certificates as Watch
from anypool.engine.threads import Ticker
from anypool.errors import Invalid
from anypool.model import checked_fingerprint
from anypool.service.access import Deed, Principal, require
from anypool.store.certificates import Known


class Shown(Protocol):
    """What the manager shows, and how it is renewed."""

    told: Callable[[str, str, bool], None]

    @property
    def given(self) -> bool:
        """Say whether somebody gave it, and the manager cannot make another."""

    @property
    def problem(self) -> str:
        """Why the files are not shown as they are, "" if they are."""

    @property
    def file(self) -> Path:
        """The file of the certificate."""

    def take(self, context: ssl.SSLContext | None) -> None:
        """Renew what this context shows from now on."""

    def round(self) -> float:
        """Renew it if it is due; return when to look again."""

    def renew(self, *, new_key: bool) -> None:
        """Make another one now; raise `Invalid` for one that somebody gave."""


class Standing(Struct, frozen=True, kw_only=True):
    """A certificate, and how it stands in a word."""

    known: Known
    state: str


class Certificates:
    """The use cases of certificates."""

    def __init__(self, engine: Engine, watch: Watch, clock: Clock) -> None:
        self._engine = engine
        self._watch = watch
        self._clock = clock
        self._shown: Shown | None = None

    @contextmanager
    def showing(self, shown: Shown | None, context: ssl.SSLContext | None) -> Iterator[None]:
        """Keep what the manager shows up to date until the block ends; None for no TLS."""
        if shown is None:
            yield
            return
        self._shown = shown
        shown.take(context)
        shown.told = self._watch.note
        self._watch.own = self._own
        ticker = Ticker("tls", shown.round, self._clock, threading.Event())
        ticker.start()
        self._watch.wake()
        try:
            yield
        finally:
            ticker.stop()

    def list(self, by: Principal) -> tuple[Standing, ...]:
        """Return every certificate as it was seen last, by id."""
        require(by, Deed.READ)
        return self._standing(self._watch.all())

    def look(self, by: Principal) -> tuple[Standing, ...]:
        """Look at all of them now."""
        require(by, Deed.OPERATE_HOST)
        self._engine.must_lead()
        return self._standing(self._watch.all_now())

    def renew(self, by: Principal, *, new_key: bool) -> tuple[Standing, ...]:
        """Make another certificate for the manager; raise `Invalid` where it shows none of its own.

        With another key everybody who pinned it is asked again.
        """
        require(by, Deed.MANAGE_SECRETS)
        self._engine.must_lead()
        if self._shown is None:
            hint = "it listens on this machine only, where nobody else can read along"
            raise Invalid("this manager speaks no TLS", hint=hint)
        self._shown.renew(new_key=new_key)
        return self._standing(self._watch.all_now())

    def confirm(self, by: Principal, key: str, shown: str) -> Standing:
        """Trust another certificate of a BMC or a vCenter, which must show it now.

        Raises `Invalid` for one that is not pinned, `Conflict` where another is shown.
        """
        require(by, Deed.MANAGE_ENDPOINTS)
        self._engine.must_lead()
        found = self._watch.confirm(key, checked_fingerprint(shown), by.name)
        return Standing(known=found, state=state_of(found, self._engine.now()))

    def _own(self) -> tuple[Known, Seen]:
        assert self._shown is not None
        file = self._shown.file
        known = Known(id=MANAGER, what="this manager", place=str(file))
        seen = look(Known(id=f"client:{file}", what="", place=str(file)))
        return known, Seen(error=self._shown.problem) if self._shown.problem else seen

    def _standing(self, found: tuple[Known, ...]) -> tuple[Standing, ...]:
        now = self._engine.now()
        return tuple(Standing(known=one, state=state_of(one, now)) for one in found)
