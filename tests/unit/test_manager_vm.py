"""A manager that runs in a VM of its own pool: it recognises itself, and does itself no harm."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from anypool.engine.observing import ownvm
from anypool.engine.observing.ownvm import OwnVm, who_we_are
from anypool.errors import Conflict, Invalid
from anypool.model import (
    MANAGER,
    HighAvailability,
    HostId,
    Inventory,
    Level,
    PowerOff,
    Vm,
    VmId,
    VmWish,
)
from anypool.plan import (
    FenceHost,
    MigrateVm,
    PauseVm,
    Plan,
    PowerOffHost,
    StartAfterFailure,
    Step,
    StopHow,
    StopVm,
    say,
)
from anypool.plan.managercheck import of_manager
from anypool.planner.evacuate import plan_evacuation
from anypool.planner.failover import Fate
from anypool.planner.ha.protect import Ground, Protection, protected
from anypool.planner.operate import plan_action
from anypool.planner.rolling import terms
from anypool.planner.rolling.group import grouped
from anypool.planner.saving import plan_saving
from tests.strategies import pool, vm
from tests.unit.test_engine_live import Site, soon
from tests.unit.test_planner_rolling import wish
from tests.unit.test_planner_saving import order, proven

H0, H1, H2 = (HostId(f"h{number}") for number in range(3))
OWN = VmId("v0")
OFF = PowerOff(host=H0, first_at=1.0, at=20.0)
WISH = VmWish(id=OWN, name="vm0", memory_mib=512)


def world() -> Inventory:
    """Three hosts; the manager's VM is on the first one, another on the second."""
    own = vm(0, "h0", tags=frozenset({MANAGER}))
    return proven(pool(3).with_vm(own).with_vm(vm(1, "h1")))


def steps(*actions: object) -> Plan:
    made = (Step(number=n, action=one, why="x") for n, one in enumerate(actions, start=1))  # type: ignore[arg-type]
    return Plan(goal="x", steps=tuple(made))


def known(one: Vm) -> bool | None:
    return one.id == OWN


def nobody(_: Vm) -> bool | None:
    return None


# Planners


def test_power_is_not_saved_by_switching_the_manager_off() -> None:
    """Its VM is the easiest to move; without the tag its host is the one that goes."""
    inventory = pool(2).with_vm(vm(0, "h0", tags=frozenset({MANAGER})))
    inventory = proven(inventory.with_vm(vm(1, "h1", memory_mib=2048)))
    plan = plan_saving(inventory, order(inventory, reserve=0))
    assert [one.action.host for one in plan if isinstance(one.action, PowerOffHost)] == [H1]
    untagged = proven(inventory.with_vm(vm(0, "h0")))
    plan = plan_saving(untagged, order(untagged, reserve=0))
    assert [one.action.host for one in plan if isinstance(one.action, PowerOffHost)] == [H0]
    alone = proven(pool(2).with_vm(vm(0, "h0", tags=frozenset({MANAGER}))))
    alone = alone.with_host(replace(alone.hosts[H1], wake_proven_at=0.0))
    assert "the manager runs on it" in plan_saving(alone, order(alone)).goal


def test_its_host_comes_last_in_rolling_maintenance() -> None:
    inventory = world()
    hosts = tuple(sorted(inventory.hosts))
    waves = grouped(inventory, hosts, terms(inventory, wish(*hosts, max_hosts=2))).waves
    assert H0 not in waves[0].hosts
    assert waves[-1].hosts == (H0,)
    moved = [{a.vm for s in w.steps if isinstance(a := s.action, MigrateVm)} for w in waves]
    assert OWN in moved[-1]
    assert not any(OWN in vms for vms in moved[:-1]), "the manager is not moved for others"


def test_it_is_moved_when_its_host_is_emptied() -> None:
    plan = plan_evacuation(world(), H0)
    assert any(isinstance(s.action, MigrateVm) and s.action.vm == OWN for s in plan)
    assert of_manager(plan, world(), known) == ()


