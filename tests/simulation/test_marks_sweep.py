"""A template and labels are written though the manager dies at any write, or answers are lost."""

from pathlib import Path

import pytest

from anypool.drivers.sim import Fault, FaultKind
from anypool.model import LabelChange, VmState
from anypool.plan import ChangeLabels, MarkTemplate, Plan, Step, StopHow, StopVm, reason
from tests.simulation.test_create_sweep import carried_out
from tests.simulation.yard import Yard

GOLD = LabelChange(add=("tier:gold", "owner=ada"))


def marking(yard: Yard) -> Plan:
    vms = yard.engine.inventory.vms.values()
    vm = min((one for one in vms if one.state is VmState.RUNNING), key=lambda one: one.id)
    host = vm.host
    assert host is not None
    actions = (
        StopVm(vm=vm.id, host=host, how=StopHow.POWER_OFF),
        MarkTemplate(vm=vm.id, host=host),
        ChangeLabels(host=host, vm=vm.id, change=GOLD),
        ChangeLabels(host=host, change=GOLD),
    )
    why = reason("asked", who="test")
    steps = [
        Step(number=number, action=action, why=why, after=frozenset(range(1, number)))
        for number, action in enumerate(actions, 1)
    ]
    return Plan(goal="a marked template", steps=tuple(steps))


def check(yard: Yard) -> None:
    (marked,) = [vm for vm in yard.engine.inventory.vms.values() if vm.template]
    assert marked.host is not None
    assert (marked.state, marked.labels) == (VmState.STOPPED, frozenset(GOLD.add))
    with yard.world.turn() as state:
        assert state.host(marked.host).host.labels >= frozenset(GOLD.add)


@pytest.mark.parametrize("operation", ["", "mark_template", "change_labels"])
def test_every_write(tmp_path: Path, operation: str) -> None:
    lost = (Fault(kind=FaultKind.LOST_ANSWER, operation=operation),) if operation else ()
    writes = carried_out(tmp_path / "whole", marking, check, (0, ""), *lost).store.writes
    for number in range(1, writes + 1, 2 if lost else 1):
        for side in ("before", "after"):
            folder = tmp_path / f"{number}-{side}"
            assert carried_out(folder, marking, check, (number, side), *lost).crashes == 1
