"""Every action: not so yet, already so, nobody answers, no VM there."""

from dataclasses import dataclass
from typing import get_args

import pytest
from msgspec.structs import replace

from anypool.engine.runs.alone import must_be_alone
from anypool.engine.runs.decision import Act, AskHuman, Deed, Done, Fail, Memory, Wait
from anypool.engine.runs.intent import unused
from anypool.engine.runs.look import Trail, judge
from anypool.engine.runs.migration import Times
from anypool.engine.runs.sight import Seen, Sight
from anypool.model import (
    DatastoreId,
    Disk,
    DiskWish,
    HostId,
    Image,
    ImageCopy,
    ImageId,
    ImageVersion,
    Job,
    JobState,
    LabelChange,
    Nic,
    Probe,
    ProbeKind,
    Ready,
    ReadyKind,
    Resources,
    Snapshot,
    StateReason,
    Trace,
    TraceKind,
    Vm,
    VmChange,
    VmCopy,
    VmState,
    VmWish,
)
from anypool.plan import (
    Action,
    AttachDisk,
    AttachNic,
    AwaitReady,
    ChangeLabels,
    CreateSnapshot,
    CreateVm,
    DeleteSnapshot,
    DeleteVm,
    DetachDisk,
    DetachNic,
    EnterMaintenance,
    EraseTrace,
    FenceHost,
    ForgetCopy,
    HandOver,
    LeaveMaintenance,
    MarkTemplate,
    MigrateVm,
    MoveDisks,
    PauseVm,
    PowerOffHost,
    PowerOnHost,
    ReconfigureVm,
    RemoveCopy,
    RenameVm,
    RestartVm,
    ResumeVm,
    RevertSnapshot,
    ServerAction,
    StartAfterFailure,
    StartVm,
    StopVm,
    VerifyHost,
)
from tests.unit.engine_kit import H1, H2, SHARED, V1, V2, pool, vm

TIMES = Times(3.0, 45.0)
TAG = "r1/1"
RUNNING, STOPPED, PAUSED = vm(V1), vm(V1, H1, VmState.STOPPED), vm(V1, H1, VmState.PAUSED)
MAC = "52:54:00:00:00:01"
WITH_NIC = replace(RUNNING, nics=(Nic(mac=MAC),))
DISK = DiskWish(target="vdb", datastore=SHARED, size_bytes=1, volume="b.qcow2")
WITH_DISK = replace(RUNNING, disks=(Disk(target="vdb", volume="b.qcow2"),))
OTHER_DISK = replace(RUNNING, disks=(Disk(target="vdb", volume="other.qcow2"),))
OURS, THEIRS = Snapshot(name="s", tag=TAG), Snapshot(name="s", tag="r9/9")


@dataclass(frozen=True)
class Case:
    """An action, a VM for which it is to be done, one for which it is done, one it must refuse."""

    action: Action
    todo: Vm | None
    done: Vm | None
    refused: Vm | None = None
    refuses_absent: bool = True


