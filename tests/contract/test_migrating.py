"""Migrations between two hosts: it runs once, whatever is asked how often."""

from contextlib import suppress

import pytest
from msgspec.structs import replace

from anypool.drivers import Migration
from anypool.errors import AnypoolError, Conflict, NotFound
from anypool.model import Capability, JobState, Vm, VmState
from tests.contract.harness import Harness

pytestmark = pytest.mark.needs(Capability.LIVE_MIGRATION, Capability.VM_CREATE, Capability.VM_POWER)
OVER = (JobState.DONE, JobState.GONE)


def at_target(harness: Harness, vm: Vm) -> Vm | None:
    driver, host = harness.target()
    found = [v for v in driver.observe_vms((vm.id,)).vms if v.host == host.id]
    return found[0] if found else None


def at_source(harness: Harness, vm: Vm) -> bool:
    found = harness.driver.observe_vms((vm.id,)).vms
    hosts = {v.host for v in found} | {copy.host for v in found for copy in v.copies}
    return harness.host.id in hosts


def arrived(harness: Harness, vm: Vm, state: VmState) -> bool:
    there = at_target(harness, vm)
    return there is not None and there.state is state and not at_source(harness, vm)


def ended(harness: Harness, order: Migration) -> bool:
    return harness.driver.migration(order).state is not JobState.RUNNING


def migrate(harness: Harness, vm: Vm, *, start_paused: bool = False) -> None:
    order = harness.order(vm.id, start_paused=start_paused)
    harness.driver.begin_migration(order)
    state = VmState.PAUSED if start_paused else VmState.RUNNING
    harness.settle(lambda: arrived(harness, vm, state), f"{vm.name} arrives {state}")
    assert harness.driver.migration(order).state in OVER


def test_a_vm_arrives_with_all_it_had(harness: Harness) -> None:
    vm = harness.create(started=True)
    migrate(harness, vm)
    there = at_target(harness, vm)
    assert there is not None
    _, target = harness.target()
    assert replace(there, reason=vm.reason, host=vm.host) == vm
    assert there.host == target.id


def test_beginning_twice_is_once(harness: Harness) -> None:
    vm = harness.create(started=True)
    order = harness.order(vm.id)
    harness.driver.begin_migration(order)
    try:
        harness.driver.begin_migration(order)
    except NotFound:
        assert at_target(harness, vm) is not None
    harness.settle(lambda: arrived(harness, vm, VmState.RUNNING), "it arrives")


@pytest.mark.alone
def test_start_paused_stays_paused_until_resumed(harness: Harness) -> None:
    vm = harness.create(started=True)
    migrate(harness, vm, start_paused=True)
    driver, target = harness.target()
    driver.resume_vm(vm.id, target.id)
    assert arrived(harness, vm, VmState.RUNNING)


def test_there_and_back_again(harness: Harness) -> None:
    vm = harness.create(started=True)
    migrate(harness, vm)
    driver, target = harness.target()
    back = replace(
        harness.order(vm.id),
        source=target.id,
        target=harness.host.id,
        peer_uri=harness.host.peer_uri,
        peer_address=harness.host.peer_address,
    )
    driver.begin_migration(back)
    harness.settle(lambda: at_target(harness, vm) is None, "it left the target")
    assert harness.look(vm.id).state is VmState.RUNNING
    assert harness.look(vm.id).host == harness.host.id


def test_what_runs_elsewhere_is_not_started_here(harness: Harness) -> None:
    vm = harness.create(started=True)
    migrate(harness, vm)
    with pytest.raises((Conflict, NotFound)):
        harness.driver.start_vm(vm.id, harness.host.id)
    with pytest.raises((Conflict, NotFound)):
        harness.driver.resume_vm(vm.id, harness.host.id)
    assert arrived(harness, vm, VmState.RUNNING)


def test_a_stopped_vm_is_not_migrated(harness: Harness) -> None:
    vm = harness.create()
    with pytest.raises(AnypoolError):
        harness.driver.begin_migration(harness.order(vm.id))
    assert harness.look(vm.id) == vm
    assert at_target(harness, vm) is None


def test_an_unreachable_peer_leaves_it_where_it_is(harness: Harness) -> None:
    vm = harness.create(started=True)
    order = replace(harness.order(vm.id), peer_uri="qemu+tcp://127.0.0.9:1/system")
    with suppress(AnypoolError):
        harness.driver.begin_migration(order)
    harness.settle(lambda: ended(harness, order), "it ends")
    assert harness.driver.migration(order).state is not JobState.DONE
    assert harness.look(vm.id).state is VmState.RUNNING
    assert at_target(harness, vm) is None


def test_cancelling_without_a_migration_is_quiet(harness: Harness) -> None:
    vm = harness.create(started=True)
    order = harness.order(vm.id)
    harness.driver.cancel_migration(order)
    assert harness.driver.migration(order).state is JobState.GONE
    assert harness.look(vm.id).state is VmState.RUNNING


def test_after_cancelling_it_runs_in_one_place(harness: Harness) -> None:
    vm = harness.create(started=True)
    order = harness.order(vm.id)
    harness.driver.begin_migration(order)
    try:
        harness.driver.cancel_migration(order)
    except (Conflict, NotFound):
        assert arrived(harness, vm, VmState.RUNNING)
        return
    harness.settle(lambda: at_target(harness, vm) is None or not at_source(harness, vm), "it ends")
    left = [at_target(harness, vm), *harness.driver.observe_vms((vm.id,)).vms]
    assert {v.host for v in left if v and v.state is VmState.RUNNING} != set()


@pytest.mark.needs(
    Capability.LIVE_MIGRATION, Capability.VM_CREATE, Capability.VM_POWER, Capability.SNAPSHOT
)
def test_discarding_the_copy_that_is_not_there_is_quiet(harness: Harness) -> None:
    vm = harness.create(started=True)
    driver, target = harness.target()
    driver.discard_copy(vm.id, target.id)
    assert harness.look(vm.id) == vm
