"""What would happen if something failed: asked before it does."""

import threading
from collections.abc import Iterable, Iterator, Set

from msgspec import Struct

from anypool.engine import Engine
from anypool.errors import Invalid
from anypool.model import Failover, HostId, Inventory, VmId
from anypool.plan import Reason
from anypool.planner.failover import (
    LEVELS,
    DeathMap,
    Failure,
    Fate,
    Ground,
    Order,
    Recovery,
    Spare,
    of_datastore,
    of_domain,
    of_hosts,
    recover,
    spares,
    why_there,
)
from anypool.planner.ha import protect
from anypool.search import Noun
from anypool.service import find
from anypool.service.access import Deed, Principal, require
from anypool.service.listing import searched_page
from anypool.service.pages import Ask, Listed


class Asked(Struct, frozen=True, kw_only=True):
    """What is to fail: hosts by name or id, or all with a tag, or a datastore; one of the three."""

    hosts: tuple[str, ...] = ()
    domain: str = ""
    datastore: str = ""


class Asks(Struct, frozen=True, kw_only=True):
    """Hosts whose VMs start elsewhere only if a person does something, and why, in names."""

    hosts: tuple[str, ...]
    why: Reason


class Foreseen(Struct, frozen=True, kw_only=True):
    """What would happen, on which inventory, and what else was known of the order."""

    recovery: Recovery
    inventory: Inventory
    order: Order
    asks: tuple[Asks, ...]


class Foretold(Struct, frozen=True, kw_only=True):
    """One failure of the death map, counted; `last_ms` is when its last VM would start.

    Of `lost` VMs `left` have a place, where nobody here starts them. On `asks` of its hosts nothing
    starts by itself.
    """

    id: str
    kind: str
    name: str
    hosts: tuple[str, ...]
    vms: int
    lost: int
    left: int
    last_ms: int
    asks: int
    worst: Fate | None


class Doom(Struct, frozen=True, kw_only=True):
    """The fate of one VM in one failure of the death map, with names."""

    id: str
    kind: str
    failure: str
    vm_name: str
    home_name: str
    host_name: str
    priority: str
    code: str
    fate: Fate


