"""Which VMs are to run: what ended unseen was stopped by nobody."""

import pytest

from anypool.engine.ha.charges import Charges
from anypool.model import HostId, VmId, VmState
from anypool.store import Store
from tests.strategies import pool, vm
from tests.unit import store_kit

clock = store_kit.clock
store = store_kit.store
H0, V1 = HostId("h0"), VmId("v1")


@pytest.fixture
def charges(store: Store) -> Charges:
    made = Charges(store)
    made.begin()
    made.look({H0}, pool(2).with_vm(vm(1, "h0")), 1.0)
    assert made.get(V1) is not None
    return made


@pytest.mark.parametrize("unseen", [False, True])
def test_one_that_ended_while_its_host_was_away_between_two_looks_is_lost(
    charges: Charges, unseen: bool
) -> None:
    stopped = pool(2).with_vm(vm(1, "h0", state=VmState.STOPPED, unseen=unseen))
    charges.look({H0}, stopped, 2.0)
    assert charges.lost({H0}, stopped) == ((V1,) if unseen else ())
    assert (charges.get(V1) is not None) == unseen
