"""Closing a host where the platform has a maintenance mode of its own, and where it has none."""

from msgspec.structs import replace

from anypool.engine.observing import merge
from anypool.engine.runs import closing, tasks
from anypool.engine.runs.decision import Act, Decision, Deed, Done, Fail, Memory, Wait
from anypool.engine.runs.migration import Times
from anypool.engine.runs.sight import Seen, Sight
from anypool.model import (
    Capability,
    EndpointId,
    Host,
    HostId,
    HostState,
    Inventory,
    Job,
    JobState,
    Vm,
    VmId,
    VmState,
)
from anypool.plan import EnterMaintenance, LeaveMaintenance
from anypool.store.records import HostFacts

HOST = Host(
    id=HostId("h1"),
    name="h1",
    endpoint=EndpointId("e"),
    capabilities=frozenset({Capability.HOST_MAINTENANCE}),
)
VM = Vm(id=VmId("v"), name="v", host=HOST.id, state=VmState.RUNNING)
ENTER, LEAVE = EnterMaintenance(host=HOST.id), LeaveMaintenance(host=HOST.id)


def asked(
    action: EnterMaintenance | LeaveMaintenance, host: Host, *vms: Vm, acked: bool = False
) -> Decision:
    seen = tuple(Seen(host.id, True, vm.state, vm.reason, vm) for vm in vms)
    inventory = Inventory().with_host(host)
    return closing.of_maintenance(action, Sight(inventory=inventory, seen=seen), acked=acked)


def test_an_empty_host_enters_the_mode_of_its_platform() -> None:
    assert asked(ENTER, HOST) == Act(Deed.PERFORM, None)
    assert isinstance(asked(ENTER, HOST, acked=True), Wait)
    assert asked(ENTER, replace(HOST, set_aside=True)) == Done()
    assert isinstance(asked(ENTER, HOST, VM), Fail)


def test_it_leaves_the_mode_when_we_open_it() -> None:
    assert asked(LEAVE, replace(HOST, set_aside=True)) == Act(Deed.PERFORM, None)
    assert asked(LEAVE, HOST) == Done()


def test_without_such_a_mode_it_is_a_fact_of_ours() -> None:
    plain = replace(HOST, capabilities=frozenset())
    assert asked(ENTER, plain) == Done()
    assert asked(LEAVE, plain) == Done()


def test_a_host_that_may_only_be_looked_at_is_closed_for_us_alone() -> None:
    withheld = replace(HOST, capabilities=frozenset(), withheld=HOST.capabilities)
    assert asked(ENTER, withheld) == Done()


def test_what_the_platform_set_aside_is_closed_for_us() -> None:
    aside = replace(HOST, set_aside=True)
    facts = HostFacts(host=HOST.id)
    assert merge.lay_over_host(aside, None, current=True).maintenance
    assert merge.lay_over_host(aside, facts, current=True).maintenance
    assert not merge.lay_over_host(HOST, facts, current=True).maintenance
    silent = merge.lay_over_host(aside, None, current=False)
    assert silent.state is HostState.UNKNOWN


def test_a_task_decides_while_it_works_and_when_it_failed() -> None:
    times, ours = Times(3.0, 45.0), Memory(sent=True, handle="task-1")
    works = Job(state=JobState.RUNNING, handle="task-1")
    failed = Job(state=JobState.FAILED, handle="task-1", message="no")
    assert isinstance(tasks.judged(works, ours, times), Wait)
    assert isinstance(tasks.judged(Job(state=JobState.RUNNING), ours, times), Wait)
    assert isinstance(tasks.judged(failed, ours, times), Fail)
    busy = tasks.judged(replace(failed, busy=True), ours, times)
    assert isinstance(busy, Act)
    assert busy.deed is Deed.PERFORM
    others = replace(failed, handle="task-2")
    assert tasks.judged(others, ours, times) is None, "another's failure is none of ours"
    assert tasks.judged(works, Memory(), times) is None, "nothing was sent"
    gone = Job(state=JobState.GONE)
    assert tasks.judged(gone, ours, times) is None
    assert not tasks.succeeded(gone, ours)
    assert tasks.succeeded(replace(works, state=JobState.DONE), ours)
    assert not tasks.succeeded(replace(works, state=JobState.DONE), Memory(sent=True))


def test_a_task_that_is_found_is_ours_from_then_on() -> None:
    found = Job(state=JobState.RUNNING, handle="task-7")
    assert tasks.adopted(Memory(sent=True), found).handle == "task-7"
    assert tasks.adopted(Memory(sent=True, handle="task-1"), found).handle == "task-1"
    assert tasks.adopted(Memory(), found).handle == ""
    assert tasks.adopted(Memory(sent=True), None).handle == ""
