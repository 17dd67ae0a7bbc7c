"""Who reads storage leases for all: one of the hosts that see the same, and one at a time."""

from msgspec.structs import replace

from anypool.clock import ManualClock
from anypool.engine.ha.leasing import ALL_S, LOOK_S, Leasing, readers
from anypool.engine.observing.vitals import Vitals
from anypool.model import Capability, Datastore, DatastoreId, HostId, HostState, Inventory
from tests.strategies import pool

H0, H1, H2, H3 = (HostId(f"h{n}") for n in range(4))
COMMON, OWN = DatastoreId("common"), DatastoreId("own")


def world() -> Inventory:
    """Four hosts with a datastore together; the second has another one of its own."""
    made = pool(4).with_datastore(Datastore(id=COMMON, name="common", shared=True))
    made = made.with_datastore(Datastore(id=OWN, name="own", shared=False))
    for key, host in made.hosts.items():
        stores = frozenset({COMMON, OWN}) if key == H1 else frozenset({COMMON})
        able = host.capabilities | {Capability.HOST_LEASES}
        made = made.with_host(replace(host, capabilities=able, datastores=stores))
    return made


def test_one_host_reads_for_all_that_share_what_it_sees() -> None:
    made = world()
    assert len(readers(made.hosts.values(), made)) == 1
    deaf = replace(made.host(H0), capabilities=frozenset())
    alone = replace(made.host(H2), datastores=frozenset({OWN}))
    assert readers([deaf, alone], made) == []


def test_reading_that_is_not_over_is_not_begun_again() -> None:
    clock, made = ManualClock(), world()
    made = made.with_host(replace(made.host(H3), state=HostState.UNKNOWN))
    leasing = Leasing(Vitals(clock))
    waiting = []
    for _ in range(20):
        clock.advance(max(ALL_S, LOOK_S) + 1)
        waiting += leasing.tasks(made.hosts, made)
    assert len(waiting) == 2, "one listens to the silent host, one reads all"
    for task in waiting:
        task()
    clock.advance(max(ALL_S, LOOK_S) + 1)
    assert len(leasing.tasks(made.hosts, made)) == 2
