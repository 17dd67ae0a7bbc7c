"""A hypervisor that fails over is the same host on other hardware: planned, judged, taken over."""

from types import SimpleNamespace

import pytest
from msgspec.structs import replace

from anypool.clock import ManualClock
from anypool.engine.observing.board import Board
from anypool.engine.observing.endpoints import Endpoints
from anypool.engine.observing.observe import Observer
from anypool.engine.observing.ours import Ours
from anypool.engine.observing.picture import Picture
from anypool.engine.runs.decision import Act, Done, Wait
from anypool.engine.runs.joining import of_joining
from anypool.engine.runs.sight import Sight
from anypool.errors import Busy, NoPlan
from anypool.model import (
    Capability,
    Endpoint,
    EndpointId,
    Frame,
    HostId,
    HostState,
    Inventory,
    Power,
    ServerId,
    Vm,
    VmId,
    VmState,
)
from anypool.plan import Plan, PowerOnServer, VerifyHost, outcome, say
from anypool.plan.check import objections
from anypool.planner.profiles.failover import plan_fail_over
from anypool.store import Store, facts, ha
from anypool.store.records import HostFacts
from tests.strategies import pool, vm
from tests.unit import engine_kit as kit
from tests.unit.engine_kit import H1, H2, V1, V2
from tests.unit.store_kit import clock, store  # noqa: F401
from tests.unit.test_hosting import SPARE, join_of, kinds, made, yard

SECOND = ServerId(HostId("s2"))


def failed(*vms: Vm, second: ServerId = SECOND) -> Inventory:
    """A host by a profile that fell silent with its VMs, and another spare."""
    world = made(yard())
    for one in vms:
        world = world.with_vm(one)
    world = world.with_host(replace(world.host(HostId(SPARE)), state=HostState.UNKNOWN))
    spare = replace(world.server(SPARE), id=second, name="blade2", power=Power.OFF, entered="")
    return world.with_server(spare)


def planned(world: Inventory) -> Plan:
    plan = plan_fail_over(world, SPARE)
    assert objections(plan, world) == ()
    return plan


def test_the_spare_is_the_same_host_with_its_vms_once_it_answers_as_it() -> None:
    world = failed(vm(1, "s1"), vm(2, "s1"))
    plan = planned(world)
    assert kinds(plan) == [
        "fence-host", "withdraw-profile", "apply-profile", "power-on-server", "verify-server",
        "join-host", "verify-host",
    ]  # fmt: skip
    assert [sorted(step.after) for step in plan][-3:] == [[4], [5], [6]]
    join = join_of(plan)
    assert (join.server, join.epoch, join.endpoint) == (SECOND, 2, "node1")
    assert "the same host" in say(plan.steps[-2].why)
    after = outcome(plan, world)
    assert HostId(SPARE) not in after.hosts
    host = after.host(HostId(SECOND))
    assert (host.name, host.endpoint, host.state) == ("node1", "node1", HostState.UP)
    assert {one.state for one in after.vms_on(host.id)} == {VmState.STOPPED}
    assert len(after.vms_on(host.id)) == 2


def test_both_prices_are_told_and_how_many_vms_each_is_for() -> None:
    big, *small = (vm(number, "s1", made_by="ada") for number in (1, 2, 3))
    world = failed(replace(big, memory_mib=60_000), *small)
    for one in pool().hosts.values():
        able = one.capabilities | {Capability.VM_ADOPT}
        world = world.with_host(replace(one, capabilities=able))
    plan = planned(world)
    (on,) = [step for step in plan if isinstance(step.action, PowerOnServer)]
    said = dict(on.why.facts)
    assert (said["elsewhere"], said["waiting"]) == (2, 1), "the big one fits on no other host"
    assert 0 < said["soon"] < said["late"]
    assert "waits for it" in say(on.why)


def test_the_last_host_of_a_pool_is_to_reach_what_it_reached_before() -> None:
    world = failed()
    for key in [one for one in world.hosts if one != HostId(SPARE)]:
        world = world.without_host(key)
    plan = planned(world)
    last = plan.steps[-1].action
    assert isinstance(last, VerifyHost)
    assert last.datastores == world.host(HostId(SPARE)).datastores != frozenset()


def test_a_server_that_is_a_host_by_itself_is_no_spare_for_another_one() -> None:
    with pytest.raises(NoPlan) as caught:
        plan_fail_over(failed(second=ServerId(HostId("h0"))), SPARE)
    assert "is a host by itself" in "; ".join(caught.value.refusals.values())


