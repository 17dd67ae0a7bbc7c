"""Whether the leases of other hosts change, by one clock only: the watcher's own."""

from __future__ import annotations

from dataclasses import dataclass

from anypool.warden.record import HARDWARE, Incarnation, Lease


@dataclass(frozen=True)
class Sighting:
    """A lease as it was last read, and since when it was seen unchanged, on the own clock.

    `since` is when a reading that first showed it had ended: never before it was written.
    """

    lease: Lease
    since: float
    looked_at: float

    def unchanged_s(self) -> float:
        """For how long it was seen unchanged: up to the last reading of it, not up to now."""
        return self.looked_at - self.since


class Watcher:
    """What was seen of all leases of one datastore."""

    def __init__(self) -> None:
        self._seen: dict[str, Sighting] = {}

    def see(self, lease: Lease, now: float) -> Sighting:
        """Take note of a lease that was read; `now` is after the reading."""
        before = self._seen.get(lease.host)
        same = before is not None and before.lease == lease
        since = before.since if same and before is not None else now
        made = Sighting(lease, since, now)
        self._seen[lease.host] = made
        return made

    def lose(self, host: str) -> None:
        """Take note that a lease could not be read, or did not check: nothing is known of it."""
        self._seen.pop(host, None)

    def of(self, host: str) -> Sighting | None:
        """What is known of a host."""
        return self._seen.get(host)

    def hosts(self) -> tuple[str, ...]:
        """The hosts of which something is known."""
        return tuple(sorted(self._seen))


@dataclass(frozen=True)
class Proven:
    """Somebody proved that a host is dead when its lease stood at this sequence."""

    host: str
    boot: str
    epoch: int
    sequence: int


QUIET_RENEWALS = 3
"""A lease that missed so many is not renewed now; with another's proof that is enough."""


def is_over(owner: Incarnation, seen: Sighting | None, proven: tuple[Proven, ...] = ()) -> bool:
    """Whether what a host ran in one of its lives runs no more.

    It does not if the host lives its next life; or if its lease stood still until its hardware
    watchdog has reset it; or if it stands still where somebody proved it dead. In doubt it runs.
    """
    if seen is None:
        return False
    lease = seen.lease
    if lease.incarnation != owner:
        return lease.host == owner.host and (lease.boot != owner.boot or lease.epoch > owner.epoch)
    if lease.watchdog == HARDWARE and seen.unchanged_s() >= lease.bound_s:
        return True
    here = Proven(lease.host, lease.boot, lease.epoch, lease.sequence)
    return here in proven and seen.unchanged_s() >= QUIET_RENEWALS * lease.renew_s
