"""The audit trail: read it, verify it, export it."""

from collections.abc import Iterator

from anypool.engine.records.heads import exported, file_of
from anypool.errors import StoreFailed
from anypool.model import Inventory
from anypool.search import Noun, parse
from anypool.service.access import Deed, Principal, require
from anypool.service.pages import Ask, Page, page
from anypool.service.plans import SEARCHED
from anypool.settings import Settings
from anypool.store import Store, audit, events
from anypool.store.act import Act
from anypool.store.audit import AuditRecord, Verdict
from anypool.store.pages import Ask as StoreAsk
from anypool.store.records import EventRecord

_NOTHING = Inventory()


class Audit:
    """The use cases of the audit trail; nobody can write it by hand."""

    def __init__(self, store: Store, settings: Settings) -> None:
        self._store = store
        self._settings = settings

    def list(self, by: Principal, ask: Ask) -> Page[AuditRecord]:
        """Return a page of rows, newest first; a query looks at the newest thousand."""
        require(by, Deed.READ_AUDIT)
        with self._store.reading() as tx:
            if not ask.query:
                return audit.find(tx, StoreAsk(limit=ask.limit, cursor=ask.cursor))
            newest = audit.find(tx, StoreAsk(limit=SEARCHED)).items
            now = tx.now
        rows = parse(ask.query, Noun.AUDIT).filter(newest, _NOTHING, now)
        return page(rows, lambda row: str(row.number), ask)

    def get(self, by: Principal, number: int) -> AuditRecord:
        """Return one row; raise `NotFound`."""
        require(by, Deed.READ_AUDIT)
        with self._store.reading() as tx:
            return audit.get(tx, number)

    def verify(self, by: Principal) -> Verdict:
        """Compute the chain anew, and compare it with the heads that were exported."""
        require(by, Deed.READ_AUDIT)
        anchors = exported(file_of(self._settings))
        with self._store.reading() as tx:
            return audit.verify(tx, anchors)

    def rotate_key(self, by: Principal) -> int:
        """Chain with another key from now on; return the number of its first row."""
        require(by, Deed.MANAGE_SECRETS)
        with self._store.writing() as tx:
            number = audit.rotate_key(tx)
            message = f"another key chains the audit trail, from row {number} on"
            events.append(tx, _changed(message, by.name))
        return number

    def all(self, by: Principal) -> Iterator[AuditRecord]:
        """Yield every row, oldest first, in one transaction."""
        require(by, Deed.READ_AUDIT)
        with self._store.reading() as tx:
            yield from audit.all_rows(tx)

    def refused(self, doing: object, why: str) -> None:
        """Write that somebody was refused; quiet if that cannot be written."""
        if not isinstance(doing, Act):
            return
        record = AuditRecord(
            who=doing.who,
            role=doing.role,
            proof=doing.proof,
            deed=doing.deed,
            outcome="refused",
            detail=why,
        )
        try:
            with self._store.writing(shared=True) as tx:
                audit.append(tx, record)
        except StoreFailed:
            return


def _changed(message: str, by: str) -> EventRecord:
    return EventRecord(kind="audit.key-changed", message=message, subject_kind="audit", by=by)
