"""Which VMs are to run: what ended unseen was stopped by nobody."""

import pytest
from msgspec.structs import replace

from anypool.engine.ha.charges import Charges
from anypool.engine.observing.vitals import Settled
from anypool.model import HostId, HostState, Inventory, StateReason, Vm, VmCopy, VmId, VmState
from anypool.store import Store, ha
from tests.strategies import host, pool, vm
from tests.unit import store_kit

clock = store_kit.clock
store = store_kit.store
H0, H1, V1 = HostId("h0"), HostId("h1"), VmId("v1")
BOTH = {H0, H1}


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


@pytest.mark.parametrize("before", [False, True])
def test_one_that_ended_while_its_host_was_away_is_lost_though_it_is_known_to_be_nowhere_else(
    charges: Charges, *, before: bool
) -> None:
    if before:
        charges.look({H0}, with_vm(vm(1, "h0", state=VmState.UNKNOWN), silent=H0), 2.0)
    charges.miss(pool(2).host(H0).endpoint)
    charges.settle()
    charges.look({H0}, LEFT, 3.0)
    assert charges.lost({H0}, LEFT) == (V1,)
    charges.look({H0}, with_vm(vm(1, "h0")), 4.0)
    charges.look({H0}, LEFT, 5.0)
    assert charges.get(V1) is None, "this time its host answered all the while"


def with_vm(one: Vm, *, silent: HostId | None = None) -> Inventory:
    known = pool(2).with_vm(one)
    if silent is not None:
        known = known.with_host(host(int(silent[1:]), state=HostState.UNKNOWN))
    return known


def beside(state: VmState, reason: StateReason = StateReason.NONE) -> Vm:
    """Return the VM paused on h1, as a migration leaves it, with the copy of h0."""
    copy = VmCopy(host=H0, state=state, reason=reason)
    return vm(1, "h1", state=VmState.PAUSED, reason=StateReason.BY_USER, copies=(copy,))


def looked(store: Store, *shown: Inventory) -> Charges:
    made = Charges(store)
    made.begin()
    for number, one in enumerate(shown):
        made.look(BOTH, one, float(number))
    return made


RUNS = with_vm(vm(1, "h0"))
LEFT = with_vm(vm(1, "h0", state=VmState.STOPPED))


@pytest.mark.parametrize("restarts", [False, True])
def test_what_a_dead_host_had_is_lost_when_the_paused_copy_of_a_migration_is_gone(
    store: Store, *, restarts: bool
) -> None:
    silent = with_vm(beside(VmState.UNKNOWN), silent=H0)
    back = with_vm(beside(VmState.STOPPED))
    charges = looked(store, RUNS, silent, back)
    assert charges.lost(BOTH, back) == ()
    if restarts:
        charges = looked(store, back)
    charges.look(BOTH, LEFT, 9.0)
    assert charges.lost(BOTH, LEFT) == (V1,)


def test_what_somebody_stopped_beside_a_paused_copy_stays_stopped(store: Store) -> None:
    charges = looked(store, RUNS, with_vm(beside(VmState.STOPPED)), LEFT)
    assert charges.get(V1) is None
    assert looked(store, LEFT).lost(BOTH, LEFT) == ()


def test_what_was_stopped_right_after_a_migration_stays_stopped(store: Store) -> None:
    there = with_vm(vm(1, "h1", state=VmState.STOPPED))
    charges = looked(store, RUNS, there)
    assert charges.get(V1) is None
    assert charges.lost(BOTH, there) == ()


def test_what_was_stopped_beside_an_old_copy_stays_stopped(store: Store) -> None:
    old = VmCopy(host=H0, state=VmState.STOPPED)
    runs = with_vm(vm(1, "h1", copies=(old,)))
    copy = VmCopy(host=H1, state=VmState.STOPPED)
    stopped = with_vm(vm(1, "h0", state=VmState.STOPPED, copies=(copy,)))
    charges = looked(store, runs, stopped, LEFT)
    assert charges.lost(BOTH, LEFT) == ()
    assert charges.get(V1) is None


def test_one_that_is_on_its_way_is_still_to_run(store: Store) -> None:
    charges = looked(store, RUNS, with_vm(beside(VmState.STOPPED, StateReason.MIGRATED)))
    assert charges.get(V1) is not None
    paused = with_vm(vm(1, "h1", state=VmState.PAUSED))
    charges.look(BOTH, paused, 8.0)
    charges.look(BOTH, with_vm(vm(1, "h1", state=VmState.UNKNOWN), silent=H1), 9.0)
    assert charges.lost(BOTH, with_vm(vm(1, "h1", state=VmState.UNKNOWN), silent=H1)) == (V1,)


def test_what_ended_on_a_host_that_was_away_when_it_went_there_is_lost(store: Store) -> None:
    gone = with_vm(vm(1, "h0", state=VmState.UNKNOWN, unseen=True), silent=H1)
    there = with_vm(vm(1, "h1", state=VmState.STOPPED))
    assert looked(store, RUNS, gone, there).lost(BOTH, there) == (V1,)


def settled(charges: Charges, *news: Settled) -> Charges:
    charges.hear(news)
    charges.settle()
    return charges


