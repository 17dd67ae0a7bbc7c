"""Rules bound by what changed: always what binding everything anew gives."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from anypool.model import (
    Apart,
    Datastore,
    DatastoreId,
    HostId,
    Inventory,
    NoMigration,
    OnHosts,
    Policy,
    PolicyId,
    VmState,
)
from anypool.planner.rules import Rulebook, bind
from tests.strategies import inventories, pool, vm

OF_VMS = (
    "tag = web",
    "host = host1",
    "host.memory-free >= 4GiB",
    "host.vms >= 2",
    "host.tag = fast and not state = stopped",
    "host.vm.tag = web",
    "datastore = shared",
    "datastore.host.tag = fast",
    "web",
)
OF_HOSTS = ("tag = fast", "vms >= 2", "memory-free >= 4GiB", "vm.tag = web", "vm.host.tag = fast")


def policies() -> tuple[Policy, ...]:
    """Return a policy for each way a query can look at things."""
    return (
        *(Policy(id=PolicyId(f"v{n}"), scope=s, rule=Apart()) for n, s in enumerate(OF_VMS)),
        *(
            Policy(id=PolicyId(f"h{n}"), scope="tag = db", rule=OnHosts(hosts=hosts))
            for n, hosts in enumerate(OF_HOSTS)
        ),
        Policy(
            id=PolicyId("m"),
            scope="tag = db",
            rule=NoMigration(source="memory-free >= 4GiB", target="vms >= 2"),
        ),
    )


@st.composite
def changed(draw: st.DrawFn, world: Inventory) -> Inventory:
    """Return the pool after one thing happened to it."""
    hosts, vms = sorted(world.hosts), sorted(world.vms)
    record = world.hosts[draw(st.sampled_from(hosts))]
    tags = draw(st.frozensets(st.sampled_from(("web", "db", "fast")), max_size=2))
    one = world.vms[draw(st.sampled_from(vms))] if vms else vm(77, "h0")
    match draw(st.sampled_from(("book", "tag", "rename", "vm", "move", "stop", "gone", "store"))):
        case "book":
            return world.with_host(replace(record, booked_mib=draw(st.sampled_from((0, 2048)))))
        case "tag":
            return world.with_host(replace(record, tags=tags))
        case "rename":
            return world.with_host(replace(record, name="host1"))
        case "vm":
            return world.with_vm(replace(one, tags=tags))
        case "move":
            return world.with_vm(replace(one, host=draw(st.sampled_from([None, *hosts]))))
        case "stop":
            return world.with_vm(replace(one, state=VmState.STOPPED))
        case "gone":
            return world.without_vm(one.id)
        case _:
            return world.with_datastore(Datastore(id=DatastoreId("more"), name="shared"))


@pytest.mark.thorough
@settings(max_examples=40)
@given(inventories(), st.data())
def test_what_changed_is_bound_as_if_all_were_bound_anew(
    world: Inventory, data: st.DataObject
) -> None:
    """There and back: an inventory may be older than the one that was bound last."""
    rules, first = Rulebook.on(policies(), world), world
    for _ in range(4):
        after = data.draw(changed(world))
        rules = rules.moved_to(after, world)
        assert rules.bounds == bind(policies(), after)
        world = after
    assert rules.moved_to(first, world).bounds == bind(policies(), first)


@pytest.mark.parametrize("scope", ["host.memory-free >= 4GiB", "vm where host.memory_free >= 4GiB"])
def test_a_rule_about_free_memory_sees_a_booking(scope: str) -> None:
    some = (Policy(id=PolicyId("p"), scope=scope, rule=Apart()),)
    world = pool(2).with_vm(vm(1, "h1"))
    full = world.with_host(replace(world.hosts[HostId("h1")], booked_mib=8192))
    rules = Rulebook.on(some, world)
    assert rules.bounds[0].vms
    assert not rules.moved_to(full, world).bounds[0].vms


def test_rules_that_bind_the_same_are_the_same() -> None:
    """A booking costs no rule about names and tags anything."""
    world = pool(3).with_vm(vm(1, "h1", tags=frozenset({"web"})))
    some = tuple(one for one in policies() if "memory-free" not in f"{one}")
    rules = Rulebook.on(some, world)
    booked = world.with_host(replace(world.hosts[HostId("h1")], booked_mib=64))
    assert rules.moved_to(booked, world) is rules
