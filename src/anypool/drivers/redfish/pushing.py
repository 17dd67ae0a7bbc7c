"""Subscriptions of the EventService: made once, found again, and what is left over taken away.

Many services keep few of them, some forget them when the BMC starts anew, and some do not say
again which context they were given. So one is known by its destination, which holds a part that
nobody guesses, and all are looked through each time.
"""

from typing import Any

from anypool.drivers import mandate
from anypool.drivers.redfish.service import Service, link, members, next_page, words
from anypool.errors import NotFound, NotSupported, Rejected
from anypool.model.push import PushOrder, PushReading

MOST = 64
"""Subscriptions that are looked through."""
_OLD_TYPES = ["StatusChange", "ResourceUpdated", "ResourceAdded", "ResourceRemoved", "Alert"]
"""What services of the time before `EventFormatType` are to be told."""


def settle(service: Service, order: PushOrder) -> PushReading:
    """Bring the subscriptions to what is ordered, and read that back.

    Raise `NotSupported` where a service has none, or has a stream and one is wanted: that is
    better, and is followed; `Rejected` where it takes no more.
    """
    place = link(service.root, "EventService")
    events = service.get(place) if place else {}
    there = link(events, "Subscriptions")
    if not there:
        raise NotSupported(f"{service.name} has no subscriptions of events")
    stream = bool(events.get("ServerSentEventUri"))
    wanted = order.destination if not stream and events.get("ServiceEnabled") is not False else ""
    kept, removed = _tidied(service, there, order, wanted)
    if order.destination and not wanted:
        why = "has a stream of events" if stream else "has its service of events switched off"
        raise NotSupported(f"{service.name} {why}")
    if kept or not wanted:
        return PushReading(path=kept, removed=removed)
    return PushReading(path=_made(service, (there, events), order), made=1, removed=removed)


def _tidied(service: Service, there: str, order: PushOrder, wanted: str) -> tuple[str, int]:
    """Take away what is of ours and not wanted; return the one that is, and how many were not."""
    kept, removed = "", 0
    for path in _paths(service, there):
        try:
            one = service.get(path)
        except NotFound:
            continue
        destination, context = words(one.get("Destination"), 400), one.get("Context")
        context = context if isinstance(context, str) else ""
        ours = destination.startswith(order.base) or context.startswith(order.mark)
        if not ours:
            continue
        if not kept and destination == wanted and context in ("", order.context):
            kept = path
            continue
        mandate.check(f"removing {path} of {service.name}")
        service.delete(path)
        removed += 1
    return kept, removed


def _paths(service: Service, there: str) -> list[str]:
    found, page = list[str](), there
    while page and len(found) < MOST:
        collection = service.get(page)
        found += members(collection)
        page = next_page(collection)
    return found[:MOST]


def _made(service: Service, place: tuple[str, dict[str, Any]], order: PushOrder) -> str:
    """Subscribe, and return the path of the subscription as it was read back."""
    there, events = place
    body: dict[str, object] = {
        "Destination": order.destination,
        "Context": order.context,
        "Protocol": "Redfish",
    }
    mandate.check(f"a subscription at {service.name}")
    try:
        service.told_to(there, body | {"EventFormatType": "Event"})
    except Rejected:  # it may be too old for that, and want to be told of what
        known = events.get("EventTypesForSubscription")
        types = [one for one in known if isinstance(one, str)] if isinstance(known, list) else []
        service.told_to(there, body | {"EventTypes": types or _OLD_TYPES})
    for path in _paths(service, there):
        if words(service.get(path).get("Destination"), 400) == order.destination:
            return path
    raise Rejected(f"{service.name} took a subscription and does not have it")
