"""The watch over certificates: each is looked at now and then, and what is new is an event."""

import logging
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from msgspec.structs import replace

from anypool.clock import Clock
from anypool.engine.certificates.judging import SUBJECT, Seen, judged
from anypool.engine.certificates.places import known_places, look
from anypool.engine.engine import Engine
from anypool.engine.threads import Looking
from anypool.errors import Conflict, Invalid, NotFound
from anypool.model import EndpointId, HostId
from anypool.settings import Settings
from anypool.store import Store, certificates, events
from anypool.store.certificates import Known
from anypool.store.records import EventRecord, Severity

log = logging.getLogger(__name__)

AT_ONCE = 4
MANAGER = "manager"


class Certificates(Looking):
    """One look at a time over all of them, while this manager leads.

    `own` says what the manager itself shows; it is None where it speaks no TLS.
    """

    def __init__(self, engine: Engine, store: Store, clock: Clock, settings: Settings) -> None:
        super().__init__("certificates", clock)
        self._engine = engine
        self._store = store
        self._clock = clock
        self._every_s = settings.certificates_every_s
        self._turn = threading.Lock()
        self.own: Callable[[], tuple[Known, Seen]] | None = None
        self.look = look

    def round(self) -> float:
        """Look at all of them; return when to look again, in seconds."""
        if self._engine.leads:
            self.all_now()
        return self._every_s if self._engine.leads else 10.0

    def all_now(self) -> tuple[Known, ...]:
        """Look at all of them and return what is known then."""
        with self._turn:
            wanted = self._wanted()
            with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="certificates") as crew:
                seen = list(crew.map(self.look, wanted))
            if self.own is not None:
                known, shown = self.own()
                wanted, seen = [*wanted, known], [*seen, shown]
            with self._store.writing() as tx:
                before = certificates.all_(tx)
                for place, found in zip(wanted, seen, strict=True):
                    known, said = judged(_since(before.get(place.id), place), found, tx.now)
                    certificates.put(tx, known)
                    for event in said:
                        events.append(tx, event)
                certificates.keep_only(tx, frozenset(one.id for one in wanted))
                return tuple(certificates.all_(tx).values())

    def all(self) -> tuple[Known, ...]:
        """Return what was seen last."""
        with self._store.reading() as tx:
            return tuple(certificates.all_(tx).values())

    def note(self, kind: str, message: str, bad: bool) -> None:
        """Write what became of the manager's own certificate."""
        severity = Severity.ERROR if bad else Severity.INFO
        event = EventRecord(
            kind=kind,
            message=message,
            severity=severity,
            subject_kind=SUBJECT,
            subject_id=MANAGER,
        )
        if self._engine.leads:
            with self._store.writing() as tx:
                events.append(tx, event)
            self.wake()

    def confirm(self, key: str, fingerprint: str, by: str) -> Known:
        """Pin another certificate, which must be shown now; raise `Conflict` if it is not.

        `Invalid` for one that is not pinned, `NotFound` for one that nothing rests on.
        """
        place = next((one for one in self._wanted() if one.id == key), None)
        if place is None:
            hint = "`anypool tls list` shows them"
            raise NotFound(f"there is no certificate {key[:80]!r}", hint=hint)
        if not place.pinned:
            hint = "authorities vouch for it; there is nothing to confirm"
            raise Invalid(f"the certificate of {place.what} is not pinned", hint=hint)
        seen = self.look(place)
        if seen.fingerprint != fingerprint:
            shown = seen.fingerprint or f"nothing: {seen.error}"
            hint = "compare it there, on another way than this one"
            raise Conflict(f"{place.place} shows {shown}", hint=hint)
        kind, _, rest = key.partition(":")
        if kind == "bmc":
            self._engine.bmcs.pin(HostId(rest), fingerprint, by)
        else:
            self._engine.pools.pin(EndpointId(rest), fingerprint, by)
        self.wake()
        return replace(place, pinned=fingerprint, fingerprint=fingerprint, until=seen.until)

    def _wanted(self) -> list[Known]:
        hosts = self._engine.inventory.hosts
        bmcs = [one.bmc for one in self._engine.bmcs.all()]
        named = [(one, hosts[one.host].name if one.host in hosts else one.host) for one in bmcs]
        return known_places(self._engine.endpoints(), named)


def _since(before: Known | None, place: Known) -> Known:
    """Return what is known of a place with what it is now; another place is a new one."""
    if before is None or before.place != place.place:
        return place
    return replace(before, what=place.what, pinned=place.pinned)
