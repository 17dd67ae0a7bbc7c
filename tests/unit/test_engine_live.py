"""The engine on its threads, with a simulated pool: what people and services see of it."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from anypool.clock import SystemClock
from anypool.drivers.sim import (
    Fault,
    FaultKind,
    Shape,
    SimDriver,
    Timing,
    World,
    build_world,
    content,
)
from anypool.engine import Engine
from anypool.engine.observing.board import Board, Notice, Subscription
from anypool.engine.runs.eyes import Eyes
from anypool.engine.runs.runner import Runner
from anypool.errors import Busy, Conflict, NotFound, Unreachable
from anypool.model import (
    CopyState,
    EndpointId,
    EndpointState,
    HostId,
    HostState,
    Image,
    ImageCopy,
    ImageId,
    ImageVersion,
    VmState,
)
from anypool.plan import PauseVm, PlanState, StopHow, StopVm
from anypool.planner.evacuate import plan_evacuation
from anypool.planner.operate import plan_action
from anypool.settings import Settings
from anypool.store import Store, events, plans
from anypool.store.records import HostFacts, RunState
from tests.simulation.pool import SimPool

QUICK = Settings(
    state_dir="",
    audit_head_file="/dev/null",
    observe_every_s=0.3,
    changes_wait_s=0.1,
    measure_every_s=0.1,
    unreachable_retry_s=0.05,
    unreachable_retry_max_s=0.2,
    look_every_s=0.02,
    settle_s=0.2,
    lease_s=2.0,
)


def soon(what: Callable[[], object], timeout_s: float = 10.0) -> None:
    """Wait until something is so."""
    until = time.monotonic() + timeout_s
    while not what():
        assert time.monotonic() < until, "it did not come about"
        time.sleep(0.01)


class Site:
    """A world, a database and one engine at a time."""

    def __init__(self, folder: Path) -> None:
        self.url = f"sqlite:///{folder}/anypool.db"
        timing = Timing(migrate_mib_s=8192, keepalive_s=1.0)
        self.world: World = build_world(Shape(hosts=3, vms=6, running_percent=100), timing=timing)
        self.open: list[tuple[Store, Engine]] = []

    def engine(self) -> Engine:
        store = Store.open(self.url, clock=SystemClock())
        engine = Engine(store, SimPool(self.world), SystemClock(), QUICK)
        self.open.append((store, engine))
        return engine

    def store(self) -> Store:
        return self.open[-1][0]

    def add_all(self, engine: Engine) -> None:
        for endpoint in SimPool(self.world).endpoints():
            engine.add_endpoint(endpoint, "", "ada")

    def close(self) -> None:
        for store, engine in self.open:
            engine.stop()
            store.close()
        self.open.clear()


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    made = Site(tmp_path)
    yield made
    made.close()


@pytest.fixture
def engine(site: Site) -> Engine:
    made = site.engine()
    made.start()
    site.add_all(made)
    return made


def test_evacuation(site: Site, engine: Engine) -> None:
    host = next(vm.host for vm in engine.inventory.vms.values() if vm.host)
    plan = engine.submit(plan_evacuation(engine.inventory, host), "ada")
    run = engine.run(plan.id, "ada")
    assert engine.wait(run.id, 30).state is RunState.DONE
    assert engine.inventory.hosts[host].maintenance
    assert not engine.inventory.vms_on(host)
    assert site.world.double_runs == ()
    with site.store().reading() as tx:
        assert plans.get(tx, plan.id).state is PlanState.DONE
        kinds = [event.kind for event in events.since(tx, 0)]
    assert kinds.count("run.done") == 1


def test_the_loop_rests_while_a_migration_flows(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It once turned as fast as it could, which cost the guest's host a processor."""
    counts = {"turns": 0, "looks": 0}

    def counted(name: str, original: Callable[..., object]) -> Callable[..., object]:
        def call(*given: object) -> object:
            counts[name] += 1
            return original(*given)

        return call

    monkeypatch.setattr(Runner, "turn", counted("turns", Runner.turn))
    monkeypatch.setattr(Eyes, "look", counted("looks", Eyes.look))
    engine = site.engine()
    engine.start()
    site.add_all(engine)
    host = next(iter(engine.inventory.hosts))
    record = engine.submit(plan_evacuation(engine.inventory, host), "ada")
    run = engine.run(record.id, "ada")
    assert engine.wait(run.id, 20.0).state is RunState.DONE
    assert counts["turns"] < 20 + 4 * counts["looks"]


def test_what_happens_outside_is_seen(site: Site, engine: Engine) -> None:
    vm = next(iter(engine.inventory.vms.values()))
    assert vm.host is not None
    outside = next(e for e in SimPool(site.world).endpoints() if e.uri.endswith(vm.host))
    SimPool(site.world).driver(outside).power_off_vm(vm.id, vm.host)
    soon(lambda: engine.inventory.vms[vm.id].state is VmState.STOPPED)


