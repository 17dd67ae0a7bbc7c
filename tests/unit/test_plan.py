"""Plans as values: simulate, check, price, encode, render."""

from typing import get_args

import msgspec
import pytest

from anypool.drivers.sim import Shape, SimDriver, build_world
from anypool.errors import Conflict, Invalid, NotFound
from anypool.model import (
    AdapterKind,
    DatastoreId,
    DiskWish,
    EndpointId,
    HostId,
    HostState,
    HostWish,
    Inventory,
    LabelChange,
    Nic,
    Probe,
    Profile,
    ProfileId,
    Ready,
    ReadyKind,
    SaidGone,
    ServerId,
    Trace,
    TraceKind,
    VmChange,
    VmCopy,
    VmId,
    VmState,
    VmWish,
)
from anypool.model.profile import ProfilePort
from anypool.plan import (
    Action,
    ApplyProfile,
    AttachDisk,
    AttachNic,
    AwaitReady,
    ChangeLabels,
    CostModel,
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
    JoinHost,
    LeaveHost,
    LeaveMaintenance,
    MarkTemplate,
    MemoryFree,
    MigrateVm,
    MoveDisks,
    PauseVm,
    Plan,
    PowerOffHost,
    PowerOffServer,
    PowerOnHost,
    PowerOnServer,
    ReconfigureVm,
    RemoveCopy,
    RenameVm,
    RestartVm,
    ResumeVm,
    RevertSnapshot,
    ServerAction,
    StartAfterFailure,
    StartVm,
    Step,
    StopVm,
    VerifyHost,
    VerifyServer,
    VmIs,
    WithdrawProfile,
    apply,
    broken,
    decode_plan,
    describe,
    encode_plan,
    named,
    names_in,
    names_of,
    outcome,
    priced,
    reason,
    say,
)
from anypool.plan.check import objections, violations
from tests.strategies import SHARED, host, pool, vm

V1, H0, H1 = VmId("v1"), HostId("h0"), HostId("h1")
DISK = DiskWish(target="vdb", datastore=SHARED, size_bytes=1 << 20, volume="extra.qcow2")
NIC = Nic(mac="52:54:00:00:00:99")
ON = {"vm": V1, "host": H0}
BLADE = ServerId(HostId("sim-blade1"))
PROFILE = Profile(
    id=ProfileId("p"),
    name="db",
    ports=(ProfilePort(id="nic1", kind=AdapterKind.ETHERNET, address="02:00:00:00:00:01"),),
)
EVERY: list[Action] = [
    CreateVm(wish=VmWish(id=VmId("n1"), name="new"), host=H0),
    StartVm(**ON),
    StopVm(**ON),
    RestartVm(**ON),
    PauseVm(**ON),
    ResumeVm(**ON),
    DeleteVm(**ON),
    RenameVm(name="other", **ON),
    ReconfigureVm(change=VmChange(vcpus=2, memory_mib=2048), **ON),
    AttachDisk(disk=DISK, **ON),
    DetachDisk(target="vda", **ON),
    AttachNic(nic=NIC, **ON),
    DetachNic(mac="52:54:00:00:00:01", **ON),
    MoveDisks(datastore=DatastoreId("local-h0"), **ON),
    MarkTemplate(**ON),
    ChangeLabels(change=LabelChange(add=("tier:gold",)), **ON),
    CreateSnapshot(name="s", **ON),
    RevertSnapshot(name="s", **ON),
    DeleteSnapshot(name="s", **ON),
    MigrateVm(vm=V1, source=H0, target=H1),
    EnterMaintenance(host=H1),
    LeaveMaintenance(host=H1),
    AwaitReady(name="vm1", ready=Ready(when=ReadyKind.DELAY, delay_s=1), probe=Probe(), **ON),
    EraseTrace(host=H0, trace=Trace(kind=TraceKind.VM, name="vm1", vm=V1)),
    HandOver(host=H1, return_s=60.0),
    VerifyHost(host=H1, within_s=60.0),
    PowerOffHost(host=H1),
    PowerOnHost(host=H1),
    FenceHost(host=H1),
    StartAfterFailure(
        wish=VmWish(id=V1, name="vm1", memory_mib=1024), host=H1, home=H0,
        proof=SaidGone(host=H0, vm=V1, at=1.0),
    ),
    ForgetCopy(vm=V1, host=H1, lives_on=H0),
    RemoveCopy(vm=V1, host=H1, keeps=H0),
    ApplyProfile(profile=PROFILE.id, server=BLADE, epoch=1),
    WithdrawProfile(profile=PROFILE.id, server=BLADE, epoch=1),
    PowerOffServer(server=BLADE),
    PowerOnServer(server=BLADE),
    VerifyServer(server=BLADE, profile=PROFILE.id, epoch=1),
    JoinHost(
        server=BLADE, profile=PROFILE.id, epoch=1, endpoint=EndpointId("n"), uri="u",
        expects=HostWish(),
    ),
    LeaveHost(server=BLADE, endpoint=EndpointId("n")),
]  # fmt: skip
NEEDS_STOPPED = (StartVm, DeleteVm, RenameVm, MarkTemplate, StartAfterFailure)