class Failures:
    """The use cases about failures; nothing of them changes anything."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._lock = threading.Lock()
        self._map: DeathMap | None = None

    def death_map(self, by: Principal, pool: str, ask: Ask) -> Listed[Foretold]:
        """Return a page of the failures that match; raise `NotFound`, `Invalid` for a query."""
        require(by, Deed.READ)
        self._check_pool(pool)
        found, inventory = self._current()
        mine = [one for one in found if _concerns(one, pool, inventory)]
        asking = self._asking(inventory, (host for one in mine for host in one.failure.hosts))
        rows = [_foretold(one, inventory, asking.keys()) for one in mine]
        return searched_page(inventory, Noun.FAILURE, rows, ask)

    def fates(self, by: Principal, pool: str, ask: Ask) -> Listed[Doom]:
        """Return a page of the fates of VMs in all failures; raise as `death_map` does."""
        require(by, Deed.READ)
        self._check_pool(pool)
        found, inventory = self._current()
        rows = [
            doom
            for one in found
            if _concerns(one, pool, inventory)
            for doom in _dooms(one, inventory)
        ]
        return searched_page(inventory, Noun.FATE, rows, ask)

    def spares(self, by: Principal, pool: str) -> tuple[Spare, ...]:
        """Return how far the policies about failures that name hosts of a pool are kept now."""
        require(by, Deed.READ)
        inventory = self._engine.inventory
        bounds = self._engine.policies.bounds(inventory)
        mine = {host.id for host in inventory.hosts.values() if host.pool == pool}
        asked = {b.policy for b in bounds if isinstance(b.rule, Failover) and b.hosts & mine}
        found = spares(inventory, bounds, outlook=self._engine.policies.outlook)
        return tuple(one for one in found if one.policy in asked)

    def fates_of_hosts(self) -> dict[VmId, Fate]:
        """Return what the failure of its host would do to each VM."""
        found, _ = self._current()
        return {f.vm: f for one in found if one.failure.kind == "host" for f in one.fates}

    def _current(self) -> tuple[tuple[Recovery, ...], Inventory]:
        """Return the death map of now, brought up to date by whoever asks."""
        inventory, services = self._engine.inventory, self._engine.services.all()
        rules = self._engine.policies.rulebook(inventory)
        with self._lock:
            if self._map is None:
                self._map = DeathMap(inventory, rules, services, earnest=True)
            else:
                self._map.advance(inventory, rules, services)
            return tuple(self._map.all()), inventory

    def what_if(self, by: Principal, pool: str, asked: Asked) -> Foreseen:
        """Return what would happen to every VM; raise `NotFound`, `Conflict` or `Invalid`."""
        failure, inventory = self.failing(by, pool, asked)
        rules = self._engine.policies.rulebook(inventory)
        order = Order(inventory, rules, self._engine.services.all())
        recovery = recover(Ground(inventory, rules, earnest=True), order, failure)
        homes = (fate.home for fate in recovery.restarted)
        asks = _grouped(self._asking(inventory, homes), inventory)
        return Foreseen(recovery=recovery, inventory=inventory, order=order, asks=asks)

    def failing(self, by: Principal, pool: str, asked: Asked) -> tuple[Failure, Inventory]:
        """Return what is to fail, and where; raise `NotFound`, `Conflict` or `Invalid`."""
        require(by, Deed.READ)
        self._check_pool(pool)
        inventory = self._engine.inventory
        failure = _failure(inventory, asked)
        _check_inside(inventory, pool, failure.hosts)
        return failure, inventory

    def _asking(self, inventory: Inventory, hosts: Iterable[HostId]) -> dict[HostId, Reason]:
        """Return of which hosts nothing starts elsewhere by itself, and why."""
        rules = protect.rules_by_host(self._engine.policies.bounds(inventory))
        leases = self._engine.vitals.leases
        leased = frozenset(key for key in rules if leases.could_prove(key))
        on = protect.Ground(inventory=inventory, rules=rules, fates={}, leased=leased)
        found = {key: protect.asks(key, on) for key in sorted(set(hosts)) if key in inventory.hosts}
        return {key: why for key, why in found.items() if why is not None}

    def _check_pool(self, key: str) -> None:
        find.pool(self._engine.pools.all(), key)


def _concerns(found: Recovery, pool: str, inventory: Inventory) -> bool:
    """Return whether a failure is of hosts of a pool, or stops VMs there."""
    hosts = found.failure.hosts or {fate.home for fate in found.fates}
    return any(inventory.hosts[host].pool == pool for host in hosts if host in inventory.hosts)


def _grouped(asking: dict[HostId, Reason], inventory: Inventory) -> tuple[Asks, ...]:
    """Return for each reason the hosts that it is about."""
    named: dict[Reason, list[str]] = {}
    for key, why in asking.items():
        named.setdefault(why, []).append(inventory.hosts[key].name)
    return tuple(Asks(hosts=tuple(sorted(names)), why=why) for why, names in named.items())


def _foretold(found: Recovery, inventory: Inventory, asking: Set[HostId]) -> Foretold:
    failure, hosts = found.failure, inventory.hosts
    return Foretold(
        id=f"{failure.kind}/{failure.name}",
        kind=failure.kind,
        name=_name(failure, inventory),
        hosts=tuple(sorted(hosts[key].name for key in failure.hosts if key in hosts)),
        vms=len(found.fates),
        lost=len(found.lost),
        left=sum(fate.left for fate in found.lost),
        last_ms=max((fate.starts_ms for fate in found.restarted), default=0),
        asks=len(failure.hosts & asking),
        worst=next(iter(found.lost), None),
    )


def _dooms(found: Recovery, inventory: Inventory) -> Iterator[Doom]:
    failure, name = found.failure, _name(found.failure, inventory)
    vms, hosts = inventory.vms, inventory.hosts
    for fate in found.fates:
        yield Doom(
            id=f"{failure.kind}/{failure.name}/{fate.vm}",
            kind=failure.kind,
            failure=name,
            vm_name=vms[fate.vm].name,
            home_name=hosts[fate.home].name if fate.home in hosts else fate.home,
            host_name="" if fate.host is None else hosts[fate.host].name,
            priority=LEVELS[fate.level],
            code=why_there(fate).code,
            fate=fate,
        )


def _name(failure: Failure, inventory: Inventory) -> str:
    if failure.datastore is not None:
        return inventory.datastores[failure.datastore].name
    if failure.kind == "host":
        return inventory.hosts[next(iter(failure.hosts))].name
    return failure.name


def _failure(inventory: Inventory, asked: Asked) -> Failure:
    if sum(map(bool, (asked.hosts, asked.domain, asked.datastore))) != 1:
        hint = "name hosts, or a failure domain such as rack:r1, or a datastore"
        raise Invalid("say what fails: one of the three", hint=hint)
    if asked.domain:
        return of_domain(inventory, asked.domain)
    if asked.datastore:
        return of_datastore(find.datastore(inventory, asked.datastore).id)
    return of_hosts(find.host(inventory, key).id for key in asked.hosts)


def _check_inside(inventory: Inventory, pool: str, hosts: Iterable[str]) -> None:
    strange = sorted(h.name for h in inventory.hosts.values() if h.id in hosts and h.pool != pool)
    if strange:
        raise Invalid(f"{', '.join(strange[:5])} is not in the pool {pool}", hint="name its pool")
