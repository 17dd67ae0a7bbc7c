"""A service: an application of components, what each needs, and how one sees that it works."""

from enum import StrEnum

from msgspec import Struct

from anypool.model.bmc import Power
from anypool.model.ids import ServerId, ServiceId, VmId
from anypool.model.inventory import Inventory
from anypool.model.probe import Probe
from anypool.model.profile import Profile
from anypool.model.vm import Vm, VmState


class ReadyKind(StrEnum):
    """When those that come after may start: at once, after a while, or when the probe answers."""

    RUNNING = "running"
    DELAY = "delay"
    PROBE = "probe"


class Ready(Struct, frozen=True, kw_only=True, gc=False, forbid_unknown_fields=True):
    """When a component is ready; a start in which it is not within `timeout_s` fails."""

    when: ReadyKind = ReadyKind.RUNNING
    delay_s: float = 0.0
    timeout_s: float = 120.0


class Bearer(StrEnum):
    """What may bear the profile of a component: a physical server, a VM, or any of both."""

    SERVER = "server"
    VM = "vm"
    EITHER = "either"


class Component(Struct, frozen=True, kw_only=True, gc=False, forbid_unknown_fields=True):
    """VMs of one purpose: `count` made of an `image`, or `vms` that are there, by id or name.

    One with a `profile` is one machine with that identity and its central disk, of which
    `bearer` says whether a server is to be it or a VM; CPUs, memory and networks are the VM's.

    `after` names the components that must be ready first. None and 0 leave a need to the
    image or to the pool.
    """

    name: str
    kind: str = "vm"
    image: str = ""
    vms: tuple[str, ...] = ()
    profile: str = ""
    bearer: Bearer = Bearer.EITHER
    count: int = 1
    vcpus: int = 1
    memory_mib: int | None = None
    disk_bytes: int | None = None
    networks: tuple[str, ...] | None = None
    tags: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    ready: Ready = Ready()
    probe: Probe = Probe()


class Service(Struct, frozen=True, kw_only=True, gc=False):
    """A service as it was declared, by its name."""

    id: ServiceId
    components: tuple[Component, ...]
    description: str = ""

    def members(self, component: Component) -> tuple[str, ...]:
        """Return the ids or names of a component's VMs; those made for it have ordered names.

        One with a profile has that alone, by its name.
        """
        if component.profile:
            return (component.profile,)
        if component.vms:
            return component.vms
        return tuple(f"{self.id}-{component.name}-{n}" for n in range(1, component.count + 1))


class Health(StrEnum):
    """What the last answers say; UNKNOWN while nobody asked, or nobody can."""

    HEALTHY = "healthy"
    UNHEALTHY = "unhealthy"
    UNKNOWN = "unknown"
    UNPROBED = "unprobed"


class ServiceState(StrEnum):
    """All of a service in one word; see `rolled_up`."""

    UP = "up"
    DEGRADED = "degraded"
    DOWN = "down"
    INCOMPLETE = "incomplete"
    UNKNOWN = "unknown"


class Member(Struct, frozen=True, kw_only=True, gc=False):
    """One machine of a component as it is now; `vm` is None while there is none of that name.

    Of a profile it is the VM that bears it; `server` is the server that does, else None.
    """

    component: str
    name: str
    vm: VmId | None
    state: str
    health: Health
    server: ServerId | None = None


class KnownService(Struct, frozen=True, kw_only=True, gc=False):
    """A service with its VMs as they are now."""

    service: Service
    members: tuple[Member, ...]
    state: ServiceState

    @property
    def id(self) -> ServiceId:
        """Its id, which is its name."""
        return self.service.id


def rolled_up(members: tuple[Member, ...]) -> ServiceState:
    """Return the state of a service: what is not known or not there goes before the rest."""
    states = {member.state for member in members}
    if "missing" in states:
        return ServiceState.INCOMPLETE
    if "unknown" in states:
        return ServiceState.UNKNOWN
    if states <= {"stopped", "crashed"}:
        return ServiceState.DOWN
    healths = {member.health for member in members}
    if states != {"running"} or Health.UNHEALTHY in healths:
        return ServiceState.DEGRADED
    return ServiceState.UNKNOWN if Health.UNKNOWN in healths else ServiceState.UP


def found(wanted: frozenset[str], inventory: Inventory) -> dict[str, Vm]:
    """Return the VMs of these ids or names; a name that two VMs bear is nobody's."""
    by_name: dict[str, list[Vm]] = {}
    for vm in inventory.vms.values() if wanted else ():
        if vm.name in wanted:
            by_name.setdefault(vm.name, []).append(vm)
    only = {name: vms[0] for name, vms in by_name.items() if len(vms) == 1}
    return only | {key: inventory.vms[VmId(key)] for key in wanted if key in inventory.vms}


def profile_of(component: Component, inventory: Inventory) -> Profile | None:
    """Return the profile of a component, by its name or id; None where there is none."""
    for profile in inventory.profiles.values() if component.profile else ():
        if component.profile in (profile.name, profile.id):
            return profile
    return None


def vms_in(service: Service, component: Component, inventory: Inventory) -> tuple[str, ...]:
    """Return by which ids or names the VMs of a component are found, as far as it has any."""
    if not component.profile:
        return service.members(component)
    profile = profile_of(component, inventory)
    return () if profile is None or profile.vm is None else (str(profile.vm),)


def state_of(profile: Profile, inventory: Inventory) -> VmState:
    """Return how a profile runs, in the words of VMs; stopped while nobody bears it."""
    if profile.server is None:
        return VmState.STOPPED
    if profile.vm is not None:
        known = inventory.vms.get(profile.vm)
        return VmState.UNKNOWN if known is None else known.state
    server = inventory.servers.get(profile.server)
    states = {Power.ON: VmState.RUNNING, Power.OFF: VmState.STOPPED}
    return VmState.UNKNOWN if server is None else states.get(server.power, VmState.UNKNOWN)
