"""After a restart a VM is also where the journal sent it, until that host was read."""

import pytest

from anypool.engine.observing.recollect import recollected
from anypool.model import HostId, VmState
from anypool.store import Store, ha, observed
from anypool.store.ha import Charge
from tests.unit.engine_kit import H1, H2, V1, host, vm
from tests.unit.store_kit import clock, store

__all__ = ["clock", "store"]


def written(store: Store, *, charge: HostId | None = None, left: HostId | None = None) -> None:
    """Let a stopped VM on h1 be what was last observed; the journal says more."""
    there = vm(V1, H1, VmState.STOPPED)
    with store.writing() as tx:
        observed.put_many(tx, [host(H1), host(H2), there])
        if charge is not None:
            ha.put_charges(tx, [Charge(vm=V1, host=charge, since=1.0)], ())
        if left is not None:
            ha.note_left(tx, [(V1, left)])


@pytest.mark.parametrize("where", ["charge", "left"])
def test_vm_may_be_where_it_was_sent(store: Store, where: str) -> None:
    written(store, **{where: H2})
    known = recollected(store).inventory.vms[V1]
    assert {known.host, *(copy.host for copy in known.copies)} == {H1, H2}
    assert VmState.RUNNING not in {known.state, *(copy.state for copy in known.copies)}


def test_vm_that_was_not_sent_anywhere_is_where_it_was(store: Store) -> None:
    written(store, charge=H1)
    known = recollected(store).inventory.vms[V1]
    assert (known.host, known.copies) == (H1, ())
