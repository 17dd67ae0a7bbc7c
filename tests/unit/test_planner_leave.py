"""What goes and what stays when an endpoint is left without a trace."""

import pytest

from anypool.errors import Conflict
from anypool.model import Datastore, DatastoreId, EndpointId, HostId, Trace, TraceKind, VmId
from anypool.plan import EraseTrace, names_in, render, say
from anypool.plan.check import objections
from anypool.planner import plan_leave
from tests.strategies import SHARED
from tests.unit.test_planner_evacuate import pool, vm

VM = Trace(kind=TraceKind.VM, name="vm1", vm=VmId("v1"))
MARKER = Trace(kind=TraceKind.MARKER, name="m", datastore=SHARED, place="shared")
MAKING = Trace(
    kind=TraceKind.MAKING, name="anypool-making-1", datastore=DatastoreId("x"), place="local"
)


def test_every_trace_is_a_step_with_a_reason() -> None:
    world = pool(2).with_vm(vm(1, "h0"))
    plan = plan_leave(world, EndpointId("e0"), (VM, MARKER, MAKING))
    assert [step.action for step in plan] == [
        EraseTrace(host=HostId("h0"), trace=trace) for trace in (VM, MARKER, MAKING)
    ]
    assert objections(plan, world) == ()
    assert "remove our words from the description of vm1" in render(plan, names_in(world))


def test_a_marker_that_others_know_a_datastore_by_stays() -> None:
    both = frozenset({EndpointId("e0"), EndpointId("e1")})
    world = pool(2).with_datastore(Datastore(id=SHARED, name="shared", shared=True, endpoints=both))
    plan = plan_leave(world, EndpointId("e0"), (MARKER,))
    assert plan.steps == ()
    (stays,) = plan.rejected
    assert say(stays.why) == "the marker of shared stays: others know the datastore by it (e1)"


def test_an_endpoint_without_a_host_cannot_be_tidied() -> None:
    with pytest.raises(Conflict, match="no host behind"):
        plan_leave(pool(1), EndpointId("nobody"), (VM,))
