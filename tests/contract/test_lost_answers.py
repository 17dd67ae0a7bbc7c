"""After `OutcomeUnknown`, looking tells the truth, and asking again is harmless."""

from collections.abc import Callable

import pytest
from msgspec.structs import replace

from anypool.drivers.sim import Fault, FaultKind
from anypool.errors import AnypoolError, OutcomeUnknown, Unreachable
from anypool.model import Vm, VmChange, VmState
from tests.contract.harness import Harness, SimHarness, tag_of

pytestmark = pytest.mark.simulated


class Deed:
    """One deed: how to prepare it, to do it, and to see that it is done."""

    def __init__(
        self,
        operation: str,
        do: Callable[[Harness, Vm], None],
        done: Callable[[Harness, Vm], bool],
        *,
        started: bool = False,
    ) -> None:
        self.operation = operation
        self.do = do
        self.done = done
        self.started = started


def state(harness: Harness, vm: Vm) -> VmState:
    return harness.look(vm.id).state


def number(vm: Vm) -> int:
    return int(vm.name.removeprefix("contract"))


DEEDS = [
    Deed(
        "start_vm",
        lambda h, vm: h.driver.start_vm(vm.id, h.host.id),
        lambda h, vm: state(h, vm) is VmState.RUNNING,
    ),
    Deed(
        "power_off_vm",
        lambda h, vm: h.driver.power_off_vm(vm.id, h.host.id),
        lambda h, vm: state(h, vm) is VmState.STOPPED,
        started=True,
    ),
    Deed(
        "shut_down_vm",
        lambda h, vm: h.driver.shut_down_vm(vm.id, h.host.id, 1),
        lambda h, vm: state(h, vm) is VmState.STOPPED,
        started=True,
    ),
    Deed(
        "pause_vm",
        lambda h, vm: h.driver.pause_vm(vm.id, h.host.id),
        lambda h, vm: state(h, vm) is VmState.PAUSED,
        started=True,
    ),
    Deed(
        "delete_vm",
        lambda h, vm: h.driver.delete_vm(vm.id, h.host.id, True),
        lambda h, vm: h.gone(vm.id) and vm.disks[0].volume not in h.volumes(),
    ),
    Deed(
        "rename_vm",
        lambda h, vm: h.driver.rename_vm(vm.id, h.host.id, "renamed"),
        lambda h, vm: h.look(vm.id).name == "renamed",
    ),
    Deed(
        "reconfigure_vm",
        lambda h, vm: h.driver.reconfigure_vm(vm.id, h.host.id, VmChange(vcpus=2)),
        lambda h, vm: h.look(vm.id).vcpus == 2,
    ),
    Deed(
        "attach_disk",
        lambda h, vm: h.driver.attach_disk(vm.id, h.host.id, h.disk(number(vm), 1), "run-1/2"),
        lambda h, vm: len(h.look(vm.id).disks) == 2,
        started=True,
    ),
    Deed(
        "attach_nic",
        lambda h, vm: h.driver.attach_nic(vm.id, h.host.id, h.nic(number(vm), 1)),
        lambda h, vm: len(h.look(vm.id).nics) == 2,
    ),
    Deed(
        "create_snapshot",
        lambda h, vm: h.driver.create_snapshot(vm.id, h.host.id, "s", "run-1/2"),
        lambda h, vm: len(h.look(vm.id).snapshots) == 1,
        started=True,
    ),
    Deed(
        "begin_migration",
        lambda h, vm: h.driver.begin_migration(h.order(vm.id)),
        lambda h, vm: bool(h.target()[0].observe_vms((vm.id,)).vms),
        started=True,
    ),
]


@pytest.mark.parametrize("deed", DEEDS, ids=lambda deed: deed.operation)
def test_lost_after_the_effect(harness: SimHarness, deed: Deed) -> None:
    vm = harness.create(started=deed.started)
    harness.lose_answer(deed.operation)
    with pytest.raises(OutcomeUnknown):
        deed.do(harness, vm)
    assert deed.done(harness, vm)
    deed.do(harness, vm)
    assert deed.done(harness, vm)


@pytest.mark.parametrize("deed", DEEDS, ids=lambda deed: deed.operation)
@pytest.mark.parametrize("kind", [FaultKind.UNREACHABLE, FaultKind.REJECTED])
def test_failed_before_the_effect(harness: SimHarness, deed: Deed, kind: FaultKind) -> None:
    vm = harness.create(started=deed.started)
    harness.world.inject(Fault(kind=kind, operation=deed.operation))
    with pytest.raises(AnypoolError):
        deed.do(harness, vm)
    assert harness.look(vm.id) == vm
    deed.do(harness, vm)
    assert deed.done(harness, vm)


def test_a_vm_made_without_an_answer_is_recognised_by_its_tag(harness: SimHarness) -> None:
    wish = harness.wish(disks=2)
    harness.lose_answer("create_vm")
    with pytest.raises(OutcomeUnknown):
        harness.driver.create_vm(wish, harness.host.id, tag_of(wish))
    assert harness.look(wish.id).made_by == tag_of(wish)
    volumes = harness.volumes()
    harness.driver.create_vm(wish, harness.host.id, tag_of(wish))
    assert harness.volumes() == volumes


def test_a_vm_made_half_way_is_completed_by_the_same_step_only(harness: SimHarness) -> None:
    wish = harness.wish(disks=2)
    harness.world.inject(Fault(kind=FaultKind.HALF_WAY, operation="create_vm"))
    with pytest.raises(OutcomeUnknown):
        harness.driver.create_vm(wish, harness.host.id, tag_of(wish))
    assert harness.gone(wish.id)
    assert {disk.volume for disk in wish.disks} <= harness.volumes()
    with pytest.raises(AnypoolError):
        harness.driver.create_vm(wish, harness.host.id, "run-2/1")
    harness.driver.create_vm(wish, harness.host.id, tag_of(wish))
    assert not harness.gone(wish.id)


def test_a_full_datastore_leaves_nothing(harness: SimHarness) -> None:
    wish = harness.wish(disks=2)
    huge = replace(wish.disks[1], size_bytes=1 << 62)
    before = harness.driver.observe()
    with pytest.raises(AnypoolError, match="full"):
        harness.driver.create_vm(
            replace(wish, disks=(wish.disks[0], huge)), harness.host.id, tag_of(wish)
        )
    after = harness.driver.observe()
    assert after.datastores == before.datastores
    assert after.volumes == before.volumes


def test_reads_without_an_answer_are_unreachable(harness: SimHarness) -> None:
    for operation in ("observe", "info", "measure"):
        harness.lose_answer(operation)
        with pytest.raises(Unreachable):
            getattr(harness.driver, operation)()


def test_a_dead_host_does_not_answer_and_its_vms_are_unknown(harness: SimHarness) -> None:
    vm = harness.create(started=True)
    harness.world.kill_host(harness.host.id)
    with pytest.raises(Unreachable):
        harness.driver.start_vm(vm.id, harness.host.id)
    try:
        assert state(harness, vm) is VmState.UNKNOWN
    except Unreachable:
        assert len(harness.target()[0].info().hosts) == 1
    harness.world.boot_host(harness.host.id)
    assert state(harness, vm) is VmState.STOPPED