CASES = [
    Case(CreateVm(wish=VmWish(id=V1, name="v1"), host=H1), None, replace(STOPPED, made_by=TAG),
         replace(STOPPED, made_by="r9/9"), refuses_absent=False),
    Case(StartVm(vm=V1, host=H1), STOPPED, RUNNING, PAUSED),
    Case(StopVm(vm=V1, host=H1), RUNNING, STOPPED),
    Case(PauseVm(vm=V1, host=H1), RUNNING, PAUSED, STOPPED),
    Case(ResumeVm(vm=V1, host=H1), PAUSED, RUNNING, STOPPED),
    Case(DeleteVm(vm=V1, host=H1), STOPPED, None, RUNNING, refuses_absent=False),
    Case(RenameVm(vm=V1, host=H1, name="new"), STOPPED, replace(STOPPED, name="new"), RUNNING),
    Case(ReconfigureVm(vm=V1, host=H1, change=VmChange(vcpus=4)),
         RUNNING, replace(RUNNING, vcpus=4)),
    Case(ReconfigureVm(vm=V1, host=H1, change=VmChange(resources=Resources(cpu_shares=5))),
         RUNNING, replace(RUNNING, resources=Resources(cpu_shares=5))),
    Case(AttachDisk(vm=V1, host=H1, disk=DISK), RUNNING, WITH_DISK, OTHER_DISK),
    Case(DetachDisk(vm=V1, host=H1, target="vdb"), WITH_DISK, RUNNING),
    Case(AttachNic(vm=V1, host=H1, nic=Nic(mac=MAC)), RUNNING, WITH_NIC),
    Case(DetachNic(vm=V1, host=H1, mac=MAC), WITH_NIC, RUNNING),
    Case(MoveDisks(vm=V1, host=H1, datastore=DatastoreId("new")), WITH_DISK,
         replace(RUNNING, disks=(replace(WITH_DISK.disks[0], datastore=DatastoreId("new")),))),
    Case(MarkTemplate(vm=V1, host=H1), STOPPED, replace(STOPPED, template=True), RUNNING),
    Case(MarkTemplate(vm=V1, host=H1, template=False), replace(STOPPED, template=True), STOPPED),
    Case(CreateSnapshot(vm=V1, host=H1, name="s"), RUNNING, replace(RUNNING, snapshots=(OURS,)),
         replace(RUNNING, snapshots=(THEIRS,))),
    Case(DeleteSnapshot(vm=V1, host=H1, name="s"), replace(RUNNING, snapshots=(OURS,)), RUNNING),
]  # fmt: skip
IDS = [type(case.action).__name__ for case in CASES]


def sight(found: Vm | None, *others: Seen) -> Sight:
    here = Seen(H1, True) if found is None else Seen(H1, True, found.state, found.reason, found)
    return Sight(inventory=pool(RUNNING), seen=(here, *others))


@pytest.mark.parametrize("case", CASES, ids=IDS)
def test_each_action(case: Case) -> None:
    trail, again = Trail(tag=TAG), Trail(tag=TAG, memory=Memory(sent=True))
    assert judge(case.action, sight(case.todo), trail, TIMES) == Act(Deed.PERFORM, None)
    assert isinstance(judge(case.action, sight(case.done), trail, TIMES), Done)
    assert isinstance(judge(case.action, sight(case.done), again, TIMES), Done)
    repeated = judge(case.action, sight(case.todo), again, TIMES)
    assert repeated == Act(Deed.PERFORM, None, TIMES.settle_s), (
        "repeated only when seen for a while"
    )
    silent = Sight(inventory=pool(), seen=(Seen(H1, answered=False),), answered=False)
    assert isinstance(judge(case.action, silent, again, TIMES), Wait)
    if case.refused is not None:
        assert isinstance(judge(case.action, sight(case.refused), trail, TIMES), Fail)
    if case.refuses_absent:
        assert isinstance(judge(case.action, sight(None), trail, TIMES), Fail)


def test_success_that_cannot_be_seen_is_not_believed() -> None:
    acked = Trail(tag=TAG, memory=Memory(sent=True), acked=True)
    found = judge(StartVm(vm=V1, host=H1), sight(STOPPED), acked, TIMES)
    assert isinstance(found, Fail)
    assert found.patience_s == TIMES.settle_s


@pytest.mark.parametrize(
    "action", [RestartVm(vm=V1, host=H1), RevertSnapshot(vm=V1, host=H1, name="s")]
)
def test_what_leaves_no_trace(action: Action) -> None:
    found = replace(RUNNING, snapshots=(OURS,))
    assert isinstance(judge(action, sight(found), Trail(tag=TAG), TIMES), Act)
    sent, done = Memory(sent=True), Trail(tag=TAG, memory=Memory(sent=True), acked=True)
    assert isinstance(judge(action, sight(found), Trail(tag=TAG, memory=sent), TIMES), AskHuman)
    assert isinstance(judge(action, sight(found), done, TIMES), Done)