def test_it_is_taken_over_once_nobody_answers_on_the_old_hardware() -> None:
    world = failed()
    plan = planned(world)
    join = join_of(plan)
    booted = outcome(replace(plan, steps=plan.steps[:5]), world)

    def judged(inventory: Inventory) -> object:
        return of_joining(
            join, inventory.server(SECOND), Sight(inventory=inventory, power=Power.ON)
        )

    assert isinstance(judged(booted), Act)
    old = booted.host(HostId(SPARE))
    assert isinstance(judged(booted.with_host(replace(old, state=HostState.UP))), Wait)
    both = booted.with_host(replace(old, id=HostId(SECOND), state=HostState.UP))
    assert isinstance(judged(both), Act), "a manager died before the old one was forgotten"
    assert isinstance(judged(both.without_host(old.id)), Done)


class Scene:
    """Endpoints over a database; what a driver shows is in `frames`, by its pinned key."""

    def __init__(self, opened: Store, time: ManualClock) -> None:
        self.frames: dict[str, Frame] = {}
        self.board = Board()
        self.observer = Observer(Picture(Ours()), self.board, time)
        self.endpoints = Endpoints(opened, self, self.observer, self.board, time)  # type: ignore[arg-type]

    def driver(self, endpoint: Endpoint, secret: str = "") -> object:
        info = SimpleNamespace(product="libvirt", version="9")
        frame = self.frames[dict(endpoint.options)["host_key"]]
        return SimpleNamespace(info=lambda: info, observe=lambda: frame)

    def forget(self, endpoint: EndpointId) -> None:
        pass


def node(key: str) -> Endpoint:
    uri = "qemu+ssh://root@10.0.0.21/system"
    options = (("host_key", key),)
    return Endpoint(id=EndpointId("node1"), driver="libvirt", uri=uri, options=options)


def shows(place: HostId, state: VmState, *vms: VmId) -> Frame:
    return Frame(
        full=True,
        hosts=(kit.host(place),),
        vms=tuple(kit.vm(one, place, state) for one in vms),
    )


@pytest.fixture
def scene(store: Store, clock: ManualClock) -> Scene:  # noqa: F811
    made_ = Scene(store, clock)
    made_.frames["old"] = shows(H1, VmState.RUNNING, V1, V2)
    made_.endpoints.add(node("old"), "secret", "ada")
    with store.writing() as tx:
        facts.hosts.put(tx, HostFacts(host=H1, tags=frozenset({"gold"}), power_saved=True))
        ha.started(tx, V1, H1)
        ha.note_left(tx, ((V2, H1),))
    return made_


def test_what_was_ours_of_the_old_hardware_goes_to_the_new(scene: Scene, store: Store) -> None:  # noqa: F811
    scene.frames["new"] = shows(H2, VmState.STOPPED, V1, V2)
    seen: list[Inventory] = []
    publish = scene.board.publish
    scene.board.publish = lambda inventory, notices: (  # type: ignore[method-assign]
        seen.append(inventory), publish(inventory, notices)
    )[1]  # fmt: skip
    assert scene.endpoints.succeed(node("new"), "secret", frozenset({H1})) == (V1,)
    after = scene.observer.inventory
    assert set(after.hosts) == {H2}
    assert (after.hosts[H2].tags, after.hosts[H2].power_saved) == ({"gold"}, False)
    assert (after.vms[V1].host, after.vms[V1].state) == (H2, VmState.STOPPED)
    assert all({V1, V2} <= set(one.vms) for one in seen), "nobody sees the pool without them"
    assert scene.endpoints.all() == (node("new"),)
    with store.reading() as tx:
        assert [one.host for one in ha.charges(tx)] == [H2]
        assert ha.left(tx) == ((V2, H2),)
        assert [one.options for one in facts.endpoints.all(tx)] == [node("new").options]


def test_hardware_that_comes_without_the_vms_is_not_taken_for_the_host(scene: Scene) -> None:
    scene.frames["new"] = shows(H2, VmState.STOPPED, V1)
    with pytest.raises(Busy, match="without v2"):
        scene.endpoints.succeed(node("new"), "secret", frozenset({H1}))
    assert set(scene.observer.inventory.hosts) == {H1}
    assert scene.endpoints.all() == (node("old"),)
