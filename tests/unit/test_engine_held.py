"""The copy of a migration that waits at its target: who resumes it, when it is worth nothing."""

import pytest

from anypool.engine.runs.decision import Deed
from anypool.engine.runs.state import Command, Do
from anypool.model import StateReason, VmState
from tests.unit.engine_kit import H2, V1, deeds, vm
from tests.unit.test_engine_core import begun, both


@pytest.mark.parametrize("why", [StateReason.NONE, StateReason.MIGRATED])
def test_copy_that_waits_is_resumed_only_if_the_source_says_that_it_gave_the_vm_away(
    why: StateReason,
) -> None:
    """One that is stopped for another reason may have run on before, between two looks."""
    bench = begun()
    waits = vm(V1, H2, VmState.PAUSED)
    down = vm(V1, state=VmState.STOPPED)
    bench.look(1, *both(vm(V1), waits, StateReason.MIGRATING, StateReason.BY_USER))
    done: tuple[Command, ...] = ()
    for _ in range(2):
        bench.tick(10)
        done = done or tuple(deeds(bench.look(1, *both(down, waits, why, StateReason.BY_USER))))
    gave = why is StateReason.MIGRATED
    assert list(done) == [Do(1, Deed.RESUME_TARGET if gave else Deed.DISCARD_TARGET)]
