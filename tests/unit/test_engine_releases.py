"""What the engine does about another manager, and about another release's plans."""

from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import update

from anypool.clock import SystemClock
from anypool.drivers.sim import Shape, build_world
from anypool.engine import Engine
from anypool.errors import Busy, Invalid
from anypool.model import DatastoreId, HostId, Image, ImageId, PlanId, RunId, VmId
from anypool.plan import PauseVm, Plan, PlanState, Step, reason
from anypool.service.underway import Underway
from anypool.settings import Settings
from anypool.store import Store, events, facts, plans, runs
from anypool.store.records import DatastoreFacts, HostFacts, RunRecord, RunState, VmFacts
from anypool.store.tables import plans as table
from tests.simulation.pool import SimPool

PLAN, RUN = PlanId("plan-old"), RunId("run-old")
HOST, VM, PLACE = HostId("h1"), VmId("v1"), DatastoreId("d")
IMAGE = Image(id=ImageId("i"), name="i")


class Site:
    """A database and a world, and engines on them."""

    def __init__(self, folder: Path) -> None:
        self.url = f"sqlite:///{folder}/anypool.db"
        self.settings = Settings(state_dir=str(folder), lease_s=2.0)
        self.world = build_world(Shape(hosts=2, vms=2, running_percent=100))
        self.store = Store.open(self.url, clock=SystemClock())

    def engine(self, store: Store | None = None) -> Engine:
        made = Engine(store or self.store, SimPool(self.world), SystemClock(), self.settings)
        made.start()
        return made


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


@pytest.mark.parametrize(
    "deed",
    [
        lambda engine: engine.set_host_facts(HostFacts(host=HOST), "ada"),
        lambda engine: engine.set_vm_facts(VmFacts(vm=VM), "ada"),
        lambda engine: engine.set_datastore_facts(DatastoreFacts(datastore=PLACE), "ada"),
        lambda engine: engine.images.add(IMAGE, "ada"),
        lambda engine: engine.images.remove(IMAGE.id, "ada"),
        lambda engine: engine.submit(Plan(goal="x"), "ada"),
        lambda engine: engine.run(PLAN, "ada"),
        lambda engine: engine.cancel(RUN, "ada"),
    ],
)
def test_a_manager_that_stands_by_changes_nothing(
    site: Site, deed: Callable[[Engine], object]
) -> None:
    leader = site.engine()
    other = Store.open(site.url, clock=SystemClock())
    second = site.engine(other)
    try:
        assert leader.leads
        assert not second.leads
        with pytest.raises(Busy, match="another manager"):
            deed(second)
        with site.store.reading() as tx:
            assert not facts.images.all(tx)
            assert not facts.hosts.all(tx)
    finally:
        second.stop()
        other.close()
        leader.stop()
        site.store.close()


def a_run_of_another_release(store: Store) -> None:
    step = Step(number=1, action=PauseVm(vm=VM, host=HOST), why=reason("asked", who="ada"))
    with store.writing() as tx:
        plans.add(tx, PLAN, Plan(goal="fly", steps=(step,)), by="ada")
        plans.set_state(tx, PLAN, PlanState.RUNNING, only_from=set(PlanState))
        runs.add_run(tx, RunRecord(id=RUN, plan=PLAN, state=RunState.RUNNING, by="ada"), 1)
        body = b'{"format":1,"plan":{"goal":"fly","steps":[{"number":1,"action":{"type":"fly"}}]}}'
        tx.run(update(table).where(table.c.id == PLAN).values(body=body))


def test_a_plan_of_another_release_stops_nobody(site: Site) -> None:
    a_run_of_another_release(site.store)
    for _ in range(2):
        engine = site.engine()
        assert engine.leads
        with site.store.reading() as tx:
            run = runs.get_run(tx, RUN)
            told = [one for one in events.since(tx, 0) if one.run == RUN]
        assert run.state is RunState.NEEDS_HUMAN
        assert "left alone" in run.message
        assert len(told) == 1
        with site.store.reading() as tx:
            (shown,) = plans.readable(tx, PLAN).outline
            assert (shown.unknown, plans.summary(tx, PLAN).unknown) == ("fly", ("fly",))
        assert [plan.goal for plan in Underway(site.store).plans()] == ["fly"]
        with pytest.raises(Invalid):
            engine.retry(RUN, 1, "ada")
        engine.stop()
    engine = site.engine()
    engine.cancel(RUN, "ada")
    with site.store.reading() as tx:
        assert runs.get_run(tx, RUN).state is RunState.CANCELLED
        assert plans.readable(tx, PLAN).state is PlanState.CANCELLED
        assert not runs.unfinished(tx)
    engine.stop()
    site.store.close()
