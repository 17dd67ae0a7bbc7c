"""Whether a VM may run on this host, and the record that says so."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass

from anypool.warden import sector
from anypool.warden.config import Told
from anypool.warden.holdings import Holdings, Refused, next_of
from anypool.warden.keeping import Clock
from anypool.warden.record import LEASE_PREFIX, Holding, Incarnation, Lease
from anypool.warden.sector import Torn
from anypool.warden.watching import Proven, Sighting, is_over

_TRIES = 5


class HeldElsewhere(Refused):
    """Another host, which may live, holds the VM."""


@dataclass(frozen=True)
class Here:
    """This host as far as one datastore goes: its life, whether its lease is fresh, its eyes.

    `seen` reads the lease of a host when it is asked, so after the record that names the host: a
    life is claimed before anything is taken in it, so that another life is a later one then.
    `proven` are hosts of which somebody proved to this start that they are dead.
    """

    me: Incarnation
    fresh: bool
    seen: Callable[[str], Sighting | None]
    proven: tuple[Proven, ...] = ()

    def lives(self, life: Incarnation | None) -> bool:
        """Whether another host may run what is its; in doubt yes.

        An earlier life of this host does not: its warden began the next when nothing ran.
        """
        if life is None or life.host == self.me.host:
            return False
        return not is_over(life, self.seen(life.host), self.proven)


def here_of(told: Told, clock: Clock, proven: tuple[Proven, ...] = ()) -> Here:
    """Return this host by what its warden told of a datastore, and by what lies there now."""
    known = {one.lease.host: one for one in told.seen}

    def seen(host: str) -> Sighting | None:
        try:
            path = os.path.join(told.folder, f"{LEASE_PREFIX}{host}")
            lease = Lease.decoded(sector.read(path))
        except (OSError, Torn):
            return None
        now = clock()
        before = known.get(host)
        if before is not None and before.lease == lease:
            return before
        return Sighting(lease, now, now) if lease.host == host else None

    return Here(told.me, told.fresh(clock()), seen, proven)


def take(holdings: Holdings, vm: str, here: Here) -> Holding:
    """Make a VM this host's, before it starts; raise `Refused`."""
    _check_fresh(here)
    for _ in range(_TRIES):
        last = holdings.last(vm)
        if last is not None and last.owner == here.me and last.heir is None:
            return last
        _refuse_if(here, last, owner=True)
        mine = next_of(last, vm, here.me)
        if holdings.put(last, mine):
            return mine
    raise Refused("others take it at the same moment")


def expect(holdings: Holdings, vm: str, here: Here) -> Holding:
    """Note that a VM may come to this host by migration, before it does; raise `Refused`.

    From then on nobody but its owner and this host may run it.
    """
    _check_fresh(here)
    for _ in range(_TRIES):
        last = holdings.last(vm)
        if last is not None and here.me in (last.owner, last.heir):
            return last
        _refuse_if(here, last, owner=False)
        if last is None or not here.lives(last.owner):
            mine = next_of(last, vm, here.me)
        else:
            mine = next_of(last, vm, last.owner, here.me)
        if holdings.put(last, mine):
            return mine
    raise Refused("others take it at the same moment")


def is_ours(holdings: Holdings, vm: str, me: Incarnation) -> bool:
    """Whether a VM is this host's in this life, or comes to it; raise `Unreadable`."""
    last = holdings.last(vm)
    return last is not None and me in (last.owner, last.heir)


def check(holdings: Holdings, vm: str, here: Here) -> None:
    """Raise `Refused` unless a VM is this host's, or comes to it, and the lease is fresh."""
    _check_fresh(here)
    if not is_ours(holdings, vm, here.me):
        raise Refused("it is not held by this host any more")


def release(holdings: Holdings, vm: str, me: Incarnation) -> None:
    """Let a VM go that runs here no more: to its heir, if it has one. Quiet if it is another's."""
    for _ in range(_TRIES):
        last = holdings.last(vm)
        if last is None or me not in (last.owner, last.heir):
            return
        owner = last.heir if last.owner == me else last.owner
        if holdings.put(last, next_of(last, vm, None if owner == me else owner)):
            return
    raise Refused("others change it at the same moment")


def _check_fresh(here: Here) -> None:
    if not here.fresh:
        raise Refused("this host does not hold its own lease: see `anypool-warden status`")


def _refuse_if(here: Here, last: Holding | None, *, owner: bool) -> None:
    if last is None:
        return
    for life in (last.owner if owner else None, last.heir):
        if life is not None and here.lives(life):
            raise HeldElsewhere(_told(life, here.seen(life.host)))


def _told(life: Incarnation, seen: Sighting | None) -> str:
    if seen is None:
        return f"host {life.host} holds it, and nothing is known of that host's lease"
    name = seen.lease.name or life.host
    return (
        f"host {name} holds it (its lease: sequence {seen.lease.sequence}, unchanged for "
        f"{seen.unchanged_s():.0f} s, watchdog {seen.lease.watchdog})"
    )
