"""Pools of any size for the simulated world, the same for the same shape and seed."""

import random
from pathlib import Path
from uuid import UUID

from msgspec import Struct

from anypool.clock import Clock
from anypool.drivers.sim import servers
from anypool.drivers.sim.records import (
    HOST_ABILITIES,
    SimCopy,
    SimDatastore,
    SimGuest,
    SimHost,
    SimVolume,
)
from anypool.drivers.sim.state import State, copy_key, volume_key
from anypool.drivers.sim.timing import USUAL, Timing
from anypool.drivers.sim.world import World
from anypool.model import (
    Datastore,
    DatastoreId,
    Disk,
    EndpointId,
    Host,
    HostId,
    Network,
    NetworkId,
    Nic,
    Snapshot,
    Vm,
    VmId,
    VmState,
    Volume,
)

_GIB = 1 << 30
_BASE = "base.qcow2"
_VM_MIB = (512, 1024, 1024, 2048, 2048, 4096, 8192)


class Shape(Struct, frozen=True, kw_only=True, gc=False):
    """What a generated pool looks like.

    The `_percent` fields are shares of the VMs: running, on a local disk, with a
    snapshot (both pin a VM to its host), with a disk that carries no lock, deaf to
    shut-down, and made by anypool. `fill_percent` is how full of memory the fuller hosts
    get; VMs are laid unevenly. With `locks` false the shared datastores stop no second writer.
    `servers` are physical ones that run no VMs and are off.
    """

    hosts: int = 3
    vms: int = 6
    seed: int = 1
    host_mib: int = 65536
    host_cpus: int = 16
    datastores: int = 1
    networks: int = 2
    fill_percent: int = 60
    running_percent: int = 80
    local_percent: int = 0
    snapshot_percent: int = 0
    shareable_percent: int = 0
    deaf_percent: int = 0
    ours_percent: int = 0
    locks: bool = True
    servers: int = 0


SMALL = Shape()


def build_world(
    shape: Shape = SMALL,
    *,
    name: str = "sim",
    clock: Clock | None = None,
    timing: Timing = USUAL,
    path: Path | None = None,
) -> World:
    """Return a world of a shape; one that is kept at `path` already is taken as it is."""
    world = World(name, clock=clock, timing=timing, seed=shape.seed, path=path)
    with world.turn() as state:
        if not state.hosts.rows:
            Builder(state, shape, name).fill()
    return world


