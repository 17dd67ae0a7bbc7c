"""Servers that are to be something else, in scenarios: all profiles of the pool belong to it."""

from anypool.model import Inventory, ProfileId
from anypool.model.calendar import Memory
from anypool.plan import Plan
from anypool.planner.repurpose.aim import Aim, Hosted
from anypool.planner.repurpose.change import plan_repurpose
from anypool.scenario.deed import Asked
from anypool.scenario.page import instead
from anypool.scenario.racks import server_of

_MARKS = ("to", "yields", "starts", "stops", "hosts")


def repurposed(asked: Asked) -> Plan:
    """Return the plan that makes the named servers bear what follows `to`.

    What follows `yields` is wanted too, and gives its server up. With `hosts` servers that bear
    nothing are hypervisors again. What was emptied and is off belongs to it.
    """
    parts = _parts(asked)
    inventory = asked.inventory
    servers = frozenset(server_of(inventory, asked.item, name).id for name in parts[""])
    aim = Aim(
        name="the scenario",
        purpose="it",
        servers=servers,
        wanted=_profiles(asked, parts["to"]),
        yielding=_profiles(asked, parts["yields"]),
        managed=frozenset(inventory.profiles),
        start=_services(asked, parts["starts"]),
        stop=_services(asked, parts["stops"]),
        hosts="hosts" in asked.words,
        memory=Memory(closed=frozenset(key for key in servers if _is_shut(inventory, key))),
    )
    return plan_repurpose(inventory, aim, asked.world.rules())


def _parts(asked: Asked) -> dict[str, list[str]]:
    """Return the words after each mark, those before all under ""."""
    found: dict[str, list[str]] = {mark: [] for mark in ("", *_MARKS)}
    mark = ""
    for word in asked.words:
        if word in _MARKS:
            mark = word
        else:
            found[mark].append(word)
    return found


def _profiles(asked: Asked, names: list[str]) -> tuple[ProfileId, ...]:
    known = [one.name for one in asked.inventory.profiles.values()]
    for name in names:
        if name not in known:
            raise asked.item.wrong(f"there is no profile {name!r}", hint=instead(name, known))
    return tuple(map(ProfileId, names))


def _services(asked: Asked, names: list[str]) -> tuple[Hosted, ...]:
    found = []
    for name in names:
        service = Asked(asked.world, asked.item, (name,)).service()
        members = asked.world.members(service)
        ids = {part: tuple(vm.id for vm in vms) for part, vms in members.items()}
        found.append(Hosted(service=service, members=ids))
    return tuple(found)


def _is_shut(inventory: Inventory, key: str) -> bool:
    host = next((one for one in inventory.hosts.values() if one.id == key), None)
    return host is not None and host.maintenance and host.state != "up"
