"""The routes of what BMCs tell by themselves."""

from litestar import get
from msgspec import Struct

from anypool.api.asking import By, Use
from anypool.engine.hearing.traps import Heard


class TrapSourceView(Struct, frozen=True, kw_only=True):
    """What came from one address since the manager began; `name` is "" for one that is not known.

    `why` is why nothing from there is read. `repeated` came again within a minute, `unwritten`
    were too many for an event each, `refused` no trap or of another community, `dropped` too
    many to be read.
    """

    address: str
    kind: str
    name: str
    why: str
    received: int
    repeated: int
    unwritten: int
    refused: int
    dropped: int
    first_at: float
    last_at: float
    last: str


class TrapsView(Struct, frozen=True, kw_only=True):
    """Where SNMP traps are listened for, "" for nowhere, why not, and from whom they came."""

    listen: str
    problem: str
    items: tuple[TrapSourceView, ...]
    total: int


@get("/traps", sync_to_thread=True)
def list_traps(services: Use, by: By) -> TrapsView:
    """List from where SNMP traps came, known or not, and what was made of them."""
    found = services.hearing.traps(by)
    items = tuple(map(_source, found.heard))
    return TrapsView(listen=found.listen, problem=found.problem, items=items, total=len(items))


def _source(heard: Heard) -> TrapSourceView:
    source = heard.source
    return TrapSourceView(
        address=heard.address,
        kind="" if source is None else source.kind,
        name="" if source is None else source.name,
        why=heard.why,
        received=heard.received,
        repeated=heard.repeated,
        unwritten=heard.unwritten,
        refused=heard.refused,
        dropped=heard.dropped,
        first_at=heard.first_at,
        last_at=heard.last_at,
        last=heard.last,
    )


ROUTES = (list_traps,)
