"""How the manager and its pool are, in numbers for a monitoring system, and whether it is ready."""

from collections import Counter
from collections.abc import Iterable, Iterator

from msgspec import Struct

from anypool.engine import Engine
from anypool.errors import AnypoolError
from anypool.service.access import Deed, Principal, require
from anypool.store import Store, audit, runs


class Gauge(Struct, frozen=True, gc=False):
    """One number; `labels` tell those of one name apart."""

    name: str
    help: str
    value: float
    labels: tuple[tuple[str, str], ...] = ()


class Ready(Struct, frozen=True, kw_only=True, gc=False):
    """Whether requests that change something can be served here, and if not, why.

    `unread` counts the endpoints that are read-only since a restore from a backup;
    `backup_failed` says that the last attempt at a backup failed. It is ready all the same.
    """

    ready: bool
    leads: bool
    database: bool
    why: str = ""
    unread: int = 0
    backup_failed: bool = False


class Measures:
    """Counts by state; no VM or host has a number of its own here."""

    def __init__(self, engine: Engine, store: Store) -> None:
        self._engine = engine
        self._store = store

    def gauges(self, by: Principal) -> tuple[Gauge, ...]:
        """Return all numbers of this moment."""
        require(by, Deed.READ)
        return tuple(self._gauges())

    def ready(self) -> Ready:
        """Look at the database and the lease; asked by load balancers, who are nobody."""
        try:
            with self._store.reading() as tx:
                audit.head(tx)
        except AnypoolError as error:
            return Ready(ready=False, leads=False, database=False, why=error.message)
        leads = self._engine.leads
        return Ready(
            ready=leads,
            leads=leads,
            database=True,
            why="" if leads else "it stands by",
            unread=self._engine.resync.awaited,
            backup_failed=bool(self._engine.keeping.backups.schedule().failed_at),
        )

    def _gauges(self) -> Iterator[Gauge]:
        inventory = self._engine.inventory
        yield from _counted("hosts", "state", (h.state for h in inventory.hosts.values()))
        yield from _counted("vms", "state", (vm.state for vm in inventory.vms.values()))
        yield from _counted("endpoints", "state", (one.state for one in self._engine.health()))
        closed = sum(host.maintenance for host in inventory.hosts.values())
        yield Gauge("hosts_in_maintenance", "Hosts closed to new VMs", closed)
        unread = self._engine.resync.awaited
        yield Gauge("endpoints_unread", "Read-only since a restore, until read whole", unread)
        with self._store.reading() as tx:
            yield from _counted("operations", "state", (run.state for run in runs.unfinished(tx)))
            head = audit.head(tx)
        yield Gauge("audit_rows", "Number of the newest row of the audit trail", head.number)
        yield Gauge("audit_newest_time_seconds", "When it was written", head.at)
        yield Gauge("leads", "Whether this manager holds the lease", float(self._engine.leads))
        backups = self._engine.keeping.backups
        yield Gauge("backup_newest_time_seconds", "When it was taken", backups.newest_at())
        failed = float(bool(backups.schedule().failed_at))
        yield Gauge("backup_failed", "Whether the last attempt at a backup failed", failed)
        left_s = self._store.lease_left_s()
        yield Gauge("lease_left_seconds", "For how long nobody else can have taken over", left_s)
        version = float(self._engine.version)
        yield Gauge("inventory_version", "Grows with every change of the inventory", version)


def _counted(what: str, label: str, values: Iterable[str]) -> Iterator[Gauge]:
    for value, number in sorted(Counter(map(str, values)).items()):
        yield Gauge(what, f"Number of {what} by {label}", number, ((label, value),))
