"""Pools drawn by hypothesis: tight ones, because roomy ones prove nothing."""

from hypothesis import strategies as st

from anypool.model import (
    Capability,
    Datastore,
    DatastoreId,
    Disk,
    EndpointId,
    Host,
    HostId,
    HostState,
    Inventory,
    NetworkId,
    Nic,
    Snapshot,
    Vm,
    VmId,
    VmState,
)

SHARED = DatastoreId("ds-shared")
NETWORK = NetworkId("data")
STATES = [VmState.RUNNING] * 6 + [VmState.STOPPED, VmState.PAUSED]


def host(number: int, **changes: object) -> Host:
    key = HostId(f"h{number}")
    values: dict[str, object] = {
        "id": key,
        "name": f"host{number}",
        "endpoint": EndpointId(f"e{number}"),
        "cpus": 8,
        "memory_mib": 8192,
        "capabilities": frozenset(Capability),
        "datastores": frozenset({SHARED, DatastoreId(f"local-{key}")}),
        "networks": frozenset({NETWORK}),
        "peer_uri": f"sim://{key}",
        "peer_address": f"10.0.0.{number}",
    }
    return Host(**(values | changes))  # type: ignore[arg-type]


def vm(number: int, on: str | None, **changes: object) -> Vm:
    values: dict[str, object] = {
        "id": VmId(f"v{number}"),
        "name": f"vm{number}",
        "host": None if on is None else HostId(on),
        "state": VmState.RUNNING,
        "memory_mib": 1024,
        "disks": (Disk(target="vda", volume=f"v{number}.qcow2", datastore=SHARED),),
        "nics": (Nic(mac=f"52:54:00:00:{number // 256:02x}:{number % 256:02x}", network=NETWORK),),
    }
    return Vm(**(values | changes))  # type: ignore[arg-type]


def pool(hosts: int = 3, **changes: object) -> Inventory:
    inventory = Inventory().with_datastore(Datastore(id=SHARED, name="shared", shared=True))
    for number in range(hosts):
        local = DatastoreId(f"local-h{number}")
        inventory = inventory.with_datastore(Datastore(id=local, name="local"))
        inventory = inventory.with_host(host(number, **changes))
    return inventory


@st.composite
def inventories(draw: st.DrawFn) -> Inventory:
    count = draw(st.integers(2, 5))
    inventory = pool(count)
    for number in range(count):
        inventory = inventory.with_host(
            host(
                number,
                memory_mib=draw(st.integers(3, 9)) * 1024,
                state=draw(st.sampled_from([HostState.UP] * 5 + [HostState.UNKNOWN])),
                maintenance=number > 0 and draw(st.integers(0, 7)) == 0,
                reserved_mib=draw(st.sampled_from([0, 0, 512])),
                networks=draw(st.sampled_from([frozenset({NETWORK})] * 5 + [frozenset()])),
            )
        )
    for number in range(draw(st.integers(0, 12))):
        home = HostId(f"h{draw(st.integers(0, count - 1))}")
        store = draw(st.sampled_from([SHARED] * 6 + [DatastoreId(f"local-{home}")]))
        snapshots = (Snapshot(name="before"),) if draw(st.integers(0, 9)) == 0 else ()
        new = vm(
            number,
            home,
            memory_mib=draw(st.integers(1, 4)) * 1024,
            state=draw(st.sampled_from(STATES)),
            disks=(Disk(target="vda", volume=f"v{number}.qcow2", datastore=store),),
            snapshots=snapshots,
        )
        keeps = not inventory.hosts[home].maintenance or new.state is VmState.STOPPED
        if inventory.memory_free_mib(home) >= new.memory_mib and keeps:
            inventory = inventory.with_vm(new)
    return inventory
