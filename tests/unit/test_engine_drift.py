"""What platforms say of changes beside us: who, when and what differs; and VMs with one id."""

from collections.abc import Callable
from pathlib import Path

import pytest
from msgspec.structs import replace

from anypool.clock import SystemClock
from anypool.drivers.sim import SimDriver
from anypool.engine import Engine
from anypool.engine.observing.board import Board
from anypool.engine.observing.drift import LONGEST, MOST, Drift, differences
from anypool.errors import Conflict
from anypool.model import (
    Changes,
    DatastoreId,
    Disk,
    EndpointId,
    HostId,
    Inventory,
    Nic,
    PlanId,
    Remark,
    Resources,
    RunId,
    Snapshot,
    Vm,
    VmId,
    VmState,
)
from anypool.plan import PauseVm, Plan, Step, StopHow, StopVm, check, reason, say
from anypool.planner.operate import plan_action, plan_start
from anypool.planner.place import pinned
from anypool.store import Store, events
from anypool.store.pages import Ask
from anypool.store.records import EventRecord
from tests.simulation.pool import SimPool
from tests.unit.engine_kit import H1, H2, H3, V1, V2, pool, vm
from tests.unit.test_engine_live import QUICK, Site, soon
from tests.unit.test_engine_merge import Scene

HERE = EndpointId("vc1")


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store.open(f"sqlite:///{tmp_path}/anypool.db", clock=SystemClock())


def drift(store: Store, now: Inventory) -> Drift:
    board = Board()
    board.publish(now, ())
    return Drift(store, board)


def told(store: Store) -> tuple[EventRecord, ...]:
    with store.reading() as tx:
        return events.find(tx, Ask(limit=500)).items


def remark(**more: object) -> Remark:
    said = Remark(what="v1 was powered off", at=1_790_000_000.0, by="CORP\\anna", vm=V1)
    return replace(said, **more)


def test_a_remark_becomes_an_event_with_who_when_and_what_differs(store: Store) -> None:
    after = pool(vm(V1, H1, VmState.STOPPED))
    drift(store, after).note(HERE, (remark(),), pool(vm(V1)))
    (event,) = told(store)
    assert (event.kind, event.subject_kind, event.subject_id) == ("vm.drifted", "vm", "v1")
    assert event.by == "CORP\\anna at vc1"
    words = "v1 was powered off (there, at 2026-09-21 14:13:20Z): running -> stopped"
    assert event.message == words
    assert event.said is not None


def test_what_nobody_is_named_for_is_somebodys(store: Store) -> None:
    drift(store, pool()).note(HERE, (remark(by="", vm=None, host=H1),), pool())
    drift(store, pool()).note(HERE, (remark(vm=None),), pool())
    here, there = told(store)
    assert (here.kind, here.subject_id) == ("endpoint.drifted", "vc1")
    assert (there.kind, there.by) == ("host.drifted", "somebody at vc1")


def test_our_own_deeds_are_no_drift_and_a_persons_with_our_account_is(store: Store) -> None:
    def step(kind: str, one: VmId) -> EventRecord:
        return EventRecord(
            kind=kind, message="", subject_kind="vm", subject_id=one, plan=PlanId("p"),
            run=RunId("r"),
        )  # fmt: skip

    with store.writing() as tx:
        events.append(tx, step("step.begun", V1))
    own = (remark(own=True), remark(own=True, vm=V2), remark(what="somebody else"))
    drift(store, pool()).note(HERE, own, pool())
    assert [(one.subject_id, one.by) for one in told(store)[:2]] == [
        ("v1", "CORP\\anna at vc1"),
        ("v2", "CORP\\anna at vc1"),
    ]
    assert len(told(store)) == 3, "the deed of our own run was told as drift"


def test_a_flood_is_cut_and_said_to_be(store: Store) -> None:
    drift(store, pool()).note(HERE, tuple(remark(at=float(n)) for n in range(MOST + 7)), pool())
    newest = told(store)[0]
    assert (newest.kind, newest.message.split()[0]) == ("endpoint.drifted", "7")
    assert len(told(store)) == MOST + 1


def test_what_a_platform_says_is_kept_on_one_line_and_short(store: Store) -> None:
    ugly = "a\nb\x1b[2Jc\u202e " + "x" * 9000
    drift(store, pool()).note(HERE, (remark(what=ugly, by="e\x00vil\n", at=1e300),), pool())
    (event,) = told(store)
    assert event.message.isprintable()
    assert event.message.startswith("a b [2Jc x")
    assert event.message.endswith("(there, at ?)")
    assert len(event.message) < LONGEST + 40
    assert event.by == "e vil at vc1"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda one: replace(one, name="web"), "name v1 -> web"),
        (lambda one: replace(one, host=H2), "host h1 -> h2"),
        (lambda one: replace(one, vcpus=4), "vCPUs 1 -> 4"),
        (lambda one: replace(one, memory_mib=1024), "memory 512 MiB -> 1 GiB"),
        (lambda one: replace(one, disks=()), "disks 1 -> 0"),
        (
            lambda one: replace(one, disks=(replace(one.disks[0], volume="x"),)),
            "a disk is another one or elsewhere",
        ),
        (lambda one: replace(one, nics=(Nic(mac="52:54:00:00:00:01"),)), "network adapters 0 -> 1"),
        (lambda one: replace(one, snapshots=(Snapshot(name="s"),)), "snapshots 0 -> 1"),
        (
            lambda one: replace(one, resources=Resources(cpu_shares=9)),
            "shares, limits or reservations",
        ),
    ],
)
def test_each_difference_has_words(change: Callable[[Vm], Vm], words: str) -> None:
    (one,) = differences(vm(V1), change(vm(V1)), pool())
    assert say(one) == words


