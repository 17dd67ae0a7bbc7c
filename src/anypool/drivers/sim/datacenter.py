"""A datacenter as one meets them: racks, services, databases that never rest, idle tests.

Unlike `generate`, which draws pools for tests, this one is to be looked at: forty hosts and
four hundred VMs that carry names, tags and loads such as people give them.
"""

import random
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

from msgspec import Struct
from msgspec.structs import replace

from anypool.drivers.sim.generate import Builder, Shape
from anypool.drivers.sim.records import Rhythm, SimCopy, SimDatastore, SimGuest
from anypool.drivers.sim.state import State, copy_key
from anypool.drivers.sim.world import World
from anypool.model import DatastoreId, HostId, Network, NetworkId, Snapshot, Vm, VmId, VmState

NAME = "demo"
_FEW_VMS = 40
"""Up to so many VMs there are only web servers and jobs, as in the lab of `./run`."""
_RACKS = "abcd"
_HALVES = ("north", "south")


class Service(Struct, frozen=True, gc=False):
    """VMs of one kind: `share` of all VMs, what each has, and how it is used."""

    name: str
    share: int
    vcpus: int
    memory_gib: int
    tags: str
    image: str = "debian-12"
    network: str = "prod"
    store: str = "flash"
    busy: int = 10
    day: int = 0
    peak_h: float = 13.0
    running_percent: int = 100


SERVICES = (
    Service("shop-web", 44, 4, 8, "prod shop", network="dmz", busy=22, day=70),
    Service("shop-api", 36, 4, 16, "prod shop", busy=26, day=65),
    Service("orders-db", 12, 8, 64, "prod shop database", busy=30, day=45),
    Service("search", 16, 8, 32, "prod shop", busy=28, day=55, image="ubuntu-24.04"),
    Service("cache", 16, 2, 32, "prod shop", busy=12, day=60),
    Service("queue", 8, 4, 16, "prod platform", busy=15, day=50),
    Service("k8s-worker", 60, 8, 32, "prod platform", busy=30, day=35, image="ubuntu-24.04"),
    Service("k8s-control", 6, 4, 16, "prod platform", busy=12, image="ubuntu-24.04"),
    Service("mail", 6, 4, 16, "prod office", busy=14, day=60, peak_h=9.5),
    Service("files", 6, 4, 16, "prod office", store="bulk", busy=10, day=70, peak_h=10.0),
    Service("desktop", 60, 4, 8, "office", image="windows-2022", busy=16, day=90, peak_h=11.0),
    Service("ldap", 4, 2, 4, "prod office", busy=6, day=50),
    Service("dns", 4, 1, 2, "prod platform", busy=5),
    Service("metrics", 6, 8, 32, "prod platform", store="bulk", busy=35),
    Service("logs", 8, 8, 32, "prod platform", store="bulk", busy=32, day=30),
    Service("backup", 6, 4, 8, "prod platform", store="bulk", busy=30, day=95, peak_h=2.0),
    Service("ci-runner", 36, 8, 16, "test", network="test", busy=34, day=80, peak_h=15.0),
    Service("staging-web", 20, 2, 4, "test shop", network="test", busy=4, running_percent=80),
    Service("staging-db", 10, 4, 16, "test shop", network="test", busy=4, running_percent=80),
    Service("sandbox", 36, 2, 4, "test", network="test", busy=3, running_percent=45),
)
_FEW = (
    Service("web", 1, 1, 1, "prod", image="lab-guest", busy=8, day=50),
    Service("job", 1, 1, 1, "test", image="lab-guest", busy=15, day=50, peak_h=3.0),
)


class Cast(Struct, frozen=True, kw_only=True):
    """Who is on the stage: what belongs to them beside what a platform shows.

    `hosts` are names with tags, `vms` ids with tags, `images` are (name, datastore, volume).
    """

    hosts: dict[str, frozenset[str]] = {}
    vms: dict[VmId, frozenset[str]] = {}
    datastores: tuple[DatastoreId, ...] = ()
    images: tuple[tuple[str, DatastoreId, str], ...] = ()


def host_id(name: str, world: str = NAME) -> HostId:
    """Return the id of a host by its name."""
    return HostId(f"{world}-{name}")


def build(path: Path, hosts: int, vms: int, name: str = NAME) -> Cast:
    """Build a datacenter in the file `path`, unless it holds one already; return who is in it."""
    world = World(name, path=path)
    with world.turn() as state:
        cast = cast_of(hosts, vms, State() if state.hosts.rows else state, name)
    world.close()
    return cast


def cast_of(hosts: int, vms: int, state: State | None = None, name: str = NAME) -> Cast:
    """Return who is in a datacenter of a size, after building it in `state` if that is given."""
    few = vms <= _FEW_VMS
    shape = Shape(
        hosts=hosts,
        vms=vms,
        host_mib=(64 if few else 256) * 1024,
        host_cpus=16 if few else 48,
        fill_percent=85,
    )
    datacenter = _Datacenter(state or State(), shape, name)
    datacenter.fill()
    return datacenter.cast


