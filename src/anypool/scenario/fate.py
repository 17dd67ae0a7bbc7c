"""What a failure would do, foreseen and told; nothing fails."""

from collections.abc import Iterator

from anypool.plan import names_in, say
from anypool.plan.render import Names
from anypool.planner.failover import (
    LEVELS,
    DeathMap,
    Failure,
    Fate,
    Recovery,
    of_datastore,
    of_domain,
    of_hosts,
    plan_recovery,
    proofs,
    why_there,
)
from anypool.scenario.deed import Asked
from anypool.scenario.event import Event
from anypool.scenario.page import instead
from anypool.scenario.world import World


def answered(world: World, event: Event) -> tuple[str, ...]:
    """Return the answer to a question, in lines; raise `NotFound` or `Invalid` for a bad name."""
    if event.verb == "what-if":
        return _foreseen(world, event)
    all_ = DeathMap(world.inventory, world.rules(), world.services).all()
    return tuple(line for one in all_ for line in _counted(one, names_in(world.inventory)))


def _counted(found: Recovery, names: Names) -> Iterator[str]:
    """Yield what one failure of the death map does, and each VM that does not restart."""
    failure = found.failure
    what = failure.name
    if failure.kind in ("host", "datastore"):
        what = f"{failure.kind} {_single(failure, names)}"
    yield f"{what}: {len(found.fates)} stop, {len(found.lost)} do not restart"
    for fate in found.lost:
        yield f"  {names(fate.vm)}: {say(why_there(fate))}"


def _single(failure: Failure, names: Names) -> str:
    return names(next(iter(failure.hosts))) if failure.hosts else failure.name


def _foreseen(world: World, event: Event) -> tuple[str, ...]:
    """Return what would happen to every VM, a line each; raise `NotFound` for a domain.

    `what-if h1 h2` are hosts, `what-if rack:a` is a domain, `what-if datastore san` a datastore.
    """
    inventory = world.inventory
    failure = _failure(Asked(world, event.item, event.words))
    recovery = plan_recovery(inventory, failure, world.rules(), world.services)
    names = names_in(inventory)
    lines = [f"If {say(why)}:" for why in proofs(recovery, inventory)]
    for fate in recovery.fates:
        lines.append(f"  {names(fate.vm)} {_place(fate, names)}  - {say(why_there(fate))}")
    return tuple(lines) or ("no VM is stopped",)


def _failure(asked: Asked) -> Failure:
    first, *others = asked.words
    if first == "datastore" and others:
        stores = asked.inventory.datastores.values()
        for store in stores:
            if others[0] in (store.name, store.id):
                return of_datastore(store.id)
        hint = instead(others[0], (store.name for store in stores))
        raise asked.item.wrong(f"there is no datastore {others[0]!r}", hint=hint)
    if ":" in first:
        return of_domain(asked.inventory, first)
    return of_hosts(asked.host(name) for name in asked.words)


def _place(fate: Fate, names: Names) -> str:
    level = LEVELS[fate.level]
    if fate.host is None:
        near = "" if fate.near is None else f", {names(fate.near)} was nearest"
        return f"does not restart ({level}{near})"
    after = f", after {', '.join(map(names, fate.after))}" if fate.after else ""
    return f"restarts on {names(fate.host)} at {fate.starts_ms / 1000:g} s ({level}{after})"