@pytest.mark.parametrize(
    "action", [StartVm(vm=V1, host=H1), DeleteVm(vm=V1, host=H1), ResumeVm(vm=V1, host=H1)]
)
def test_another_copy_stands_in_the_way(action: Action) -> None:
    here = PAUSED if isinstance(action, ResumeVm) else STOPPED
    running = Seen(H2, True, VmState.RUNNING)
    assert isinstance(judge(action, sight(here, running), Trail(tag=TAG), TIMES), Fail)
    silent = Seen(H2, answered=False)
    assert isinstance(judge(action, sight(here, silent), Trail(tag=TAG), TIMES), Wait)


@pytest.mark.parametrize("of_vm", [True, False])
def test_labels_are_written_until_they_are_seen_or_the_platform_says_so(of_vm: bool) -> None:
    change = LabelChange(add=("tier:gold",), remove=("tier:silver",))
    action = ChangeLabels(host=H1, change=change, vm=V1 if of_vm else None)
    sent, acked = Memory(sent=True), Trail(tag=TAG, memory=Memory(sent=True), acked=True)

    def seen(labels: frozenset[str], *, answered: bool = True) -> Sight:
        known = replace(RUNNING, labels=labels)
        world = pool(known)
        world = world.with_host(replace(world.host(H1), labels=labels))
        here = Seen(H1, answered, known.state, known.reason, known if answered else None)
        return Sight(inventory=world, seen=(here,) if of_vm else (), answered=answered)

    for trail in (Trail(tag=TAG), Trail(tag=TAG, memory=sent)):
        for labels in ({"tier:silver"}, {"tier:gold", "tier:silver"}, set()):
            assert isinstance(judge(action, seen(frozenset(labels)), trail, TIMES), Act)
        assert isinstance(judge(action, seen(frozenset({"tier:gold"})), trail, TIMES), Done)
        silent = seen(frozenset(), answered=False)
        assert isinstance(judge(action, silent, trail, TIMES), Wait)
    assert isinstance(judge(action, seen(frozenset()), acked, TIMES), Done)


def test_a_trace_is_erased_until_the_platform_says_so() -> None:
    action = EraseTrace(host=H1, trace=Trace(kind=TraceKind.MAKING, name="m"))
    sent = Trail(tag=TAG, memory=Memory(sent=True))
    acked = Trail(tag=TAG, memory=Memory(sent=True), acked=True)
    assert isinstance(judge(action, sight(None), Trail(tag=TAG), TIMES), Act)
    assert isinstance(judge(action, sight(None), sent, TIMES), Act)
    assert isinstance(judge(action, sight(None), acked, TIMES), Done)
    silent = Sight(inventory=pool(), answered=False)
    assert isinstance(judge(action, silent, sent, TIMES), Wait)


def awaiting(when: ReadyKind) -> AwaitReady:
    probe = Probe(kind=ProbeKind.TCP, address="x", port=1)
    return AwaitReady(vm=V1, host=H1, name="v1", ready=Ready(when=when, delay_s=5), probe=probe)


def test_readiness_is_asked_for_or_waited_for() -> None:
    sent = Trail(tag=TAG, memory=Memory(sent=True))
    acked = Trail(tag=TAG, memory=Memory(sent=True), acked=True)
    probed, delayed = awaiting(ReadyKind.PROBE), awaiting(ReadyKind.DELAY)
    assert isinstance(judge(probed, sight(RUNNING), Trail(tag=TAG), TIMES), Act)
    assert isinstance(judge(probed, sight(RUNNING), sent, TIMES), Act)
    assert isinstance(judge(probed, sight(RUNNING), acked, TIMES), Done)
    assert judge(delayed, sight(RUNNING), Trail(tag=TAG), TIMES) == Done(patience_s=5)
    for action in (probed, delayed):
        assert isinstance(judge(action, sight(STOPPED), sent, TIMES), Fail)
        silent = Sight(inventory=pool(), seen=(Seen(H1, answered=False),), answered=False)
        assert isinstance(judge(action, silent, sent, TIMES), Wait)