def test_high_availability_says_that_it_cannot_start_itself() -> None:
    inventory = world()
    for one in inventory.vms.values():
        inventory = inventory.with_vm(replace(one, made_by="anypool"))
    on = Ground(
        inventory=inventory,
        rules=dict.fromkeys(inventory.hosts.keys(), HighAvailability(level=Level.AUTOMATIC)),
        fates={one: Fate(vm=one, home=H0, level=0, host=H2) for one in inventory.vms},
    )
    own, other = (protected(inventory.vms[VmId(key)], on) for key in ("v0", "v1"))
    assert (own.how, other.how) == (Protection.ASKS, Protection.PROTECTED)
    assert own.why is not None
    assert "only another manager can start it" in say(own.why)


# What is refused before it begins


@pytest.mark.parametrize("own", [known, nobody])
def test_it_is_not_ended_by_itself(own: object) -> None:
    for action in (
        StopVm(vm=OWN, host=H0, how=StopHow.POWER_OFF),
        PauseVm(vm=OWN, host=H0),
        PowerOffHost(host=H0),
    ):
        assert of_manager(steps(action), world(), own), action  # type: ignore[arg-type]
    assert not of_manager(steps(PowerOffHost(host=H1)), world(), own)  # type: ignore[arg-type]


def test_its_host_may_be_switched_off_once_it_has_moved() -> None:
    moved = MigrateVm(vm=OWN, source=H0, target=H2)
    assert not of_manager(steps(moved, PowerOffHost(host=H0)), world(), known)
    assert of_manager(steps(moved, PowerOffHost(host=H2)), world(), known)


def test_after_a_failure_its_own_host_is_not_switched_off() -> None:
    """A manager that is cut off from its host would take it for dead."""
    fence = steps(FenceHost(host=H0))
    assert of_manager(fence, world(), known)
    assert not of_manager(steps(FenceHost(host=H1)), world(), known)


def test_another_manager_may_start_the_vm_of_one_that_is_gone() -> None:
    """The tag alone does not keep it down."""
    again = steps(FenceHost(host=H0), StartAfterFailure(wish=WISH, host=H2, home=H0, proof=OFF))
    assert not of_manager(again, world(), nobody)
    assert not of_manager(again, world(), lambda one: one.id == VmId("v1"))
    assert of_manager(again, world(), known)


# Recognising itself


def test_a_machine_says_who_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    machine, dmi = tmp_path / "machine-id", tmp_path / "uuid"
    machine.write_text("9f0f3a5e6a2e4f7c8f5e2b1c3d4e5f60\n")
    dmi.write_text("nonsense")
    monkeypatch.setattr(ownvm, "_FILES", (dmi, machine, tmp_path / "none"))
    assert who_we_are() == {
        "9f0f3a5e-6a2e-4f7c-8f5e-2b1c3d4e5f60",
        "5e3a0f9f-2e6a-7c4f-8f5e-2b1c3d4e5f60",
    }


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    made = Site(tmp_path)
    yield made
    made.close()


def test_it_tags_its_vm_and_keeps_it(site: Site) -> None:
    engine = site.engine()
    engine.start()
    site.add_all(engine)
    running = sorted(one.id for one in engine.inventory.vms.values() if one.host)
    own = OwnVm(engine, running[0])
    own.round()
    soon(lambda: MANAGER in engine.inventory.vms[running[0]].tags)
    assert [one.id for one in engine.inventory.vms.values() if MANAGER in one.tags] == running[:1]
    host = engine.inventory.vms[running[0]].host
    assert host is not None
    stop = StopVm(vm=running[0], host=host, how=StopHow.POWER_OFF)
    plan = engine.submit(plan_action(engine.inventory, stop, "ada"), "ada")
    with pytest.raises(Conflict, match="the manager runs in") as raised:
        engine.run(plan.id, "ada")
    assert "without anypool" in raised.value.hint
    moved = engine.run(engine.submit(plan_evacuation(engine.inventory, host), "ada").id, "ada")
    assert engine.wait(moved.id, 30).state == "done"
    assert engine.inventory.vms[running[0]].host != host


def test_an_id_that_is_none_is_refused(site: Site) -> None:
    with pytest.raises(Invalid, match="manager_vm"):
        OwnVm(site.engine(), "web1")
