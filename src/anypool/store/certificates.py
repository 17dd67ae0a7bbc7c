"""The certificates that are looked at now and then, and what was said of each."""

from msgspec import Struct
from sqlalchemy import delete, select

from anypool.store.certificate_tables import certificates
from anypool.store.tx import Tx, from_row, to_row

NEVER = 1_000_000
"""The mark of a certificate that was not warned of."""


class Known(Struct, frozen=True, kw_only=True, gc=False):
    """A certificate as it was seen last: `what` it is of, `place` where it lies or is shown.

    `pinned` is the one that is trusted, "" where authorities vouch; `until` is 0.0 while none
    was seen.
    """

    id: str
    what: str
    place: str
    pinned: str = ""
    fingerprint: str = ""
    subject: str = ""
    until: float = 0.0
    looked_at: float = 0.0
    warned: int = NEVER
    told: str = ""
    error: str = ""


def all_(tx: Tx) -> dict[str, Known]:
    """Return all of them by id."""
    rows = tx.rows(select(certificates).order_by(certificates.c.id))
    return {row.id: from_row(row, Known) for row in rows}


def put(tx: Tx, found: Known) -> None:
    """Keep what was seen in place of what was seen before."""
    tx.put(certificates, [to_row(found)])


def keep_only(tx: Tx, ids: frozenset[str]) -> None:
    """Forget those that nothing rests on any more."""
    tx.run(delete(certificates).where(certificates.c.id.not_in(ids)))