class Builder:
    """Fills the tables of a new world."""

    def __init__(self, state: State, shape: Shape, name: str) -> None:
        self._state = state
        self._shape = shape
        self._name = name
        self._random = random.Random(shape.seed)
        self._free: dict[HostId, int] = {}
        self._shared: list[DatastoreId] = []
        self._networks: list[NetworkId] = []

    def fill(self) -> None:
        """Make places, hosts and VMs."""
        for number in range(1, self._shape.datastores + 1):
            self._shared.append(self._datastore(f"shared{number}", shared=True))
        for number in range(1, self._shape.networks + 1):
            network = Network(
                id=NetworkId(f"net{number}"), name=f"net{number}", bridge=f"br{number}"
            )
            self._state.networks.put(network.id, network)
            self._networks.append(network.id)
        for number in range(1, self._shape.hosts + 1):
            self._host(f"h{number}")
        for number in range(1, self._shape.vms + 1):
            self._vm(f"vm{number}")
        servers.furnish(self._state, self._name, self._shape.servers, tuple(self._networks))

    def _datastore(self, name: str, *, shared: bool) -> DatastoreId:
        found = Datastore(
            id=DatastoreId(f"{self._name}-{name}"),
            name=name,
            path=f"/srv/{name}",
            shared=shared,
            capacity_bytes=1 << 44,
            free_bytes=1 << 43,
        )
        row = SimDatastore(datastore=found, locks=self._shape.locks)
        self._state.datastores.put(found.id, row)
        if shared:
            self._volume(found.id, _BASE, "")
        return found.id

    def _volume(self, datastore: DatastoreId, name: str, base: str) -> str:
        path = f"{self._state.datastores.rows[datastore].datastore.path}/{name}"
        volume = Volume(
            datastore=datastore,
            name=name,
            path=path,
            format="qcow2",
            size_bytes=8 * _GIB,
            used_bytes=0 if base else _GIB,
            base=base,
        )
        self._state.volumes.put(volume_key(datastore, name), SimVolume(volume=volume))
        return path

    def _host(self, name: str) -> None:
        shape = self._shape
        local = self._datastore(f"{name}-local", shared=False)
        host = Host(
            id=HostId(f"{self._name}-{name}"),
            name=name,
            endpoint=EndpointId("sim"),
            cpus=shape.host_cpus,
            sockets=2,
            cpu_model="sim-v1",
            memory_mib=shape.host_mib,
            hypervisor="sim",
            accelerators=("sim",),
            cpu_models=frozenset({"sim-v1"}),
            capabilities=HOST_ABILITIES,
            datastores=frozenset({*self._shared, local}),
            networks=frozenset(self._networks),
            peer_uri=f"sim://{self._name}/{name}",
            peer_address=name,
        )
        self._state.hosts.put(host.id, SimHost(host=host))
        fill = self._random.randint(shape.fill_percent // 3, shape.fill_percent)
        self._free[host.id] = shape.host_mib * fill // 100

    def _vm(self, name: str) -> None:
        vm = VmId(str(UUID(int=self._random.getrandbits(128), version=4)))
        memory = self._random.choice(_VM_MIB)
        host, room = self._place(memory)
        running = room and self._chance(self._shape.running_percent)
        local = not self._shared or self._chance(self._shape.local_percent)
        store = DatastoreId(f"{host}-local") if local else self._random.choice(self._shared)
        snapshots = (Snapshot(name="before"),) if self._chance(self._shape.snapshot_percent) else ()
        record = Vm(
            id=vm,
            name=name,
            host=host,
            state=VmState.RUNNING if running else VmState.STOPPED,
            vcpus=self._random.choice((1, 1, 2, 2, 4)),
            memory_mib=memory,
            disks=(self._disk(name, store, "" if local else _BASE),),
            nics=self._nics(),
            snapshots=snapshots,
            made_by="before/1" if self._is_ours() else "",
        )
        guest = SimGuest(
            max_vcpus=record.vcpus * 2,
            max_memory_mib=memory * 2,
            busy_percent=min(100, int(self._random.expovariate(1 / 15))),
            deaf=self._chance(self._shape.deaf_percent),
        )
        self._state.guests.put(vm, guest)
        started = self._state.now if running else 0.0
        self._state.copies.put(copy_key(host, vm), SimCopy(vm=record, started_at=started))
        self._state.index_copy(host, vm)

    def _place(self, memory: int) -> tuple[HostId, bool]:
        """Return a host, and whether the VM may run there; a few tries, so that it stays quick."""
        hosts = list(self._free)
        for _ in range(8):
            host = self._random.choice(hosts)
            if self._free[host] >= memory:
                self._free[host] -= memory
                return host, True
        return self._random.choice(hosts), False

    def _disk(self, name: str, store: DatastoreId, base: str) -> Disk:
        volume = f"{name}.qcow2"
        return Disk(
            target="vda",
            volume=volume,
            datastore=store,
            path=self._volume(store, volume, base),
            size_bytes=8 * _GIB,
            shareable=self._chance(self._shape.shareable_percent),
        )

    def _nics(self) -> tuple[Nic, ...]:
        if not self._networks:
            return ()
        tail = self._random.getrandbits(24).to_bytes(3, "big").hex(":")
        return (Nic(mac=f"52:54:00:{tail}", network=self._random.choice(self._networks)),)

    def _is_ours(self) -> bool:
        percent = self._shape.ours_percent
        return percent > 0 and self._chance(percent)

    def _chance(self, percent: int) -> bool:
        return self._random.random() * 100 < percent
