"""Having storage leases read: often those of silent hosts, all of them now and then."""

from collections.abc import Callable, Iterable
from functools import partial

from anypool.engine.observing.vitals import Vitals
from anypool.engine.threads import UnderWay
from anypool.model import Capability, Host, HostId, HostState, Inventory
from anypool.planner.ha.decide import LeaseClock
from anypool.planner.ha.detect import Path, Word

LOOK_S = 2.0
ALL_S = 60.0


class Leasing:
    """What is read when; used by one thread at a time."""

    def __init__(self, vitals: Vitals) -> None:
        self._vitals = vitals
        self._all_at = 0.0
        self._silent_at = 0.0
        self._under_way = UnderWay()

    def begin(self) -> None:
        """Read all again."""
        self._all_at = self._silent_at = 0.0
        self._under_way.forget()

    def tasks(self, hosts: Iterable[HostId], inventory: Inventory) -> list[Callable[[], None]]:
        """Return the readings that are due and not under way; each may take seconds.

        Of hosts that see the same shared datastores one reads all; a datastore of one host alone
        has no lease that anybody else could judge by.
        """
        now = self._vitals.moments.now()
        known = [inventory.hosts[key] for key in sorted(set(hosts)) if key in inventory.hosts]
        silent = tuple(one.id for one in known if one.state is not HostState.UP)
        due: list[Callable[[], None] | None] = []
        if silent and now - self._silent_at >= LOOK_S:
            self._silent_at = now
            due.append(self._under_way.once("", partial(self._listen, silent, inventory)))
        if now - self._all_at >= ALL_S:
            self._all_at = now
            for key in readers(known, inventory):
                due.append(self._under_way.once(key, partial(self._survey, key)))
        return [one for one in due if one is not None]

    def clock(self, host: HostId) -> LeaseClock | None:
        """Return how long the lease of a host must stand still yet, None if it proves nothing."""
        leases = self._vitals.leases
        if not leases.could_prove(host):
            return None
        named = next((one.lease.identity for one in leases.of(host)), "")
        return LeaseClock(left_s=leases.left_s(host), watchdog=named)

    def _listen(self, silent: tuple[HostId, ...], inventory: Inventory) -> None:
        """Note who renews, and whose lease was seen to stand still; nothing of others."""
        leases = self._vitals.leases
        renewed = leases.look(silent, inventory)
        for key in silent:
            seen = leases.of(key)
            if key in renewed:
                self._vitals.note(key, Path.STORAGE, Word.ANSWERS)
            elif seen and all(one.is_quiet for one in seen):
                self._vitals.note(key, Path.STORAGE, Word.SILENT)

    def _survey(self, reader: HostId) -> None:
        """Let a host read all there are, so that it is known which would prove something."""
        leases = self._vitals.leases
        leases.read(reader, leases.ask(reader, ()))


def readers(hosts: Iterable[Host], inventory: Inventory) -> list[HostId]:
    """Return the hosts that read all leases: one of those that see the same shared datastores."""
    shared = frozenset(key for key, one in inventory.datastores.items() if one.shared)
    able = (
        one
        for one in hosts
        if one.state is HostState.UP and Capability.HOST_LEASES in one.abilities
    )
    return sorted(
        {one.datastores & shared: one.id for one in able if one.datastores & shared}.values()
    )