class _Datacenter(Builder):
    def __init__(self, state: State, shape: Shape, name: str) -> None:
        super().__init__(state, shape, name)
        self._drawn = random.Random(shape.seed)
        self._services = _FEW if shape.vms <= _FEW_VMS else SERVICES
        self._half_of: dict[HostId, str] = {}
        self._hosts: dict[str, frozenset[str]] = {}
        self._tags: dict[VmId, frozenset[str]] = {}
        self._images: list[tuple[str, DatastoreId, str]] = []

    @property
    def cast(self) -> Cast:
        """Return who is in it."""
        stores = tuple(DatastoreId(key) for key in self._state.datastores.rows)
        shared = tuple(key for key in stores if not str(key).endswith("-local"))
        images = tuple(self._images)
        return Cast(hosts=self._hosts, vms=self._tags, datastores=shared, images=images)

    def fill(self) -> None:
        """Build the places, then lay the VMs onto the hosts of one half after the other."""
        for name in ("prod", "test", "dmz"):
            network = Network(id=NetworkId(name), name=name, bridge=f"br-{name}")
            self._state.networks.put(network.id, network)
            self._networks.append(network.id)
        halves = _HALVES if self._shape.hosts >= 2 * len(_RACKS) else _HALVES[:1]
        stores = {half: self._stores(half) for half in halves}
        width = len(str(self._shape.hosts))
        for number in range(self._shape.hosts):
            half = halves[number * len(halves) // self._shape.hosts]
            self._rack_host(f"h{number + 1:0{width}}", number, half, stores[half])
        self._members()

    def _stores(self, half: str) -> list[DatastoreId]:
        made = []
        for kind in ("flash", "bulk"):
            store = self._datastore(f"{kind}-{half}", shared=False)
            row = self._state.datastores.rows[store]
            shared = replace(row.datastore, shared=True)
            self._state.datastores.put(store, SimDatastore(datastore=shared, locks=row.locks))
            for image in sorted({service.image for service in self._services}):
                self._volume(store, f"{image}.qcow2", "")
                if kind == "flash":
                    name = image if half == _HALVES[0] else f"{image}-{half}"
                    self._images.append((name, store, f"{image}.qcow2"))
            made.append(store)
        return made

    def _rack_host(self, name: str, number: int, half: str, stores: list[DatastoreId]) -> None:
        self._shared = stores
        self._host(name)
        rack = _RACKS[number * len(_RACKS) // self._shape.hosts]
        host = host_id(name, self._name)
        row = self._state.hosts.rows[host]
        shown = replace(row.host, hypervisor="simulated")
        self._state.hosts.put(host, replace(row, host=shown))
        self._free[host] = self._shape.host_mib * self._shape.fill_percent // 100
        self._half_of[host] = half
        newer = {"2025"} if number % 3 else {"2021"}
        self._hosts[name] = frozenset({f"rack:{rack}", f"site:{half}", *newer})

    def _members(self) -> None:
        for service, count in _shares(self._services, self._shape.vms):
            width = len(str(count)) if len(self._services) == len(_FEW) else 2
            for number in range(1, count + 1):
                self._member(service, f"{service.name}-{number:0{width}}")

    def _member(self, service: Service, name: str) -> None:
        vm = VmId(str(UUID(int=self._drawn.getrandbits(128), version=4)))
        memory = service.memory_gib * 1024
        host, room = self._room(memory)
        store = DatastoreId(f"{self._name}-{service.store}-{self._half_of[host]}")
        runs = room and self._drawn.random() * 100 < service.running_percent
        record = Vm(
            id=vm,
            name=name,
            host=host,
            state=VmState.RUNNING if runs else VmState.STOPPED,
            vcpus=service.vcpus,
            memory_mib=memory,
            disks=(self._disk(name, store, f"{service.image}.qcow2"),),
            nics=(replace(self._nics()[0], network=NetworkId(service.network)),),
            snapshots=(Snapshot(name="before-upgrade"),) if name == "staging-db-01" else (),
            made_by="before/1",
        )
        self._state.guests.put(vm, self._guest(service))
        started = self._state.now - self._drawn.uniform(3600, 40 * 86400) if runs else 0.0
        self._state.copies.put(copy_key(host, vm), SimCopy(vm=record, started_at=started))
        self._state.index_copy(host, vm)
        self._tags[vm] = frozenset(service.tags.split())

    def _guest(self, service: Service) -> SimGuest:
        draw = self._drawn
        wave = min(100 - service.day, draw.randint(5, 25))
        rhythm = Rhythm(
            day_percent=service.day,
            peak_h=(service.peak_h + draw.uniform(-1.5, 1.5)) % 24,
            wave_percent=wave,
            wave_s=draw.uniform(60, 600),
        )
        return SimGuest(
            max_vcpus=service.vcpus * 2,
            max_memory_mib=service.memory_gib * 2048,
            busy_percent=max(1, min(50, round(service.busy * draw.uniform(0.6, 1.5)))),
            memory_percent=draw.randint(45, 92),
            rhythm=rhythm,
        )

    def _room(self, memory: int) -> tuple[HostId, bool]:
        """Return the emptier of two hosts drawn, so that none is full and none alike."""
        hosts = list(self._free)
        host = max(self._drawn.choices(hosts, k=2), key=lambda one: self._free[one])
        room = self._free[host] >= memory
        self._free[host] -= memory if room else 0
        return host, room


def _shares(services: tuple[Service, ...], vms: int) -> Iterator[tuple[Service, int]]:
    """Yield how many VMs of each service there are; they add up to `vms`."""
    total, given, upto = sum(service.share for service in services), 0, 0
    for service in services:
        upto += service.share
        count = -(-vms * upto // total) - given
        given += count
        yield service, count
