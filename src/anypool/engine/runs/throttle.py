"""How much at once: steps in all and per host, migrations per host and per pool."""

from anypool.engine.runs.state import Usage, pools_of
from anypool.model import Inventory
from anypool.plan import Action, MigrateVm, hosts_of
from anypool.settings import Settings


def has_room(action: Action, usage: Usage, inventory: Inventory, settings: Settings) -> bool:
    """Return whether one more step may begin beside what runs."""
    if usage.steps >= settings.steps_at_once:
        return False
    hosts = hosts_of(action)
    if any(usage.by_host.get(host, 0) >= settings.steps_per_host for host in hosts):
        return False
    if not isinstance(action, MigrateVm):
        return True
    if any(usage.moves_by_host.get(host, 0) >= settings.moves_per_host for host in hosts):
        return False
    pools = pools_of(action, inventory)
    return all(usage.moves_by_pool.get(pool, 0) < settings.moves_per_pool for pool in pools)
