"""What we wrote is listed, taken away, and nothing else with it."""

import pytest

from anypool.model import Capability, Trace, TraceKind, VmId
from tests.contract.harness import Harness, tag_of

pytestmark = [pytest.mark.needs(Capability.TRACES, Capability.VM_CREATE, Capability.SNAPSHOT)]


def of(harness: Harness, vm: VmId) -> dict[TraceKind, Trace]:
    return {one.kind: one for one in harness.driver.traces() if one.vm == vm}


def test_words_in_a_vm_and_its_snapshots_are_taken_away(harness: Harness) -> None:
    wish = harness.wish()
    harness.driver.create_vm(wish, harness.host.id, tag_of(wish))
    harness.driver.create_snapshot(wish.id, harness.host.id, "before", "run-9/1")
    found = of(harness, wish.id)
    assert set(found) == {TraceKind.VM, TraceKind.SNAPSHOT}
    assert (found[TraceKind.VM].name, found[TraceKind.SNAPSHOT].name) == (wish.name, "before")
    before = harness.look(wish.id)
    assert before.made_by
    for trace in found.values():
        harness.driver.erase_trace(trace)
        harness.driver.erase_trace(trace)
    assert of(harness, wish.id) == {}
    after = harness.look(wish.id)
    assert after.made_by == ""
    assert [(one.name, one.tag) for one in after.snapshots] == [("before", "")]
    assert (after.state, after.disks, after.nics) == (before.state, before.disks, before.nics)
    harness.driver.revert_snapshot(wish.id, harness.host.id, "before")
    assert of(harness, wish.id) == {}


def test_a_running_vm_runs_on(harness: Harness) -> None:
    vm = harness.create(started=True)
    harness.driver.erase_trace(of(harness, vm.id)[TraceKind.VM])
    assert harness.look(vm.id).state == "running"
    assert harness.look(vm.id).made_by == ""
    harness.driver.power_off_vm(vm.id, harness.host.id)
    assert harness.look(vm.id).made_by == "", "it came back with the stored description"


@pytest.mark.alone
def test_a_marker_is_taken_away_and_the_datastore_is_the_hosts_own_again(harness: Harness) -> None:
    if all(one.shared for one in harness.driver.observe().datastores):  # another test's work
        for trace in harness.driver.traces():
            if trace.kind is TraceKind.MARKER:
                harness.driver.erase_trace(trace)
    own = next(one for one in harness.driver.observe().datastores if not one.shared)
    harness.driver.mark_datastore(own.id)
    (marker,) = [
        one
        for one in harness.driver.traces()
        if one.kind is TraceKind.MARKER and one.place == own.name
    ]
    harness.driver.erase_trace(marker)
    harness.driver.erase_trace(marker)
    again = {one.name: one for one in harness.driver.observe().datastores}[own.name]
    assert (again.id, again.shared) == (own.id, False)


def test_what_is_gone_is_no_error(harness: Harness) -> None:
    gone = VmId("c0de0000-0000-4000-8000-ffffffffffff")
    harness.driver.erase_trace(Trace(kind=TraceKind.VM, name="gone", vm=gone))
    harness.driver.erase_trace(Trace(kind=TraceKind.SNAPSHOT, name="s", place="gone", vm=gone))
