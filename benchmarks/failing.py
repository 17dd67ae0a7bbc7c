"""A made-up pool of failure domains, and changes of it, the same for the same seed."""

import random
from collections.abc import Iterator

from msgspec.structs import replace

from anypool.model import (
    Datastore,
    DatastoreId,
    Disk,
    EndpointId,
    Host,
    HostId,
    Inventory,
    NetworkId,
    Nic,
    PMap,
    Vm,
    VmId,
    VmState,
)

VMS_PER_HOST = 15
MEMORY_MIB = 524_288
SIZES_MIB = (4_096, 8_192, 16_384, 32_768, 65_536)
OFTEN = (25, 30, 25, 15, 5)
FULL = 0.8
"""No host is fuller than that by the VMs that are drawn for it."""

_NETWORK = NetworkId("data")
_STORE_HOSTS = 250
"""So many hosts share each of their ten datastores."""


def pool(hosts: int, seed: int = 1) -> Inventory:
    """Return hosts in chassis of 10, racks of 20 and on power feeds of 40, with 15 VMs each."""
    rng = random.Random(seed)
    stores = [f"ds{group}-{n}" for group in range(-(-hosts // _STORE_HOSTS)) for n in range(10)]
    world = Inventory(
        hosts=PMap.of({HostId(f"h{n:05}"): _host(n) for n in range(hosts)}),
        datastores=PMap.of(
            {DatastoreId(s): Datastore(id=DatastoreId(s), name=s, shared=True) for s in stores}
        ),
    )
    left = dict.fromkeys(range(hosts), int(MEMORY_MIB * FULL))
    vms: dict[VmId, Vm | None] = {}
    for number in range(hosts * VMS_PER_HOST):
        memory = rng.choices(SIZES_MIB, OFTEN)[0]
        host = rng.randrange(hosts)
        while left[host] < memory:
            host = rng.randrange(hosts)
        left[host] -= memory
        vms[VmId(f"v{number:06}")] = _vm(number, host, memory, rng.randrange(10))
    return world.patched_vms(vms)


def changes(world: Inventory, count: int, seed: int = 2) -> Iterator[Inventory]:
    """Yield the pool after one change more each time: of a VM nine times in ten, else of a host."""
    rng = random.Random(seed)
    keys, hosts = sorted(world.vms), sorted(world.hosts)
    for _ in range(count):
        vm = world.vms[rng.choice(keys)]
        host = world.hosts[rng.choice(hosts)]
        match rng.randrange(10):
            case 0 | 1 | 2:
                running = vm.state is VmState.RUNNING
                state = VmState.STOPPED if running else VmState.RUNNING
                world = world.with_vm(replace(vm, state=state))
            case 3 | 4 | 5:
                world = world.with_vm(replace(vm, host=host.id))
            case 6 | 7:
                world = world.with_vm(replace(vm, memory_mib=rng.choice(SIZES_MIB)))
            case 8:
                world = world.with_vm(replace(vm, tags=frozenset({f"t{rng.randrange(9)}"})))
            case _:
                world = world.with_host(replace(host, maintenance=not host.maintenance))
        yield world


def _host(number: int) -> Host:
    group = number // _STORE_HOSTS
    tags = (f"chassis:c{number // 10}", f"rack:r{number // 20}", f"power:p{number // 40}")
    return Host(
        id=HostId(f"h{number:05}"),
        name=f"h{number:05}",
        endpoint=EndpointId(f"e{number}"),
        cpus=64,
        memory_mib=MEMORY_MIB,
        datastores=frozenset(DatastoreId(f"ds{group}-{n}") for n in range(10)),
        networks=frozenset({_NETWORK}),
        tags=frozenset(tags),
    )


def _vm(number: int, host: int, memory: int, store: int) -> Vm:
    place = DatastoreId(f"ds{host // _STORE_HOSTS}-{store}")
    return Vm(
        id=VmId(f"v{number:06}"),
        name=f"v{number:06}",
        host=HostId(f"h{host:05}"),
        state=VmState.RUNNING,
        vcpus=1 + number % 8,
        memory_mib=memory,
        disks=(Disk(target="vda", volume=f"v{number}", datastore=place),),
        nics=(
            Nic(mac=f"52:54:00:00:{number // 256 % 256:02x}:{number % 256:02x}", network=_NETWORK),
        ),
    )
