"""Services may share VMs, but not so that VMs wait for each other."""

import pytest
from msgspec.structs import replace

from anypool.errors import Conflict
from anypool.model import Component, HostId, Service, ServiceId
from anypool.planner import check_across
from tests.strategies import pool, vm

WORLD = pool(2)
for _number in range(1, 4):
    WORLD = WORLD.with_vm(replace(vm(_number, HostId("h0")), name=f"vm{_number}"))


def service(name: str, **after: str) -> Service:
    """Return a service of components of one VM each: `vm1="vm2"` waits for vm2, "" for nobody."""
    names = {*after, *filter(None, after.values())}
    components = tuple(
        Component(name=one, vms=(one,), after=(after[one],) if after.get(one) else ())
        for one in sorted(names)
    )
    return Service(id=ServiceId(name), components=components)


def test_services_that_wait_the_same_way_share_vms() -> None:
    one, other = service("one", vm1="vm2"), service("other", vm1="vm2", vm2="vm3")
    check_across(one, (other,), WORLD)


def test_circle_through_another_service_is_refused_with_its_vms() -> None:
    one, other = service("one", vm1="vm2"), service("other", vm2="vm3", vm3="vm1")
    with pytest.raises(Conflict, match="several services wait for each other") as refused:
        check_across(one, (other,), WORLD)
    assert all(name in refused.value.message for name in ("vm1", "vm2", "vm3"))


def test_service_that_is_declared_anew_is_not_judged_with_what_it_was() -> None:
    old, new = service("one", vm1="vm2"), service("one", vm2="vm1")
    check_across(new, (old,), WORLD)


def test_vm_is_the_same_by_name_and_by_id() -> None:
    key = vm(1, HostId("h0")).id
    by_id = Service(
        id=ServiceId("other"),
        components=(Component(name="a", vms=(key,)), Component(name="b", vms=("vm2",))),
    )
    circle = replace(by_id, components=(by_id.components[0], replace(by_id.components[1])))
    check_across(service("one", vm1="vm2"), (circle,), WORLD)
    waits = (replace(by_id.components[0]), replace(by_id.components[1], after=("a",)))
    with pytest.raises(Conflict):
        check_across(service("one", vm1="vm2"), (replace(by_id, components=waits),), WORLD)
