"""Wardens of simulated hosts: leases that are renewed while a host can, and what ends when not.

They follow the rules of the real one (`anypool.warden`), in whole renewals: a host that cannot
reach its storage ends its VMs after the limit; one that is frozen is reset by its watchdog, if
that is hardware, and goes on as if nothing had been when it thaws, if not.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from anypool.drivers.sim.state import State
from anypool.model import DatastoreId, HostId, StorageLease, WatchdogKind

RENEW_S = 2.0
LIMIT_S = 14.0
WATCHDOG_S = 6.0
BOUND_S = LIMIT_S + WATCHDOG_S + 2.0


@dataclass
class SimWarden:
    """One warden; `stopped_at` is since when it renews no more, 0 while it does.

    One that is `still` stands still with its host, which nobody waits for as for a frozen one.
    """

    kind: WatchdogKind
    stored: bool = True
    still: bool = False
    stopped_at: float = 0.0
    boots: int = 0
    bitten: bool = False


@dataclass
class Wardens:
    """The wardens of a world, and how it lets hosts die."""

    die: Callable[[State, HostId], None]
    end_vms: Callable[[State, HostId], None]
    known: dict[HostId, SimWarden] = field(default_factory=dict)

    def advance(self, state: State) -> None:
        """Let happen what became due."""
        for host, one in self.known.items():
            row = state.hosts.get(host)
            if row is None:
                continue
            renews = row.lives and not (row.frozen_at or one.still) and one.stored
            if renews:
                if one.stopped_at:
                    self._again(state, host, one)
                one.stopped_at, one.bitten = 0.0, False
            elif not one.stopped_at:
                one.stopped_at = row.frozen_at or state.now
                one.boots += 0 if row.lives else 1
            self._due(state, host, one)

    def _again(self, state: State, host: HostId, one: SimWarden) -> None:
        """End what ran before a lease that was lost is claimed anew."""
        if state.now - one.stopped_at >= LIMIT_S:
            one.boots += 1
            self.end_vms(state, host)

    def _due(self, state: State, host: HostId, one: SimWarden) -> None:
        row = state.host(host)
        if not one.stopped_at or not row.lives:
            return
        since = state.now - one.stopped_at
        if row.frozen_at or one.still:
            bites = since >= WATCHDOG_S and one.kind is WatchdogKind.HARDWARE
            if bites and not one.bitten:
                one.bitten = True
                self.die(state, host)
        elif since >= LIMIT_S:
            self.end_vms(state, host)

    def leases(self, state: State, of: Iterable[HostId]) -> tuple[StorageLease, ...]:
        """Return the leases of some hosts, on each shared datastore they have."""
        found = []
        for host in of:
            one, row = self.known.get(host), state.hosts.get(host)
            if one is None or row is None:
                continue
            for store in sorted(row.host.datastores):
                kept = state.datastores.get(store)
                if kept is not None and kept.datastore.shared:
                    found.append(self._lease(state, host, one, store))
        return tuple(found)

    def _lease(
        self, state: State, host: HostId, one: SimWarden, store: DatastoreId
    ) -> StorageLease:
        return StorageLease(
            host=host,
            datastore=store,
            boot=f"boot-{one.boots}",
            epoch=1,
            sequence=int((one.stopped_at or state.now) / RENEW_S),
            renew_s=RENEW_S,
            limit_s=LIMIT_S,
            bound_s=BOUND_S,
            watchdog=one.kind,
            watchdog_s=WATCHDOG_S,
            identity="simulated",
        )
