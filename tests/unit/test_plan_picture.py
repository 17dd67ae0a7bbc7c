"""Plans as pictures: what is where before and after, by which step, and when."""

from msgspec.structs import replace

from anypool.model import HostId, VmId, VmState
from anypool.plan import Cost, MigrateVm, Plan, PowerOffHost, Step, plain
from anypool.plan.picture import BESIDE, MOST_HOSTS, picture
from anypool.plan.schedule import Limits
from tests.unit.test_planner_evacuate import pool, vm


def moves(*which: tuple[str, str, str], at_once_ms: int = 1000) -> Plan:
    steps = tuple(
        Step(
            number=number,
            action=MigrateVm(vm=VmId(name), source=HostId(source), target=HostId(target)),
            why=plain("because"),
            cost=Cost(duration_ms=at_once_ms),
        )
        for number, (name, source, target) in enumerate(which, 1)
    )
    return Plan(goal=plain("move"), steps=steps)


def test_a_move_is_with_its_source_before_and_with_its_target_after() -> None:
    inventory = pool(2).with_vm(vm(1, "h0", memory_mib=512)).with_vm(vm(2, "h0"))
    seen = picture(moves(("v1", "h0", "h1")), inventory, Limits())
    hosts = {one.host: one for one in seen.hosts}
    assert {p.vm: p.step for p in hosts[HostId("h0")].before.parts} == {"v1": 1, "v2": 0}
    assert [p.vm for p in hosts[HostId("h0")].after.parts] == ["v2"]
    assert [(p.vm, p.step) for p in hosts[HostId("h1")].after.parts] == [("v1", 1)]
    assert hosts[HostId("h1")].after.held_mib == 512
    assert seen.stopped_at == 0


def test_there_and_back_is_no_move() -> None:
    inventory = pool(2).with_vm(vm(1, "h0"))
    seen = picture(moves(("v1", "h0", "h1"), ("v1", "h1", "h0")), inventory, Limits())
    assert all(part.step == 0 for one in seen.hosts for part in one.before.parts)


def test_steps_run_as_the_price_says() -> None:
    inventory = pool(2).with_vm(vm(1, "h0")).with_vm(vm(2, "h0"))
    plan = moves(("v1", "h0", "h1"), ("v2", "h0", "h1"))
    seen = picture(plan, inventory, Limits(moves=1))
    assert [(one.begins_ms, one.ends_ms) for one in seen.steps] == [(0, 1000), (1000, 2000)]
    together = picture(plan, inventory, Limits(moves=2))
    assert [one.begins_ms for one in together.steps] == [0, 0]


def test_a_step_that_cannot_run_is_named_and_the_rest_is_as_before() -> None:
    stopped = replace(vm(1, "h0"), state=VmState.STOPPED)
    seen = picture(moves(("v1", "h0", "h1")), pool(2).with_vm(stopped), Limits())
    assert seen.stopped_at == 1
    assert all(one.before == one.after for one in seen.hosts)


def test_few_hosts_beside_are_shown_and_the_rest_is_counted() -> None:
    inventory = pool(BESIDE + 7).with_vm(vm(1, "h0"))
    seen = picture(moves(("v1", "h0", "h1")), inventory, Limits())
    assert [one.concerned for one in seen.hosts].count(False) == BESIDE
    assert seen.others == 5
    assert seen.more == 0


def test_more_hosts_than_anybody_reads_are_counted() -> None:
    inventory = pool(MOST_HOSTS + 4)
    steps = tuple(
        Step(number=n, action=PowerOffHost(host=host), why=plain("because"))
        for n, host in enumerate(sorted(inventory.hosts), 1)
    )
    seen = picture(Plan(goal=plain("all off"), steps=steps), inventory, Limits())
    assert len(seen.hosts) == MOST_HOSTS
    assert seen.more == 4
