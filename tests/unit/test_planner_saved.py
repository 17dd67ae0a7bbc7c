"""What consolidation saves: watts of emptied hosts, less what the others draw more."""

import pytest

from anypool.model import HostId, Tariff, Watts
from anypool.planner.fewest import consolidated, plan_consolidation
from tests.strategies import pool, vm
from tests.unit.test_planner_fewest import spread, week, wish_of


def test_what_is_saved_is_at_least_what_emptied_hosts_of_known_watts_draw() -> None:
    world = spread(4)
    curves = {key: week(0, 0) for key in world.vms}
    watts = {HostId("h0"): Watts(idle=100, full=300, off=10), HostId("h1"): Watts(idle=50, full=90)}
    tariff = Tariff(price=(0.30,) * 168, co2_g=(400.0,) * 168, currency="EUR")
    made = consolidated(world, wish_of(world, curves=curves, watts=watts, tariff=tariff))
    empty = {made.found.problem.hosts[row] for row in made.found.empty}
    assert HostId("h0") in empty
    idle = sum({"h0": 90.0, "h1": 50.0}.get(key, 0.0) for key in empty)
    kwh = idle * 365.25 / 12 * 24 / 1000
    assert made.saving.energy.kwh == pytest.approx(kwh)
    assert made.saving.energy.money == pytest.approx(kwh * 0.30)
    assert made.saving.energy.co2_kg == pytest.approx(kwh * 0.4)
    assert "EUR a month" in made.plan.goal
    assert "nobody knows the watts of" in made.plan.goal
    assert "kWh" not in plan_consolidation(world, wish_of(world, curves=curves)).goal


def test_watts_of_hosts_that_get_busier_are_taken_off() -> None:
    world = pool(2, cpus=4)
    world = world.with_vm(vm(0, "h0", vcpus=2, memory_mib=2048)).with_vm(vm(1, "h1", vcpus=2))
    curves = {key: week(100, 100) for key in world.vms}
    watts = {HostId("h1"): Watts(idle=100, full=300)}
    made = consolidated(world, wish_of(world, curves=curves, watts=watts))
    assert [made.found.problem.hosts[row] for row in made.found.empty] == [HostId("h1")]
    known = {**watts, HostId("h0"): Watts(idle=80, full=200)}
    both = consolidated(world, wish_of(world, curves=curves, watts=known))
    saved, less = made.saving.energy.kwh, both.saving.energy.kwh
    assert saved - less == pytest.approx(30 * 365.25 / 12 * 24 / 1000)
