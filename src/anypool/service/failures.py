"""What would happen if something failed: asked before it does."""

from collections.abc import Iterable

from msgspec import Struct

from anypool.engine import Engine
from anypool.errors import Invalid, NotFound
from anypool.model import Inventory
from anypool.planner.failover import (
    Failure,
    Ground,
    Order,
    Recovery,
    of_datastore,
    of_domain,
    of_hosts,
    recover,
)
from anypool.service import find
from anypool.service.access import Deed, Principal, require


class Asked(Struct, frozen=True, kw_only=True):
    """What is to fail: hosts by name or id, or all with a tag, or a datastore; one of the three."""

    hosts: tuple[str, ...] = ()
    domain: str = ""
    datastore: str = ""


class Foreseen(Struct, frozen=True, kw_only=True):
    """What would happen, on which inventory, and what else was known of the order."""

    recovery: Recovery
    inventory: Inventory
    order: Order


class Failures:
    """The use cases about failures; nothing of them changes anything."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def what_if(self, by: Principal, pool: str, asked: Asked) -> Foreseen:
        """Return what would happen to every VM; raise `NotFound`, `Conflict` or `Invalid`."""
        require(by, Deed.READ)
        self._check_pool(pool)
        inventory = self._engine.inventory
        failure = _failure(inventory, asked)
        _check_inside(inventory, pool, failure.hosts)
        rules = self._engine.policies.rulebook(inventory)
        order = Order(inventory, rules, self._engine.services.all())
        recovery = recover(Ground(inventory, rules), order, failure)
        return Foreseen(recovery=recovery, inventory=inventory, order=order)

    def _check_pool(self, key: str) -> None:
        if key not in {one.id for one in self._engine.pools.all()}:
            hint = "`anypool pool list` shows them"
            raise NotFound(f"there is no pool {key[:80]!r}", hint=hint)


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