def world_for(action: Action) -> Inventory:
    state = VmState.STOPPED if isinstance(action, NEEDS_STOPPED) else VmState.RUNNING
    world = pool(2).with_vm(vm(1, "h0", state=state))
    if isinstance(action, HandOver | PowerOffHost | PowerOnHost):
        world = apply(EnterMaintenance(host=H1), world)
        return apply(PowerOffHost(host=H1), world) if isinstance(action, PowerOnHost) else world
    if isinstance(action, ServerAction):
        blade = SimDriver(build_world(Shape(servers=1)), ()).observe().servers[0]
        racked = world.with_server(blade).with_profile(PROFILE)
        if isinstance(action, WithdrawProfile | VerifyServer | JoinHost | LeaveHost):
            racked = apply(ApplyProfile(profile=PROFILE.id, server=BLADE, epoch=1), racked)
        if isinstance(action, LeaveHost):
            join = next(one for one in EVERY if isinstance(one, JoinHost))
            return apply(EnterMaintenance(host=BLADE), apply(join, racked))
        return racked
    if isinstance(action, FenceHost):
        return world.with_host(msgspec.structs.replace(world.host(H1), state=HostState.UNKNOWN))
    if isinstance(action, RemoveCopy):
        copy = VmCopy(host=H1, state=VmState.STOPPED)
        return world.with_vm(msgspec.structs.replace(world.vms[V1], copies=(copy,)))
    if isinstance(action, RevertSnapshot | DeleteSnapshot):
        return apply(CreateSnapshot(name="s", **ON), world)
    return world


def test_every_action_is_exercised() -> None:
    assert {type(action) for action in EVERY} == set(get_args(Action))


@pytest.mark.parametrize("action", EVERY, ids=lambda a: type(a).__name__)
def test_action_runs_is_priced_described_and_stored(action: Action) -> None:
    world = world_for(action)
    after = apply(action, world)
    assert violations(after) == frozenset()
    plan = Plan(goal="x", steps=(Step(number=1, action=action, why=reason("asked", who="me")),))
    plan = priced(plan, world, CostModel(), slots=1)
    assert decode_plan(encode_plan(plan)) == plan
    assert describe(action, names_in(after))


@pytest.mark.parametrize("action", EVERY, ids=lambda a: type(a).__name__)
def test_action_on_a_vanished_or_unknown_thing_is_refused(action: Action) -> None:
    nowhere = pool(0)
    with pytest.raises(NotFound):
        apply(action, nowhere)


def test_another_release_is_not_guessed_at() -> None:
    plan = Plan(goal="x", steps=())
    newer = encode_plan(plan).replace(b'"format":5', b'"format":6')
    with pytest.raises(Invalid, match="format 6"):
        decode_plan(newer)
    with pytest.raises(Invalid) as caught:
        decode_plan(
            b'{"format":1,"plan":{"goal":"x","steps":[{"number":1,"action":{"type":"fly"}}]}}'
        )
    assert "not run" in caught.value.hint


def test_duration_is_that_of_a_schedule() -> None:
    world = pool(2)
    for number in range(4):
        world = world.with_vm(vm(number, "h0"))
    moves = [
        Step(
            number=n + 1,
            action=MigrateVm(vm=VmId(f"v{n}"), source=H0, target=H1),
            why=reason("place.stays"),
        )
        for n in range(4)
    ]
    plan = Plan(goal="x", steps=tuple(moves))
    model = CostModel(bandwidth_mib_s=1024, migrate_overhead_ms=0)
    assert priced(plan, world, model, slots=1).cost.duration_ms == 4000
    assert priced(plan, world, model, slots=2).cost.duration_ms == 2000
    last = msgspec.structs.replace(moves[3], after=frozenset({1, 2, 3}))
    chained = msgspec.structs.replace(plan, steps=(*moves[:3], last))
    wide = msgspec.structs.replace(model, moves_per_host=4)
    assert priced(chained, world, wide, slots=4).cost.duration_ms == 2000
    narrow = priced(chained, world, model, slots=4)
    assert narrow.cost.duration_ms == 3000  # two at once leave or enter one host
    assert [(one.what, one.reached, one.bound) for one in narrow.bounds] == [("time", 3000, 2000)]


