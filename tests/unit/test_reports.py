"""What a policy did: the VMs that moved, not the steps of its plans."""

from types import SimpleNamespace
from typing import Any

import pytest

from anypool.model import HostId, PlanId, Policy, PolicyId, RunId, VmId
from anypool.model.policy import Apart
from anypool.plan import EnterMaintenance, MigrateVm, Plan, PlanState, Step, plain
from anypool.service.access import Principal
from anypool.service.reports import Report, Reports
from anypool.store import Store, plans, runs
from anypool.store.records import Role, RunRecord, RunState, StepRecord, StepState
from tests.unit import store_kit

clock, store = store_kit.clock, store_kit.store
NIGHT, PLAN, RUN = PolicyId("night"), PlanId("p1"), RunId("r1")
H1, H2, H3 = HostId("h1"), HostId("h2"), HostId("h3")


def move(number: int, vm: str, source: HostId, target: HostId) -> Step:
    action = MigrateVm(vm=VmId(vm), source=source, target=target)
    return Step(number=number, action=action, why=plain("so"))


DETOUR = Plan(
    goal="balance",
    steps=(
        move(1, "a", H1, H3),
        move(2, "b", H2, H1),
        move(3, "a", H3, H2),
        Step(number=4, action=EnterMaintenance(host=H3), why=plain("so")),
    ),
)
"""Three moves of two VMs, and a step that moves nobody."""


def report(store: Store) -> Report:
    policy = Policy(id=NIGHT, scope="tag = web", rule=Apart())
    engine: Any = SimpleNamespace(policies=SimpleNamespace(get=lambda _: policy))
    ada = Principal(name="ada", role=Role.VIEWER)
    return Reports(engine, store).policy(ada, NIGHT, -3600.0)


def test_what_a_plan_in_shadow_would_move_is_counted_by_vm(store: Store) -> None:
    with store.writing() as tx:
        plans.add(tx, PLAN, DETOUR, by="ada", made_by=(NIGHT, PlanState.SHADOW))
    found = report(store)
    assert (found.vms, found.moves, dict(found.moved)) == (2, 3, {PLAN: 3})


@pytest.mark.parametrize(("done", "vms", "moves"), [((), 0, 0), ((1, 4), 1, 1), ((1, 2), 2, 2)])
def test_of_a_run_only_what_was_done_counts(
    store: Store, done: tuple[int, ...], vms: int, moves: int
) -> None:
    with store.writing() as tx:
        plans.add(tx, PLAN, DETOUR, by="ada", made_by=(NIGHT, PlanState.RECOMMENDED))
    assert report(store).moved == {}
    with store.writing() as tx:
        runs.add_run(tx, RunRecord(id=RUN, plan=PLAN, state=RunState.FAILED, by="ada"), 4)
        for number in done:
            runs.put_step(tx, StepRecord(run=RUN, number=number, state=StepState.DONE))
    found = report(store)
    assert (found.vms, found.moves, dict(found.moved)) == (vms, moves, {PLAN: moves})
