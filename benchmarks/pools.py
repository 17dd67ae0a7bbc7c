"""Pools for the benchmark of places: racks, shelves of storage, networks, and rules on them."""

import random

from msgspec.structs import replace

from anypool.model import (
    Apart,
    Capability,
    Datastore,
    DatastoreId,
    Disk,
    EndpointId,
    Exclusive,
    Headroom,
    Host,
    HostId,
    Inventory,
    Licence,
    MaxVms,
    Network,
    NetworkId,
    Nic,
    OnHosts,
    PMap,
    Policy,
    PolicyId,
    Rule,
    Spread,
    Strength,
    Vm,
    VmId,
    VmState,
)

PER_RACK, PER_SHELF = 40, 250
VMS_PER_HOST = 10
MODELS = ("Broadwell", "Skylake", "Icelake")
CPUS, MEMORY_MIB = 64, 512 * 1024
SIZES = ((1, 2048), (2, 4096), (2, 8192), (4, 16384), (8, 32768))
"""vCPUs and MiB of what is placed, one after the other."""

RULES: tuple[tuple[str, str, Rule, Strength], ...] = (
    ("web-apart", "tag = web", Apart(), Strength.MUST),
    ("db-apart-in-racks", "tag = db", Apart(domain="rack"), Strength.MUST),
    ("web-in-racks", "tag = web", Spread(domain="rack", minimum=3), Strength.MUST),
    ("one-app-a-host", "tag = db", Exclusive(prefix="app:"), Strength.MUST),
    ("db-licensed", "tag = db", Licence(hosts="tag = licensed", sockets=0), Strength.MUST),
    ("not-on-old", "tag = web", OnHosts(hosts="tag = old", avoid=True), Strength.MUST),
    ("fast-rather", "tag = web", OnHosts(hosts="tag = fast"), Strength.SHOULD),
    ("few-on-old", "tag = old", MaxVms(maximum=12), Strength.MUST),
    ("headroom", "name ~ h", Headroom(memory_percent=10, vcpus_percent=400), Strength.MUST),
)


def policies(times: int = 1) -> tuple[Policy, ...]:
    """Return rules of every kind that says where a new VM may be, each so many times."""
    return tuple(
        Policy(id=PolicyId(f"{name}-{copy}" if copy else name), scope=scope, rule=rule,
               strength=strength)
        for copy in range(times)
        for name, scope, rule, strength in RULES
    )  # fmt: skip


def pool(hosts: int, each: int = VMS_PER_HOST) -> Inventory:
    """Return so many hosts that are about half full, with so many VMs each."""
    draw = random.Random(hosts)
    shelves = range(-(-hosts // PER_SHELF))
    stores = [Datastore(id=_shelf(shelf), name=f"s{shelf}", shared=True) for shelf in shelves]
    networks = [Network(id=_network(shelf), name=f"n{shelf}") for shelf in shelves]
    made = {one.id: one for one in (_host(number, draw) for number in range(hosts))}
    world = Inventory(
        hosts=PMap.of(made),
        datastores=PMap.of({one.id: one for one in stores}),
        networks=PMap.of({one.id: one for one in networks}),
    )
    vms = [_settled(number, hosts, draw) for number in range(hosts * each)]
    if each != VMS_PER_HOST:
        vms = [replace(vm, memory_mib=vm.memory_mib * VMS_PER_HOST // each) for vm in vms]
    return world.patched_vms({vm.id: vm for vm in vms})


def wanted(number: int, hosts: int) -> Vm:
    """Return a VM that looks for a place: every second one is bound by a group's rules."""
    vcpus, memory = SIZES[number % len(SIZES)]
    shelf = number % -(-hosts // PER_SHELF)
    return Vm(
        id=VmId(f"new-{number}"),
        name=f"new{number}",
        host=None,
        vcpus=vcpus,
        memory_mib=memory,
        cpu_model=MODELS[number % 2],
        disks=(Disk(target="vda", volume=f"new{number}", datastore=_shelf(shelf)),),
        nics=(Nic(mac="", network=_network(shelf)),),
        tags=_tags(number),
    )


def _tags(number: int) -> frozenset[str]:
    if number % 40 == 0:
        return frozenset({"db", f"app:{number // 40 % 7}"})
    return frozenset({"web"}) if number % 20 == 1 else frozenset()


def _host(number: int, draw: random.Random) -> Host:
    key = HostId(f"h{number:05}")
    shelf = number // PER_SHELF
    tags = {f"rack:{number // PER_RACK}", draw.choice(("fast", "old", "plain"))}
    if draw.random() < 0.5:
        tags.add("licensed")
    return Host(
        id=key,
        name=key,
        endpoint=EndpointId(f"e{shelf}"),
        cpus=CPUS,
        sockets=2,
        memory_mib=MEMORY_MIB,
        reserved_mib=8192,
        cpu_models=frozenset(MODELS[: draw.choice((2, 2, 3))]),
        capabilities=frozenset(Capability),
        datastores=frozenset({_shelf(shelf), DatastoreId(f"local-{key}")}),
        networks=frozenset({_network(shelf), NetworkId("all")}),
        peer_uri=f"sim://{key}",
        maintenance=draw.random() < 0.02,
        tags=frozenset(tags),
    )


def _settled(number: int, hosts: int, draw: random.Random) -> Vm:
    host = number % hosts
    vcpus, memory = draw.choice(SIZES)
    small = number >= 50 * 40
    return Vm(
        id=VmId(f"v{number:06}"),
        name=f"v{number}",
        host=HostId(f"h{host:05}"),
        state=VmState.RUNNING,
        vcpus=vcpus,
        memory_mib=memory,
        disks=(Disk(target="vda", volume=f"v{number}", datastore=_shelf(host // PER_SHELF)),),
        tags=frozenset() if small or number % 20 else frozenset({"web"}),
    )


def _shelf(number: int) -> DatastoreId:
    return DatastoreId(f"shelf-{number}")


def _network(number: int) -> NetworkId:
    return NetworkId(f"vlan-{number}")
