"""The routes of what BMCs tell by themselves."""

from typing import Any

from litestar import Request, get, post
from msgspec import Struct

from anypool.api.asking import By, Key, Use
from anypool.api.gate import ANONYMOUS
from anypool.engine.hearing.pushes import LONGEST, Pushed
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


class SubscriptionView(Struct, frozen=True, kw_only=True):
    """How it stands with the pushes of one BMC; `path` is its subscription, "" for none.

    `message` says why there is none. `made` counts subscriptions: with more than one the BMC
    forgot them. `left_over` were taken away: another manager's, or our own of before.
    """

    endpoint: str
    path: str
    message: str
    seen_at: float
    made: int
    left_over: int
    received: int
    refused: int
    dropped: int
    last_at: float


class SubscriptionsView(Struct, frozen=True, kw_only=True):
    """Where BMCs push to, "" for nowhere; `unknown` came to addresses that none was given."""

    url: str
    unknown: int
    items: tuple[SubscriptionView, ...]
    total: int


@get("/traps", sync_to_thread=True)
def list_traps(services: Use, by: By) -> TrapsView:
    """List from where SNMP traps came, known or not, and what was made of them."""
    found = services.hearing.traps(by)
    items = tuple(map(_source, found.heard))
    return TrapsView(listen=found.listen, problem=found.problem, items=items, total=len(items))


@get("/event-subscriptions", sync_to_thread=True)
def list_subscriptions(services: Use, by: By) -> SubscriptionsView:
    """List which BMCs push their events here, and why others do not."""
    found = services.hearing.pushes(by)
    items = tuple(map(_subscription, found.pushed))
    return SubscriptionsView(url=found.url, unknown=found.unknown, items=items, total=len(items))


@post("/pushes/{key:str}", status_code=204, opt={ANONYMOUS: True}, request_max_body_size=LONGEST)
async def take_push(services: Use, key: Key, request: Request[Any, Any, Any]) -> None:
    """Take an event that a BMC pushes; it proves by its `Context` that it was asked to."""
    services.hearing.push(key, await request.body())


def _subscription(pushed: Pushed) -> SubscriptionView:
    return SubscriptionView(
        endpoint=pushed.endpoint,
        path=pushed.path,
        message=pushed.message,
        seen_at=pushed.seen_at,
        made=pushed.made,
        left_over=pushed.left_over,
        received=pushed.received,
        refused=pushed.refused,
        dropped=pushed.dropped,
        last_at=pushed.last_at,
    )


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


ROUTES = (list_traps, list_subscriptions, take_push)