def test_all_actions_are_here() -> None:
    tested = {type(case.action) for case in CASES}
    elsewhere = {RestartVm, RevertSnapshot, MigrateVm, EnterMaintenance, LeaveMaintenance}
    elsewhere |= {FenceHost, StartAfterFailure, ForgetCopy, RemoveCopy, ChangeLabels}
    elsewhere |= {EraseTrace, AwaitReady, HandOver, VerifyHost, PowerOffHost, PowerOnHost}
    assert tested | elsewhere | set(get_args(ServerAction)) == set(get_args(Action))


def test_only_volumes_of_the_vm_alone_are_deleted() -> None:
    copy = ImageCopy(datastore=SHARED, volume="base.qcow2")
    version = ImageVersion(number=1, copies=(copy,))
    image = Image(id=ImageId("i"), name="i", versions=(version,))
    disks = tuple(
        Disk(target=f"vd{n}", volume=volume, datastore=SHARED, readonly=volume == "cd.iso")
        for n, volume in enumerate(["own.qcow2", "base.qcow2", "v2.qcow2", "cd.iso"])
    )
    mine = replace(RUNNING, disks=disks)
    inventory = pool(mine, vm(V2)).with_image(image)
    asked = tuple((SHARED, disk.volume) for disk in disks)
    own = unused((V1, H1), asked, inventory)
    assert own == ((SHARED, "own.qcow2"), (SHARED, "cd.iso"))
    copied = replace(mine, copies=(VmCopy(host=H2, state=VmState.STOPPED),))
    assert unused((V1, H1), asked, inventory.with_vm(copied)) == (), "a copy of it needs them"


@pytest.mark.parametrize("cancelling", [False, True])
def test_what_arrived_is_not_resumed_while_its_vm_may_run_where_nobody_hears_it(
    *, cancelling: bool
) -> None:
    move = MigrateVm(vm=V1, source=H1, target=H2)
    arrived = vm(V1, H2, VmState.PAUSED)
    seen = (
        Seen(H2, answered=True, state=VmState.PAUSED, reason=StateReason.BY_USER, vm=arrived),
        Seen(H1, answered=True),
    )
    trail = Trail(tag=TAG, memory=Memory(sent=True, held=True), cancelling=cancelling)
    known = Sight(inventory=pool(), seen=seen)
    decision = judge(move, known, trail, TIMES)
    assert isinstance(decision, Act)
    assert decision.deed is Deed.RESUME_TARGET
    doubtful = judge(move, replace(known, open=(HostId("h9"),)), trail, TIMES)
    assert isinstance(doubtful, Wait)
    assert doubtful.why is not None
    assert doubtful.why.code == "ha.may-run-on"


def test_what_arrived_is_left_to_people_when_a_third_host_had_the_vm_and_died() -> None:
    move = MigrateVm(vm=V1, source=H1, target=H2)
    arrived = vm(V1, H2, VmState.PAUSED)
    third = Seen(HostId("h9"), answered=False)
    seen = (
        Seen(H2, answered=True, state=VmState.PAUSED, reason=StateReason.BY_USER, vm=arrived),
        Seen(H1, answered=True),
        third,
    )
    trail = Trail(tag=TAG, memory=Memory(sent=True, held=True))
    silent = Sight(inventory=pool(), seen=seen, open=(third.host,))
    assert isinstance(judge(move, silent, trail, TIMES), Wait)
    dead = judge(move, replace(silent, open=()), trail, TIMES)
    assert isinstance(dead, AskHuman)
    assert dead.why.code == "migration.stale"


def test_only_the_platform_can_say_that_it_moved_a_vm_that_nobody_saw_arrive() -> None:
    move = MigrateVm(vm=V1, source=H1, target=H2)
    unseen = replace(vm(V1, H2, VmState.PAUSED), unseen=True)
    done, failed = Job(state=JobState.DONE), Job(state=JobState.FAILED)
    assert not must_be_alone(move, unseen, done)
    assert must_be_alone(move, unseen, failed)
    assert must_be_alone(move, unseen, None)
    assert not must_be_alone(move, replace(unseen, unseen=False), None)
    assert must_be_alone(ResumeVm(vm=V1, host=H2), unseen, None)
    assert not must_be_alone(PauseVm(vm=V1, host=H2), unseen, None)
