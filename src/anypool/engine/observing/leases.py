"""Storage leases of hosts, as others read them: which are renewed, which stand still since when.

No clock of a host is asked. What is measured is how long a lease was seen unchanged, from the
end of the reading that first showed it to the last one that did, on the manager's own clock
that never jumps. A reading counts only if the reader's own lease has moved in it since the last:
a host that reads old content says nothing of others.
"""

import threading
from collections.abc import Callable, Iterable

from msgspec import Struct
from msgspec.structs import replace

from anypool.clock import Clock
from anypool.model import (
    Capability,
    DatastoreId,
    HostId,
    HostState,
    Inventory,
    LeaseExpired,
    StorageLease,
    WatchdogKind,
)

QUIET_RENEWALS = 3
"""A lease that missed so many renewals is not fresh."""
READERS = 2
"""So many hosts read the lease of a silent one, others the next time."""

Ask = Callable[[HostId, tuple[HostId, ...]], tuple[StorageLease, ...]]


class LeaseSight(Struct, frozen=True, kw_only=True, gc=False):
    """A lease as it was last read; `since` and `looked_at` are seconds of the steady clock.

    `expired_at` is the moment at which it was found to have stood still for its bound, 0 if not.
    """

    lease: StorageLease
    since: float
    looked_at: float
    expired_at: float = 0.0

    @property
    def unchanged_s(self) -> float:
        """For how long it was seen to stand where it stands."""
        return self.looked_at - self.since

    @property
    def is_quiet(self) -> bool:
        """Whether it was seen to be renewed no more."""
        return self.unchanged_s >= QUIET_RENEWALS * self.lease.renew_s


class Leases:
    """What is known of all leases; every method may be called from any thread."""

    def __init__(self, clock: Clock, moment: Callable[[], float]) -> None:
        self._clock = clock
        self._moment = moment
        self._lock = threading.Lock()
        self._seen: dict[HostId, dict[DatastoreId, LeaseSight]] = {}
        self._turn = 0
        self.accepted: frozenset[WatchdogKind] = frozenset({WatchdogKind.HARDWARE})
        """The watchdogs that make a proof of a lease that ran out."""
        self.ask: Ask = lambda *_: ()

    def accept_stand_ins(self, accept: bool) -> None:
        """Let a process that ends all others count as a hardware watchdog; for labs."""
        more = {WatchdogKind.STAND_IN} if accept else set()
        self.accepted = frozenset({WatchdogKind.HARDWARE} | more)

    def begin(self) -> None:
        """Know nothing."""
        with self._lock:
            self._seen.clear()

    def look(self, hosts: Iterable[HostId], inventory: Inventory) -> frozenset[HostId]:
        """Let other hosts read the leases of some; return who has renewed since the last look."""
        wanted = tuple(sorted(hosts))
        with self._lock:
            self._turn += 1
            turn = self._turn
        moved: set[HostId] = set()
        for reader in readers(wanted, inventory, turn):
            moved |= self.read(reader, self.ask(reader, (reader, *wanted)))
        return frozenset(moved)

    def read(self, reader: HostId, found: Iterable[StorageLease]) -> frozenset[HostId]:
        """Take note of one reading, which has ended now; return who has renewed since."""
        found = tuple(found)
        with self._lock:
            now = self._clock.monotonic()
            live = {one.datastore for one in found if one.host == reader and self._moved(one)}
            renewed = set()
            for one in found:
                seen = self._seen.setdefault(one.host, {})
                before = seen.get(one.datastore)
                if before is None or self._moved(one):
                    seen[one.datastore] = LeaseSight(lease=one, since=now, looked_at=now)
                    renewed |= {one.host} if before is not None else set()
                elif one.datastore in live and one.stands_at == before.lease.stands_at:
                    seen[one.datastore] = self._aged(before, now)
            return frozenset(renewed)

    def of(self, host: HostId) -> tuple[LeaseSight, ...]:
        """Return the leases of a host as they were last read, by datastore."""
        with self._lock:
            seen = self._seen.get(host, {})
            return tuple(seen[place] for place in sorted(seen))

    def age_s(self, host: HostId) -> float:
        """Return how long ago the leases of a host were last read, a long time if never."""
        seen = self.of(host)
        now = self._clock.monotonic()
        return min((now - one.looked_at for one in seen), default=float("inf"))

    def is_fresh(self, host: HostId) -> bool:
        """Return whether a lease of a host is renewed, or was too short ago to tell."""
        now = self._clock.monotonic()
        return any(now - one.since < QUIET_RENEWALS * one.lease.renew_s for one in self.of(host))

    def could_prove(self, host: HostId) -> bool:
        """Return whether a lease of a host would prove it dead once it ran out."""
        return any(one.lease.watchdog in self.accepted for one in self.of(host))

    def left_s(self, host: HostId) -> float | None:
        """Return for how long yet a lease must stand still to prove its host dead, None if never.

        Only of one that is renewed no more: of others nobody can say.
        """
        able = [one for one in self.of(host) if one.lease.watchdog in self.accepted]
        left = [one.lease.bound_s - one.unchanged_s for one in able if one.is_quiet]
        return max(0.0, min(left)) if left else None

    def proof(self, host: HostId) -> LeaseExpired | None:
        """Return the proof that a lease ran out, None if none did."""
        for one in self.of(host):
            lease = one.lease
            if one.expired_at and lease.watchdog in self.accepted:
                return LeaseExpired(
                    host=host,
                    datastore=lease.datastore,
                    boot=lease.boot,
                    epoch=lease.epoch,
                    sequence=lease.sequence,
                    bound_s=lease.bound_s,
                    watchdog=lease.watchdog,
                    identity=lease.identity,
                    at=one.expired_at,
                )
        return None

    def stands(self, proof: LeaseExpired) -> bool:
        """Return whether a lease that ran out still stands where it stood."""
        with self._lock:
            seen = self._seen.get(proof.host, {}).get(proof.datastore)
        return seen is not None and seen.lease.stands_at == proof.stands_at

    def _moved(self, one: StorageLease) -> bool:
        """Return whether a lease is newer than it was; what is older is an old reading."""
        before = self._seen.get(one.host, {}).get(one.datastore)
        if before is None:
            return False
        known = before.lease
        return one.boot != known.boot or (one.epoch, one.sequence) > (known.epoch, known.sequence)

    def _aged(self, before: LeaseSight, now: float) -> LeaseSight:
        made = replace(before, looked_at=now)
        if not made.expired_at and made.unchanged_s >= made.lease.bound_s:
            made = replace(made, expired_at=self._moment())
        return made


def readers(hosts: tuple[HostId, ...], inventory: Inventory, turn: int) -> tuple[HostId, ...]:
    """Return hosts that answer, can be asked, and share a datastore with all or some of these."""
    places = {
        store
        for key in hosts
        if (host := inventory.hosts.get(key)) is not None
        for store in host.datastores
        if (known := inventory.datastores.get(store)) is not None and known.shared
    }
    able = sorted(
        one.id
        for one in inventory.hosts.values()
        if one.id not in hosts
        and one.state is HostState.UP
        and Capability.HOST_LEASES in one.abilities
        and places & one.datastores
    )
    first = turn % len(able) if able else 0
    return tuple((able[first:] + able[:first])[:READERS])
