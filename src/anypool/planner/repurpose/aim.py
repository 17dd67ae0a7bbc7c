"""What servers are to be, as values, and what is to be remembered of how they came to it."""

from msgspec import Struct
from msgspec.structs import replace

from anypool.errors import Conflict
from anypool.model import HostId, Inventory, ProfileId, ServerId, Service, ServiceId, Vm, VmId
from anypool.model.calendar import Calendar, Memory, OnLoad
from anypool.model.service import found
from anypool.plan import (
    ApplyProfile,
    EnterMaintenance,
    LeaveMaintenance,
    MigrateVm,
    Plan,
    WithdrawProfile,
    reason,
    refuse,
)
from anypool.search import Noun, parse

BACK = "repurpose.back"
"""The reason of a migration by which a VM returns to a hypervisor."""


class Hosted(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A service with the VMs of each of its components."""

    service: Service
    members: dict[str, tuple[VmId, ...]]

    def vms(self, inventory: Inventory) -> dict[str, tuple[Vm, ...]]:
        """Return the VMs as they are now; raise `NotFound`."""
        return {name: tuple(map(inventory.vm, vms)) for name, vms in self.members.items()}


class Aim(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a group of servers is to be.

    `wanted` are the profiles to be borne, the most important first; those in `yielding` too, which
    give their server up for them, the first first. All others of `managed` leave. `start` and
    `stop` are services. With `hosts` servers that bear nothing are hypervisors again.
    """

    name: str
    purpose: str
    servers: frozenset[ServerId]
    wanted: tuple[ProfileId, ...] = ()
    yielding: tuple[ProfileId, ...] = ()
    managed: frozenset[ProfileId] = frozenset()
    start: tuple[Hosted, ...] = ()
    stop: tuple[Hosted, ...] = ()
    hosts: bool = False
    memory: Memory = Memory()


class Known(Struct, frozen=True):
    """What a calendar is read with: the pool, the services that there are, what is remembered."""

    inventory: Inventory
    services: tuple[Service, ...] = ()
    memory: Memory = Memory()


def servers_of(calendar: Calendar, inventory: Inventory) -> frozenset[ServerId]:
    """Return the servers that a calendar is about; raise `Invalid` for a query nobody reads."""
    query = parse(calendar.servers, Noun.SERVER)
    return frozenset(one.id for one in query.filter(inventory.servers.values(), inventory))


def holds_in(rule: OnLoad | None, purpose: str) -> OnLoad | None:
    """Return what holds on load in a purpose, None if nothing does."""
    return rule if rule is not None and purpose in (rule.during or (purpose,)) else None


def aim_of(calendar: Calendar, purpose: str, extra: int, known: Known) -> Aim:
    """Return what a calendar wants in a purpose, with so many profiles more on load.

    Profiles that were deleted are left out. Raise `Conflict` where a service lacks VMs or is gone.
    """
    inventory = known.inventory
    wanted = calendar.purpose(purpose)
    assert wanted is not None
    rule = holds_in(calendar.on_load, purpose)
    more = () if rule is None else rule.profiles[:extra]
    yields = () if rule is None or not more else rule.yields
    there = [key for key in (*wanted.profiles, *more) if key in inventory.profiles]
    yielding = tuple(key for key in yields if key in wanted.profiles and key in there)
    first = tuple(dict.fromkeys(key for key in there if key not in yielding))
    services = {one.id: one for one in known.services}
    gone = [key for key in calendar.services if key not in wanted.services and key in services]
    return Aim(
        name=calendar.id,
        purpose=purpose,
        servers=servers_of(calendar, inventory),
        wanted=first,
        yielding=yielding,
        managed=frozenset(calendar.profiles),
        start=tuple(_hosted(key, services, inventory) for key in wanted.services),
        stop=tuple(_hosted(key, services, inventory) for key in gone),
        hosts=wanted.hosts,
        memory=known.memory,
    )


def remembered(memory: Memory, plan: Plan) -> Memory:
    """Return what is remembered once a plan that repurposes servers has begun."""
    homes, away = dict(memory.homes), dict(memory.away)
    closing = {one.action.host for one in plan if isinstance(one.action, EnterMaintenance)}
    closed, opens = set(memory.closed) | closing, set(memory.opens)
    for step in plan:
        match step.action:
            case ApplyProfile(profile=profile, server=server):
                homes[profile] = server
            case WithdrawProfile(profile=profile, server=server):
                homes[profile] = server
                if HostId(server) in closing:
                    opens.add(profile)
            case LeaveMaintenance(host=host):
                closed.discard(host)
            case MigrateVm(vm=vm, source=source):
                if step.why.code == BACK:
                    away.pop(vm, None)
                elif source in closing:
                    away.setdefault(vm, source)
            case _:
                continue
    left = {vm: home for vm, home in away.items() if home in closed}
    return Memory(
        homes=homes,
        closed=frozenset(closed),
        away=tuple(sorted(left.items())),
        opens=frozenset(opens),
    )


def without_strangers(aim: Aim, inventory: Inventory) -> Aim:
    """Return an aim that remembers no VM that is gone, or has gone elsewhere for good."""
    kept = tuple(
        (vm, home)
        for vm, home in aim.memory.away
        if vm in inventory.vms and home in inventory.hosts and inventory.vms[vm].host != home
    )
    return replace(aim, memory=replace(aim.memory, away=kept))


def _hosted(key: ServiceId, services: dict[ServiceId, Service], inventory: Inventory) -> Hosted:
    service = services.get(key)
    if service is None:
        why = reason("repurpose.no-service", service=key)
        raise refuse(Conflict, why, reason("hint.repurpose-service"))
    if any(one.profile for one in service.components):
        why = reason("repurpose.mixed-service", service=key)
        raise refuse(Conflict, why, reason("hint.repurpose-service"))
    names = frozenset(name for one in service.components for name in service.members(one))
    vms = found(names, inventory)
    if missing := tuple(sorted(names - vms.keys())):
        why = reason("serve.missing", service=service.id, vms=missing[:5])
        raise refuse(Conflict, why, reason("hint.apply", service=service.id))
    members = {
        one.name: tuple(vms[name].id for name in service.members(one)) for one in service.components
    }
    return Hosted(service=service, members=members)