def test_what_went_unheard_to_a_host_that_died_is_lost_when_its_old_host_answers(
    store: Store,
) -> None:
    """It ran on H1 when it was last heard, moved to H0 meanwhile, and ended with that."""
    looked(store, with_vm(vm(1, "h1")))
    copy = VmCopy(host=H0, state=VmState.STOPPED)
    silent = with_vm(vm(1, "h1", state=VmState.UNKNOWN, copies=(copy,)), silent=H1)
    charges = looked(store, silent, LEFT)
    assert charges.lost(BOTH, LEFT) == (V1,)
    assert charges.get(V1) is not None


def test_what_was_moved_to_a_host_that_died_at_once_is_lost_with_it(store: Store) -> None:
    """It was seen on H1, but not yet by a look of the guard; its definition stayed on H0."""
    left = VmCopy(host=H0, state=VmState.STOPPED, reason=StateReason.MIGRATED)
    gone = with_vm(vm(1, "h1", state=VmState.UNKNOWN, copies=(left,)), silent=H1)
    charges = looked(store, RUNS, gone)
    assert charges.lost(BOTH, gone) == (V1,)
    back = with_vm(vm(1, "h1", state=VmState.STOPPED, copies=(left,)))
    charges.look(BOTH, back, 9.0)
    assert charges.lost(BOTH, back) == (V1,)


def test_what_a_run_stops_is_not_to_run_though_a_silent_host_may_have_it(store: Store) -> None:
    silent = VmCopy(host=H0, state=VmState.UNKNOWN)
    runs = with_vm(vm(1, "h1", copies=(silent,)), silent=H0)
    charges = looked(store, runs)
    settled(charges, Settled(vm=V1, host=None, begun=True))
    charges.look(BOTH, with_vm(vm(1, "h1", copies=(silent,)), silent=H0), 2.0)
    assert charges.get(V1) is None, "it does not stop at once"
    copy = VmCopy(host=H1, state=VmState.STOPPED)
    stopped = with_vm(vm(1, "h0", state=VmState.UNKNOWN, copies=(copy,)), silent=H0)
    settled(charges, Settled(vm=V1, host=None))
    charges.look(BOTH, stopped, 3.0)
    assert charges.lost(BOTH, stopped) == ()
    assert looked(store, stopped).all() == ()


def test_what_could_not_be_stopped_is_to_run(store: Store) -> None:
    charges = looked(store, RUNS)
    settled(charges, Settled(vm=V1, host=None, begun=True), Settled(vm=V1, host=H0))
    charges.look(BOTH, RUNS, 2.0)
    assert charges.get(V1) is not None


def test_what_a_run_started_and_somebody_stopped_at_once_stays_stopped(store: Store) -> None:
    silent = vm(1, "h0", state=VmState.UNKNOWN)
    charges = looked(store, RUNS, with_vm(silent, silent=H0))
    settled(charges, Settled(vm=V1, host=H1))
    copy = VmCopy(host=H1, state=VmState.STOPPED)
    stopped = with_vm(replace(silent, copies=(copy,)), silent=H0)
    charges.look(BOTH, stopped, 3.0)
    assert charges.get(V1) is None


@pytest.mark.parametrize("killed", [False, True])
def test_what_we_started_is_to_run_though_nobody_saw_it_before_its_host_died(
    store: Store, *, killed: bool
) -> None:
    charges = looked(store, LEFT)
    with store.writing() as tx:
        ha.started(tx, V1, H0)
    if killed:
        charges = looked(store)
    else:
        charges.hear([Settled(vm=V1, host=H0, started_at=5.0)])
        charges.miss(pool(2).host(H0).endpoint)
        charges.settle()
    charges.look(BOTH, LEFT, 9.0)
    assert charges.lost(BOTH, LEFT) == (V1,)


@pytest.mark.parametrize("looked_before", [False, True])
def test_what_ran_on_hardware_that_died_is_lost_on_that_which_is_its_host_now(
    charges: Charges, *, looked_before: bool
) -> None:
    alone = pool(1).with_vm(vm(1, "h0", state=VmState.UNKNOWN))
    charges.look({H0}, alone.with_host(host(0, state=HostState.UNKNOWN)), 2.0)
    there = pool(2).without_host(H0).with_vm(vm(1, "h1", state=VmState.STOPPED))
    if looked_before:
        charges.look({H1}, there, 3.0)
    charges.hear((Settled(vm=V1, host=H1),))
    charges.settle()
    charges.look({H1}, there, 4.0)
    assert charges.lost({H1}, there) == (V1,), "nobody stopped it"


def test_what_was_stopped_and_started_again_before_that_was_heard_is_to_run(store: Store) -> None:
    charges = looked(store, RUNS)
    with store.writing() as tx:
        ha.stopped(tx, V1)
    with store.writing() as tx:
        ha.started(tx, V1, H0)
        news = (Settled(vm=V1, host=None), Settled(vm=V1, host=H0, started_at=tx.now))
    settled(charges, *news)
    assert charges.get(V1) is not None
    assert looked(store).get(V1) is not None, "another manager is to know that too"


def test_what_was_started_again_since_it_was_seen_stopped_is_to_run(store: Store) -> None:
    charges = looked(store, RUNS)
    with store.writing() as tx:
        ha.stopped(tx, V1)
    with store.writing() as tx:
        ha.started(tx, V1, H0)
        news = Settled(vm=V1, host=H0, started_at=tx.now)
    charges.look(BOTH, with_vm(vm(1, "h0", state=VmState.STOPPED)), 3.0)
    assert charges.get(V1) is None
    settled(charges, news)
    known = charges.get(V1)
    assert known is not None
    assert looked(store).get(V1) == known
