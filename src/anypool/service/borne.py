"""Components that are a profile: how they stand, and the VM that would bear one."""

import uuid
from collections.abc import Callable
from contextlib import suppress

from msgspec.structs import replace

from anypool.engine import Engine
from anypool.engine.observing.boothosts import DRIVER
from anypool.errors import Conflict, Invalid, NotFound
from anypool.model import (
    Bearer,
    Component,
    Inventory,
    Member,
    NetworkId,
    Nic,
    ProbeKind,
    Profile,
    ReadyKind,
    Service,
    VmId,
    VmWish,
)
from anypool.model.profile import boots_there
from anypool.model.service import profile_of, state_of
from anypool.plan import reason, refuse
from anypool.planner.profiles.leaving import VERIFY_S, Seen
from anypool.planner.profiles.moving import Virtual, against_virtual
from anypool.planner.profiles.returning import Home
from anypool.planner.profiles.running import Borne
from anypool.service import find
from anypool.service.wishes import Taken, checked_memory, checked_vcpus

LEAST_MIB = 512


def member(engine: Engine, service: Service, component: Component) -> Member:
    """Return how a component with a profile stands: missing where there is no such profile."""
    inventory = engine.inventory
    profile = profile_of(component, inventory)
    return Member(
        component=component.name,
        name=component.profile if profile is None else profile.name,
        vm=None if profile is None else profile.vm,
        server=None if profile is None else profile.machine,
        state="missing" if profile is None else state_of(profile, inventory),
        health=engine.healths.of(service, component, component.profile),
    )


def profile(component: Component, inventory: Inventory) -> Profile:
    """Return the profile of a component; raise `NotFound`."""
    return find.profile(inventory, component.profile)


def seen(component: Component, mine: Profile) -> Seen:
    """Return what has to answer until a component is where it is to be."""
    probe = component.probe if component.probe.kind is not ProbeKind.NONE else mine.probe
    asked = replace(probe, address=probe.address.replace("{vm}", mine.name))
    waits = component.ready.when is ReadyKind.PROBE
    return Seen(probe=asked, within_s=component.ready.timeout_s if waits else VERIFY_S)


def borne(
    component: Component, engine: Engine, inventory: Inventory, used: Callable[[], Taken]
) -> Borne:
    """Return what is needed to start a component wherever it may run; raise `NotFound`."""
    mine = profile(component, inventory)
    virtual = None
    free = mine.server is None
    if free and component.bearer is not Bearer.SERVER and against_virtual(mine) is None:
        try:
            virtual = virtual_of(component, engine, inventory, used())
        except (Conflict, Invalid):
            if component.bearer is Bearer.VM:
                raise
    return Borne(
        profile=mine.id, bearer=component.bearer, virtual=virtual, seen=seen(component, mine)
    )


def virtual_of(component: Component, engine: Engine, inventory: Inventory, used: Taken) -> Virtual:
    """Return the VM that is to bear a component's profile; raise `Conflict` where none can."""
    mine = profile(component, inventory)
    against = against_virtual(mine)
    if against is None and boots_there(mine) and not _has_boot_host(engine, mine):
        against = reason("bear.vm-no-boot-host", pool=mine.pool)
    if against is not None:
        raise refuse(Conflict, reason("no.profile-vm", profile=mine.name, why=against))
    if mine.name in used.names:
        hint = f"rename it: the VM of the profile {mine.name} has its name"
        raise Conflict(f"there is a VM called {mine.name} already", hint=hint)
    networks = _networks(component, mine, inventory)
    nics = tuple(
        Nic(mac=mac, network=networks[min(number, len(networks) - 1)] if networks else None)
        for number, mac in enumerate(mine.virtual_macs)
    )
    memory = component.memory_mib or mine.needs.memory_mib or LEAST_MIB
    wish = VmWish(
        id=VmId(str(uuid.uuid4())),
        name=mine.name,
        vcpus=checked_vcpus(max(component.vcpus, mine.needs.cpus)),
        memory_mib=checked_memory(memory),
        nics=nics,
        tags=frozenset(component.tags),
    )
    return Virtual(wish=wish, seen=seen(component, mine))


def instead(
    engine: Engine, mine: Profile, inventory: Inventory, used: Callable[[], Taken]
) -> Virtual | None:
    """Return the VM that a profile may be where no server is left to be it, None if none may.

    It may where a component of a service is that profile and need not be a server.
    """
    if mine.hypervisor:
        return None
    for service in engine.services.all():
        for one in service.components:
            if one.bearer is not Bearer.SERVER and profile_of(one, inventory) == mine:
                with suppress(Conflict, Invalid, NotFound):
                    return virtual_of(one, engine, inventory, used())
    return None


def home(mine: Profile, inventory: Inventory) -> Home | None:
    """Return where a profile is, to be put back to; None where nobody bears it, or nobody knows."""
    if mine.machine is not None:
        return Home(server=mine.machine)
    vm = None if mine.vm is None else inventory.vms.get(mine.vm)
    if vm is None:
        return None
    wish = VmWish(
        id=VmId(str(uuid.uuid4())),
        name=vm.name,
        vcpus=vm.vcpus,
        memory_mib=vm.memory_mib,
        cpu_model=vm.cpu_model,
        nics=vm.nics,
        tags=vm.tags,
    )
    return Home(virtual=Virtual(wish=wish, host=vm.host))


def _has_boot_host(engine: Engine, mine: Profile) -> bool:
    return any(one.driver == DRIVER and one.pool == mine.pool for one in engine.endpoints())


def _networks(component: Component, mine: Profile, inventory: Inventory) -> tuple[NetworkId, ...]:
    """Return the network of each adapter: as declared, as the port says, or the only one."""
    if component.networks is not None:
        return tuple(find.network(inventory, key).id for key in component.networks)
    named = [one.networks[0] for one in mine.ports if one.networks]
    if named and len(named) == len(mine.virtual_macs):
        return tuple(find.network(inventory, key).id for key in named)
    if len(inventory.networks) > 1:
        known = ", ".join(sorted(one.name for one in inventory.networks.values()))
        raise Invalid(
            f"component {component.name} may be a VM, and the pool has several networks",
            hint=f"say in `networks:` which ones its adapters are on: {known}",
        )
    return tuple(inventory.networks)
