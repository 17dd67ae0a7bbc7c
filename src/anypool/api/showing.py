"""The certificate that the manager shows, and how it is renewed while it answers.

One of its own making is renewed in time, or when it is over already; one that somebody gave is
read again when its files were replaced. Connections that are open stay as they are.
"""

import logging
import ssl
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from anypool.api.own_certificate import Certificate, own
from anypool.clock import Clock
from anypool.errors import AnypoolError, Invalid
from anypool.settings import Settings

log = logging.getLogger(__name__)


class Showing:
    """The certificate of a manager that listens beyond its machine."""

    def __init__(self, settings: Settings, names: frozenset[str], clock: Clock) -> None:
        """Have one to show; raise `Invalid` for files that will not do."""
        self._settings = settings
        self._names = names
        self._clock = clock
        self._turn = threading.Lock()
        self._context: ssl.SSLContext | None = None
        self.told: Callable[[str, str, bool], None] = lambda *_: None
        if bool(settings.tls_certificate) != bool(settings.tls_key):
            hint = "set tls_certificate and tls_key, or neither"
            raise Invalid("a certificate and its key go together", hint=hint)
        self.given = bool(settings.tls_certificate)
        self.certificate = self._found()
        self._shown = self.certificate.fingerprint
        self._problem = ""

    @property
    def file(self) -> Path:
        """The file of the certificate."""
        return self.certificate.certificate

    @property
    def problem(self) -> str:
        """Why the files are not shown as they are, "" if they are."""
        return self._problem

    @property
    def due_s(self) -> float:
        """Seconds until the next look is due."""
        begin, end = self.certificate.span
        return max(0.2, min(self._settings.tls_check_s, (end - begin) / 10))

    def take(self, context: ssl.SSLContext | None) -> None:
        """Renew what this context shows from now on."""
        self._context = context

    def round(self) -> float:
        """Renew it if it is due, show it if it is new; return when to look again."""
        with self._turn:
            self._look()
        with suppress(AnypoolError, OSError):
            return self.due_s
        return self._settings.tls_check_s

    def renew(self, *, new_key: bool) -> None:
        """Make another one now; raise `Conflict` for one that somebody gave."""
        if self.given:
            raise Invalid(
                "the manager shows a certificate that was given to it",
                hint=f"replace {self._settings.tls_certificate}; it is read within a minute",
            )
        with self._turn:
            self._own("new-key" if new_key else "renew")
            self._look()

    def _look(self) -> None:
        try:
            found = self._found()
            if found.fingerprint == self._shown:
                self._problem = ""
                return
            if self._context is not None:
                self._context.load_cert_chain(found.certificate, found.key)
        except (AnypoolError, OSError) as error:
            self._trouble(error)
            return
        self._shown, self._problem = found.fingerprint, ""
        words = f"the manager shows another certificate, SHA-256 {found.fingerprint}"
        log.info("%s", words)
        self.told("certificate.renewed", words, False)

    def _trouble(self, error: Exception) -> None:
        """Go on with the certificate of before, and say so once."""
        why = error.in_full if isinstance(error, AnypoolError) else str(error)
        if why != self._problem:
            self._problem = why
            log.warning("the certificate of before is still shown: %s", why)
            self.told("certificate.unusable", f"the one of before is still shown: {why}", True)

    def _found(self) -> Certificate:
        if not self.given:
            return self._own()
        chosen = Path(self._settings.tls_certificate), Path(self._settings.tls_key)
        found = Certificate(*chosen)
        found.check()
        return found

    def _own(self, force: str = "") -> Certificate:
        folder = Path(self._settings.state_dir) / "tls"
        days = self._settings.tls_own_days
        try:
            return own(folder, self._names, self._clock.now(), days, force=force)
        except OSError as error:
            hint = "is the state folder full, or read-only?"
            raise Invalid(f"no certificate can be made in {folder}: {error}", hint=hint) from error