def test_a_host_that_falls_silent_is_unknown_and_comes_back(site: Site, engine: Engine) -> None:
    vm = next(iter(engine.inventory.vms.values()))
    assert vm.host is not None
    host = vm.host
    site.world.cut_host(host)
    soon(lambda: engine.inventory.hosts[host].state is HostState.UNKNOWN)
    assert engine.inventory.vms[vm.id].state is VmState.UNKNOWN
    silent = next(one for one in engine.health() if one.id == f"e-{host}")
    assert silent.state is EndpointState.UNREACHABLE
    assert silent.message
    others = [one.state for one in engine.health() if one.id != silent.id]
    assert others == [EndpointState.CONNECTED] * 2
    with pytest.raises(Unreachable):
        engine.observe_now(vm.id)
    site.world.heal_host(host)
    soon(lambda: engine.inventory.vms[vm.id].state is VmState.RUNNING)


def test_an_endpoint_that_only_tells_no_changes_any_more_is_unknown(
    site: Site, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A frozen host hangs wherever it is asked first; that was the question for changes."""

    def silent(*_: object) -> None:
        raise Unreachable("no answer")

    with monkeypatch.context() as frozen:
        frozen.setattr(SimDriver, "changes", silent)
        soon(lambda: all(h.state is HostState.UNKNOWN for h in engine.inventory.hosts.values()))
    soon(lambda: all(h.state is HostState.UP for h in engine.inventory.hosts.values()))


def test_an_endpoint_is_kept_only_if_it_answers(site: Site) -> None:
    engine = site.engine()
    engine.start()
    endpoint = SimPool(site.world).endpoints()[0]
    site.world.inject(Fault(kind=FaultKind.UNREACHABLE, operation="info"))
    with pytest.raises(Unreachable):
        engine.add_endpoint(endpoint, "secret", "ada")
    assert engine.endpoints() == ()
    with site.store().reading() as tx:
        assert events.since(tx, 0) == ()
    engine.add_endpoint(endpoint, "secret", "ada")
    with pytest.raises(Conflict, match="already"):
        engine.add_endpoint(endpoint, "", "ada")
    with pytest.raises(Conflict, match="managed already"):
        engine.add_endpoint(replace(endpoint, id=EndpointId("e2"), uri=f"{endpoint.uri}"), "", "x")
    other = replace(endpoint, id=EndpointId("e3"), uri=endpoint.uri.replace("world", "again"))
    with pytest.raises(Conflict, match="managed already"):
        engine.add_endpoint(other, "", "ada")
    assert [one.id for one in engine.endpoints()] == [endpoint.id]
    engine.remove_endpoint(endpoint.id, "ada")
    assert len(engine.inventory.hosts) == 0
    with pytest.raises(NotFound):
        engine.remove_endpoint(endpoint.id, "ada")


def test_a_restart_shows_all_as_unknown_until_it_is_read(site: Site, engine: Engine) -> None:
    host = next(iter(engine.inventory.hosts))
    engine.set_host_facts(HostFacts(host=host, tags=frozenset({"rack1"})), "ada")
    before = engine.inventory
    site.close()
    for known in before.hosts:
        site.world.cut_host(known)
    again = site.engine()
    again.start()
    assert set(again.inventory.vms) == set(before.vms)
    assert {vm.state for vm in again.inventory.vms.values()} == {VmState.UNKNOWN}
    assert again.inventory.hosts[host].tags == {"rack1"}
    for known in before.hosts:
        site.world.heal_host(known)
    soon(lambda: again.inventory.vms == before.vms)


def test_a_stopped_engine_leaves_the_run_to_the_next(site: Site, engine: Engine) -> None:
    host = next(vm.host for vm in engine.inventory.vms.values() if vm.host)
    site.world.inject(Fault(kind=FaultKind.UNREACHABLE, operation="begin_migration", times=3))
    run = engine.run(engine.submit(plan_evacuation(engine.inventory, host), "ada").id, "ada")
    site.close()
    again = site.engine()
    again.start()
    assert again.wait(run.id, 30).state is RunState.DONE
    assert site.world.double_runs == ()


def test_a_second_manager_stands_by_and_takes_over(site: Site, engine: Engine) -> None:
    second = site.engine()
    second.start()
    assert engine.leads
    assert not second.leads
    with pytest.raises(Busy, match="another manager"):
        second.add_endpoint(SimPool(site.world).endpoints()[0], "", "ada")
    site.open[0][1].stop()
    soon(lambda: second.leads)
    soon(lambda: all(v.state is VmState.RUNNING for v in second.inventory.vms.values()))
    assert second.inventory.vms


def test_a_run_keeps_others_off_its_vms(site: Site, engine: Engine) -> None:
    vm = next(iter(engine.inventory.vms.values()))
    assert vm.host is not None
    site.world.inject(Fault(kind=FaultKind.UNREACHABLE, operation="pause_vm", times=-1))
    action = PauseVm(vm=vm.id, host=vm.host)
    first = engine.submit(plan_action(engine.inventory, action, "ada"), "ada")
    second = engine.submit(plan_action(engine.inventory, action, "ada"), "ada")
    run = engine.run(first.id, "ada")
    with pytest.raises(Busy, match=vm.name):
        engine.run(second.id, "ada")
    with pytest.raises(Conflict, match="running"):
        engine.run(first.id, "ada")
    with pytest.raises(Busy):
        engine.remove_endpoint(EndpointId(f"e-{vm.host}"), "ada")
    engine.cancel(run.id, "ada")
    site.world.clear_faults()
    engine.wait(run.id, 20)
    assert engine.run(second.id, "ada")


def test_an_outdated_plan_is_superseded_and_not_begun(site: Site, engine: Engine) -> None:
    vm = next(iter(engine.inventory.vms.values()))
    assert vm.host is not None
    plan = engine.submit(plan_evacuation(engine.inventory, vm.host), "ada")
    stop = StopVm(vm=vm.id, host=vm.host, how=StopHow.POWER_OFF)
    run = engine.run(engine.submit(plan_action(engine.inventory, stop, "ada"), "ada").id, "ada")
    assert engine.wait(run.id, 20).state is RunState.DONE
    with pytest.raises(Conflict, match="changed since"):
        engine.run(plan.id, "ada")
    with site.store().reading() as tx:
        assert plans.get(tx, plan.id).state is PlanState.SUPERSEDED


def test_loads_are_measured_beside_the_inventory(engine: Engine) -> None:
    soon(lambda: any(load.cpu_percent > 0 for load in engine.loads().values()))
    version = engine.version
    seen = {load.at for load in engine.loads().values()}
    soon(lambda: {load.at for load in engine.loads().values()}.isdisjoint(seen))
    assert engine.version == version


def test_images(engine: Engine) -> None:
    image = Image(id=ImageId("i1"), name="debian")
    engine.images.add(image, "ada")
    assert engine.inventory.images[ImageId("i1")] == image
    with pytest.raises(Conflict):
        engine.images.add(replace(image, id=ImageId("i2")), "ada")
    engine.images.remove(image.id, "ada")
    assert not engine.inventory.images
    with pytest.raises(NotFound):
        engine.images.remove(image.id, "ada")


def kept_image(site: Site, engine: Engine) -> Image:
    """An image on the shared datastore, which the engine knows."""
    store = next(one for one in engine.inventory.datastores.values() if one.shared)
    copy = ImageCopy(datastore=store.id, volume="base.qcow2")
    first = ImageVersion(number=1, copies=(copy,), size_bytes=1 << 30)
    image = Image(id=ImageId("base"), name="base", versions=(first,), last=1)
    engine.images.add(image, "ada")
    return image


def test_an_image_is_read_in_the_background_and_watched(site: Site, engine: Engine) -> None:
    image = kept_image(site, engine)
    (copy,) = image.versions[0].copies

    def versions() -> list[tuple[str, CopyState]]:
        engine.images.woken.set()
        found = engine.inventory.images[image.id].versions
        return [(one.digest, one.copies[0].state) for one in found]

    soon(lambda: versions()[0][1] is CopyState.SAME)
    ((first, _),) = versions()
    content.write(site.world, copy.datastore, copy.volume, "written over")
    soon(lambda: len(versions()) == 2)
    (old, new) = versions()
    assert old == (first, CopyState.CHANGED)
    assert new[1] is CopyState.SAME
    assert new[0] != first
    content.remove(site.world, copy.datastore, copy.volume)
    soon(lambda: versions()[1][1] is CopyState.MISSING)
    with site.store().reading() as tx:
        told = [one for one in events.since(tx, 0) if one.subject_kind == "image"]
    assert [one.kind for one in told] == [
        "image.added", "image.read", "image.replaced", "image.missing",
    ]  # fmt: skip
    assert [str(one.severity) for one in told] == ["info", "info", "warning", "warning"]


def test_what_is_known_of_images_survives_a_restart(site: Site, engine: Engine) -> None:
    image = kept_image(site, engine)
    soon(lambda: engine.inventory.images[image.id].versions[0].digest)
    known = engine.inventory.images[image.id]
    engine.stop()
    again = site.engine()
    again.start()
    assert again.inventory.images[image.id] == known


def test_subscribers_hear_once_of_each_object(engine: Engine) -> None:
    host = next(iter(engine.inventory.hosts))
    with engine.subscribe() as news:
        for tag in ("a", "b", "c"):
            engine.set_host_facts(HostFacts(host=host, tags=frozenset({tag})), "ada")
        heard = news.get(5.0)
        assert heard.count(Notice("host", host)) == 1
    assert news.closed


def test_a_slow_subscriber_is_told_to_read_all_again() -> None:
    news = Subscription(Board(), limit=3)
    news.put([Notice("vm", str(number)) for number in range(5)])
    news.put([Notice("vm", "9")])
    assert news.get(0.0) == (Notice("resync"), Notice("vm", "9"))
    assert news.get(0.0) == ()


def test_requests_for_what_is_not_there(engine: Engine) -> None:
    with pytest.raises(NotFound):
        engine.set_host_facts(HostFacts(host=HostId("nobody")), "ada")
    with pytest.raises(NotFound):
        engine.observe_now(HostId("nobody"))