def test_checker_sees_what_the_simulator_would_let_through() -> None:
    world = pool(2).with_host(host(1, memory_mib=1024))
    world = world.with_vm(vm(1, "h0")).with_vm(vm(2, "h0"))
    moves = tuple(
        Step(
            number=n,
            action=MigrateVm(vm=VmId(f"v{n}"), source=H0, target=H1),
            why=reason("place.stays"),
        )
        for n in (1, 2)
    )
    assert [say(one) for one in objections(Plan(goal="x", steps=moves), world)] == [
        "h1 would be overbooked by 1 GiB"
    ]
    twice = (moves[0], msgspec.structs.replace(moves[0], number=2))
    not_there = reason("check.runs-not", vm="v1", host="h0")
    assert not_there in objections(Plan(goal="x", steps=twice), world)


def test_two_vms_with_one_address_are_a_violation() -> None:
    one = vm(1, "h0")
    world = pool(1).with_vm(one).with_vm(vm(2, "h0", nics=one.nics))
    assert violations(world) == {reason("check.mac", mac=one.nics[0].mac, count=2)}


def test_assumptions_that_no_longer_hold_are_named() -> None:
    step = Step(
        number=1,
        action=MigrateVm(vm=V1, source=H0, target=H1),
        why=reason("place.stays"),
        valid_while=(
            VmIs(vm=V1, host=H0, states=frozenset({VmState.RUNNING})),
            MemoryFree(host=H1, memory_mib=1024),
        ),
    )
    world = pool(2).with_vm(vm(1, "h0"))
    assert broken(step, world) is None
    moved = broken(step, world.with_vm(vm(1, "h1")))
    assert moved == reason("broken.moved", vm="vm1", host="h0")
    full = world.with_host(host(1, memory_mib=100))
    assert broken(step, full) == reason("broken.memory", host="h1", free=100, need=1024)


def test_steps_are_numbered_and_wait_backwards() -> None:
    stop = StopVm(**ON)
    with pytest.raises(ValueError, match="earlier"):
        Step(number=1, action=stop, why=reason("asked", who="me"), after=frozenset({1}))
    with pytest.raises(ValueError, match="numbered"):
        Plan(goal="x", steps=(Step(number=2, action=stop, why=reason("asked", who="me")),))


def test_start_of_a_running_vm_is_a_conflict() -> None:
    with pytest.raises(Conflict, match="running"):
        apply(StartVm(**ON), pool(1).with_vm(vm(1, "h0")))


def test_the_simulator_refuses_what_cannot_be() -> None:
    full = pool(2).with_vm(vm(1, "h0", state=VmState.STOPPED)).with_host(host(0, memory_mib=512))
    with pytest.raises(Conflict, match="lacks 512 MiB"):
        apply(StartVm(**ON), full)
    busy = pool(2).with_vm(vm(1, "h0"))
    with pytest.raises(Conflict, match="1 VM still runs"):
        apply(EnterMaintenance(host=H0), busy)
    with pytest.raises(Conflict, match="in maintenance"):
        apply(MigrateVm(vm=V1, source=H0, target=H1), busy.with_host(host(1, maintenance=True)))


def test_a_plan_keeps_the_names_of_what_it_is_about() -> None:
    before = pool(2).with_vm(vm(1, "h0", state=VmState.STOPPED))
    steps = (
        Step(number=1, action=DeleteVm(**ON), why=reason("asked", who="me")),
        Step(number=2, action=EVERY[0], why=reason("asked", who="me")),
    )
    plan = decode_plan(encode_plan(named(Plan(goal="x", steps=steps), before)))
    after = outcome(plan, before)
    assert V1 not in after.vms
    texts = [describe(step.action, names_of(plan, after)) for step in plan]
    assert texts == ["delete vm1 on host0", "create new on host0"]


@pytest.mark.parametrize(
    ("action", "state", "hint"),
    [
        (DeleteVm(**ON), VmState.RUNNING, "shut it down first"),
        (RenameVm(name="other", **ON), VmState.PAUSED, "shut it down first"),
        (PauseVm(**ON), VmState.STOPPED, "start it first"),
        (MigrateVm(vm=V1, source=H0, target=H1), VmState.CRASHED, "start it first"),
        (
            StopVm(**ON),
            VmState.UNKNOWN,
            "its host does not answer; look at `anypool endpoint list`",
        ),
    ],
)
def test_a_state_that_forbids_says_the_way_out(action: Action, state: VmState, hint: str) -> None:
    with pytest.raises(Conflict) as caught:
        apply(action, pool(2).with_vm(vm(1, "h0", state=state)))
    assert caught.value.hint == hint