def test_a_vm_that_came_or_went_is_told_as_such() -> None:
    assert [say(one) for one in differences(None, vm(V1), pool())] == ["it is new"]
    assert [say(one) for one in differences(vm(V1), None, pool())] == ["it is not there any more"]
    assert differences(None, None, pool()) == differences(vm(V1), vm(V1), pool()) == ()


class Talking(SimDriver):
    """A simulated endpoint that says who changed what, as a vCenter does."""

    def changes(self, since: str, wait_s: float) -> Changes:
        found = super().changes(since, wait_s)
        said = (remark(vm=one, what="powered off") for one in sorted(found.vms))
        return replace(found, remarks=tuple(said) if since else ())


class TalkingPool(SimPool):
    """Gives out drivers that talk."""

    def driver(self, endpoint, secret=""):  # type: ignore[no-untyped-def]
        host = HostId(endpoint.uri.rpartition("/")[2])
        return Talking(self.world, (host,), endpoint=endpoint.id, pool=endpoint.pool)


def test_a_change_by_hand_is_an_event_within_two_seconds_and_stays(tmp_path: Path) -> None:
    site = Site(tmp_path)
    store = Store.open(site.url, clock=SystemClock())
    engine = Engine(store, TalkingPool(site.world), SystemClock(), QUICK)
    site.open.append((store, engine))
    try:
        engine.start()
        site.add_all(engine)
        victim = next(one for one in engine.inventory.vms.values() if one.host is not None)
        assert victim.host is not None
        person = SimDriver(site.world, (victim.host,))
        person.power_off_vm(victim.id, victim.host)
        soon(lambda: any(one.kind == "vm.drifted" for one in told(store)), 2.0)
        event = next(one for one in told(store) if one.kind == "vm.drifted")
        assert event.subject_id == victim.id
        assert event.message.endswith("running -> stopped")
        assert engine.inventory.vms[victim.id].state is VmState.STOPPED, "it was overwritten"
    finally:
        site.close()


def test_two_vms_with_one_id_that_share_no_disk_are_told_apart_from_copies() -> None:
    scene = Scene()
    scene.whole(H1, vm(V1))
    local = Disk(target="vda", volume="v1.qcow2", datastore=DatastoreId("elsewhere"))
    delta = scene.whole(H2, replace(vm(V1, H2, VmState.STOPPED), disks=(local,)))
    shown = scene.picture.inventory.vms[V1]
    assert [one.id for one in delta.twinned] == [V1]
    assert shown.twins == (V1,)
    assert [copy.host for copy in shown.copies] == [H2]
    scene.whole(H2, vm(V1, H2, VmState.STOPPED))
    assert scene.picture.inventory.vms[V1].twins == ()


def test_an_endpoint_that_fell_silent_makes_no_twins() -> None:
    scene = Scene()
    local = Disk(target="vda", volume="v1.qcow2", datastore=DatastoreId("elsewhere"))
    scene.whole(H1, replace(vm(V1), disks=(local,)))
    scene.picture.lose(EndpointId("e-h1"))
    scene.whole(H3, vm(V1, H3))
    assert scene.picture.inventory.vms[V1].twins == ()


def test_nothing_is_planned_for_a_vm_that_shares_its_id() -> None:
    twin = replace(vm(V1, H1, VmState.STOPPED), twins=(V2,))
    known = pool(twin, vm(V2))
    with pytest.raises(Conflict, match="same id"):
        plan_start(known, V1)
    action = StopVm(vm=V1, host=H1, how=StopHow.POWER_OFF)
    running = pool(replace(twin, state=VmState.RUNNING))
    with pytest.raises(Conflict, match="same id"):
        plan_action(running, action, "ada")
    assert pinned(running, running.vm(V1)) == reason("vm.twins", vm="v1", count=1)


def test_a_plan_made_before_a_vm_got_a_twin_is_objected_to() -> None:
    step = Step(number=1, action=PauseVm(vm=V1, host=HostId("h1")), why=reason("asked", who="a"))
    plan = Plan(goal="", steps=(step,))
    assert not check.objections(plan, pool(vm(V1)))
    assert check.objections(plan, pool(replace(vm(V1), twins=(V2,)))) == (
        reason("check.twins", vm="v1"),
    )
