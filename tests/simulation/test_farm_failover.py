"""A simulated hypervisor by a profile dies, and the next blade is that host, with its VMs.

The disk of the profile goes with it: what was defined on the dead blade is defined on the next one
once that has booted. Swept through a death of the manager at every write.
"""

from pathlib import Path

import pytest
from msgspec.structs import replace

from anypool.drivers.sim import Fault, FaultKind
from anypool.drivers.sim.racked import set_server
from anypool.errors import Unreachable
from anypool.model import EndpointId, HostId, HostState, Probe, RunId, VmState
from anypool.plan import JoinHost, StartVm, Step
from anypool.planner.operate import plan_action
from anypool.planner.profiles.failover import plan_fail_over
from anypool.store.records import HostFacts, RunState
from tests.simulation.farm import FIRST, SECOND, Farm

OLD, NEW = HostId(FIRST), HostId(SECOND)


class Disked(Farm):
    """A farm whose VMs are defined on the disk of the profile; `bare` is one that forgets them."""

    bare = False

    def knock(self, probe: Probe, name: str) -> str:
        """Answer as the profile; before that, the disk is where it runs."""
        said = super().knock(probe, name)
        if not said and not self.bare and self.boot.entries[self.node.id].server == SECOND:
            with self.world.turn() as state:
                for vm in state.vms_on(OLD):
                    copy = state.copy(OLD, vm)
                    assert copy is not None
                    state.put_copy(OLD, vm, None)
                    state.put_copy(NEW, vm, replace(copy, vm=replace(copy.vm, host=NEW)))
        return said


def failed(folder: Path, *, bare: bool = False) -> tuple[Disked, RunId]:
    """Let a host by a profile die with a VM, and begin to fail it over."""
    farm = Disked(folder)
    farm.bare = bare
    farm.furnish()
    assert farm.finish(farm.make(FIRST)).state is RunState.DONE
    farm.fill()
    farm.engine.set_host_facts(HostFacts(host=OLD, tags=frozenset({"gold"})), "ada")
    set_server(farm.world, FIRST, powered=False)
    farm.world.switch_host_off(OLD)
    with pytest.raises(Unreachable):
        farm.engine._observer.read(EndpointId("node1"))
    assert farm.engine.inventory.hosts[OLD].state is not HostState.UP
    farm.engine._saver.save()
    plan = plan_fail_over(farm.engine.inventory, FIRST)
    return farm, farm.begin(replace(plan, steps=tuple(map(_soon, plan))))


def _soon(step: Step) -> Step:
    """Have patience with who joins for a minute only."""
    joins = isinstance(step.action, JoinHost)
    return replace(step, action=replace(step.action, within_s=60.0)) if joins else step


def well(farm: Disked, run: RunId) -> None:
    """The plan is done, the host is the same one with its VMs, and they can be started there."""
    assert farm.finish(run).state is RunState.DONE, farm.steps(run)
    inventory = farm.engine.inventory
    assert OLD not in inventory.hosts
    host = inventory.hosts[NEW]
    assert (host.endpoint, host.state, host.tags) == ("node1", HostState.UP, {"gold"})
    stopped = [vm for vm in inventory.vms_on(NEW) if vm.state is VmState.STOPPED]
    assert len(stopped) == len(farm.running) > 0
    for vm in stopped:
        start = plan_action(inventory, StartVm(vm=vm.id, host=NEW), "ada")
        assert farm.finish(farm.begin(start)).state is RunState.DONE
    farm.check()


def test_the_next_blade_is_the_same_host_with_the_same_vms(tmp_path: Path) -> None:
    farm, run = failed(tmp_path)
    well(farm, run)
    assert (farm.node.server, farm.node.epoch) == (SECOND, 2)
    farm.close()


def test_a_manager_that_dies_at_any_write_of_it_goes_on(tmp_path: Path) -> None:
    def played(name: str, crash_at: tuple[int, str]) -> tuple[int, int]:
        (tmp_path / name).mkdir()
        farm, run = failed(tmp_path / name)
        farm.store.writes, farm.store.crash_at = 0, crash_at
        assert farm.finish(run).state is RunState.DONE, farm.steps(run)
        farm.store.crash_at, writes = (0, ""), farm.store.writes
        well(farm, run)
        farm.close()
        return writes, farm.crashes

    writes, _ = played("whole", (0, ""))
    assert writes > 10
    for number in range(1, writes + 1, 2):
        side = ("before", "after")[number // 2 % 2]
        assert played(f"{number}", (number, side))[1] == 1


@pytest.mark.parametrize("operation", ["apply_identity", "power", "observe", "info"])
def test_lost_answers_hold_it_up_and_do_no_harm(tmp_path: Path, operation: str) -> None:
    farm, run = failed(tmp_path)
    farm.world.inject(Fault(kind=FaultKind.LOST_ANSWER, operation=operation))
    well(farm, run)
    farm.close()


def test_hardware_that_forgot_the_vms_is_not_taken_for_the_host(tmp_path: Path) -> None:
    farm, run = failed(tmp_path, bare=True)
    assert farm.finish(run).state in (RunState.FAILED, RunState.NEEDS_HUMAN)
    assert "it comes without" in " ".join(step.message for step in farm.steps(run))
    assert OLD in farm.engine.inventory.hosts
    assert len(farm.engine.inventory.vms_on(OLD)) == len(farm.running)
    farm.close()
