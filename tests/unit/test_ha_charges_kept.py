"""What becomes of charges: which starts failed, what belongs where, what somebody stopped."""

import pytest

from anypool.engine.ha.charges import GONE_S, RAN_S, STEADY_S, Charges
from anypool.engine.observing.vitals import Settled
from anypool.model import HostId, HostState, StateReason, VmCopy, VmId, VmState
from anypool.store import Store
from tests.strategies import host, pool, vm
from tests.unit import store_kit
from tests.unit.test_ha_charges import (
    BOTH,
    H0,
    H1,
    LEFT,
    RUNS,
    V1,
    beside,
    looked,
    settled,
    with_vm,
)

clock = store_kit.clock
store = store_kit.store
V2 = VmId("v2")
MOVED = with_vm(vm(1, "h1"))
PAUSED = with_vm(vm(1, "h0", state=VmState.PAUSED))


def tries(charges: Charges) -> int:
    charge = charges.get(V1)
    assert charge is not None
    return charge.tries


def test_start_after_which_a_vm_did_not_run_for_a_while_failed(store: Store) -> None:
    charges = looked(store, RUNS)
    assert (tries(charges), charges.failed(V1), charges.failed(V2)) == (0, 0, 0)
    charges.tried([V1, V2], 10.0)
    charges.tried([V1], 20.0)
    assert (tries(charges), charges.failed(V1), charges.get(V2)) == (2, 2, None)
    assert looked(store).failed(V1) == 2, "of what it did not see a new manager knows no better"
    charges.look(BOTH, RUNS, 20.0 + RAN_S - 0.1)
    assert charges.failed(V1) == 2
    charges.look(BOTH, PAUSED, 20.0 + RAN_S)
    charges.look((), RUNS, 20.0 + RAN_S)
    assert charges.failed(V1) == 2, "it is paused, or nobody guards it"
    charges.look(BOTH, RUNS, 20.0 + RAN_S)
    assert (tries(charges), charges.failed(V1)) == (2, 0)
    charges.tried([V1], 100.0)
    assert charges.failed(V1) == 1


def test_what_ran_on_for_long_was_never_lost(store: Store) -> None:
    charges = looked(store, RUNS)
    charges.tried([V1], 20.0)
    charges.look(BOTH, RUNS, 20.0 + STEADY_S)
    assert tries(charges) == 1
    charges.look(BOTH, RUNS, 20.0 + STEADY_S + 0.1)
    assert (tries(charges), tries(looked(store))) == (0, 0)
    charges.tried([V1], 1000.0)
    assert charges.failed(V1) == 1


def test_host_that_ends_what_ran_makes_no_start_fail_but_those_before_it(store: Store) -> None:
    charges = looked(store, RUNS)
    charges.tried([V1], 10.0)
    charges.tried([V1], 20.0)
    assert charges.failed(V1, host_lost=True) == 2
    charges.look(BOTH, with_vm(vm(1, "h0")), 21.0)
    assert (charges.failed(V1), charges.failed(V1, host_lost=True)) == (2, 1)
    charges.tried([V1], 30.0)
    assert charges.failed(V1, host_lost=True) == 3


def test_what_is_released_and_runs_again_begins_anew(store: Store) -> None:
    charges = looked(store, RUNS)
    charges.tried([V1], 20.0)
    charges.look(BOTH, RUNS, 20.0 + RAN_S)
    assert (charges.release(V1), charges.release(V2)) == (True, False)
    charges.look(BOTH, with_vm(vm(1, "h0")), 100.0)
    charges.tried([V1], 110.0)
    assert charges.failed(V1) == 1


def test_tries_go_along_with_a_vm_that_runs_elsewhere(store: Store) -> None:
    charges = looked(store, RUNS)
    charges.tried([V1], 20.0)
    charges.look(BOTH, MOVED, 21.0)
    assert (tries(charges), charges.places([V1, V2])) == (1, [(V1, H1)])
    assert (charges.any_on(H0), charges.any_on(H1)) == (False, True)


def test_what_was_heard_before_another_led_counts_no_more(store: Store) -> None:
    charges = looked(store, RUNS)
    charges.hear([Settled(vm=V1, host=None)])
    charges.begin()
    charges.settle()
    assert charges.get(V1) is not None
    settled(charges, Settled(vm=V1, host=None, begun=True))
    charges.begin()
    charges.look(BOTH, RUNS, 9.0)
    assert charges.get(V1) is not None


def test_what_a_run_brought_somewhere_is_to_run_only_if_it_was_or_was_started(
    store: Store,
) -> None:
    charges = settled(looked(store), Settled(vm=V1, host=H1))
    assert charges.get(V1) is None
    charges = looked(store, RUNS)
    charges.tried([V1], 20.0)
    settled(charges, Settled(vm=V1, host=H0, started_at=30.0))
    assert tries(charges) == 1


def test_only_guarded_hosts_that_are_known_are_looked_at(store: Store) -> None:
    charges = looked(store)
    charges.look({H0, HostId("h9")}, with_vm(vm(1, "h1")), 1.0)
    assert charges.all() == ()


def test_what_is_paused_and_never_ran_here_is_not_to_run(store: Store) -> None:
    assert looked(store, PAUSED).all() == ()


def test_what_is_deleted_is_to_run_no_more(store: Store) -> None:
    charges = looked(store, RUNS, pool(2))
    charges.look(BOTH, pool(2), GONE_S)
    assert charges.get(V1) is not None, "where it was moved is not heard yet"
    charges.look(BOTH, pool(2), GONE_S + 2)
    assert charges.all() == ()
    assert looked(store).all() == ()


def test_what_crashed_is_lost_on_its_own_hosts_and_nothing_is_before_it_is_looked_at(
    store: Store,
) -> None:
    charges = looked(store, RUNS)
    assert charges.lost(BOTH, LEFT) == ()
    crashed = with_vm(vm(1, "h0", state=VmState.CRASHED))
    charges.look(BOTH, crashed, 2.0)
    assert (charges.lost(BOTH, crashed), charges.lost({H1}, crashed)) == ((V1,), ())


def test_what_is_gone_from_its_host_when_a_manager_begins_is_lost(store: Store) -> None:
    looked(store, RUNS)
    gone = with_vm(vm(1, "h0", state=VmState.UNKNOWN, unseen=True), silent=H1)
    assert looked(store, gone).lost(BOTH, gone) == (V1,)


def test_what_was_paused_when_a_manager_began_and_is_stopped_then_stays_stopped(
    store: Store,
) -> None:
    looked(store, RUNS)
    assert looked(store, PAUSED, LEFT).get(V1) is None


def test_what_we_take_away_is_to_run_all_the_same_while_it_is_under_way(store: Store) -> None:
    nothing = frozenset[VmId]()

    def stopped(*more: tuple[set[HostId], frozenset[VmId]]) -> bool:
        charges = looked(store, RUNS)
        charges.taking([V1], [H0], nothing)
        for hosts, under_way in more:
            charges.taking([], hosts, under_way)
        charges.look(BOTH, LEFT, 9.0)
        lost = charges.lost(BOTH, LEFT)
        assert lost == (() if charges.get(V1) is None else (V1,))
        charges.look(BOTH, with_vm(vm(1, "h0")), 10.0)
        return not lost

    assert not stopped()
    assert not stopped(({H0}, frozenset({V1})))
    assert not stopped(({H1}, nothing))
    assert stopped(({H0}, nothing))


def test_what_runs_elsewhere_beside_an_old_copy_is_to_run_there(store: Store) -> None:
    old = VmCopy(host=H0, state=VmState.STOPPED)
    charges = looked(store, RUNS, with_vm(vm(1, "h1", copies=(old,))))
    for one in (charges, looked(store)):
        assert one.places([V1]) == [(V1, H1)]


def test_what_is_stopped_at_home_is_stopped_whatever_is_paused_or_unheard_elsewhere(
    store: Store,
) -> None:
    assert looked(store, RUNS, with_vm(beside(VmState.STOPPED))).get(V1) is None
    copy = VmCopy(host=H0, state=VmState.STOPPED)
    unheard = vm(1, "h1", state=VmState.UNKNOWN, unseen=True, copies=(copy,))
    assert looked(store, RUNS, with_vm(unheard, silent=H1)).get(V1) is None


def test_what_is_stopped_where_it_never_ran_says_nothing(store: Store) -> None:
    copy = VmCopy(host=H1, state=VmState.STOPPED)
    silent = with_vm(vm(1, "h0", state=VmState.UNKNOWN, copies=(copy,)), silent=H0)
    assert looked(store, RUNS, silent).lost(BOTH, silent) == (V1,)
    third = pool(3).with_vm(vm(1, "h2", state=VmState.PAUSED, copies=(copy,)))
    assert looked(store, RUNS, third).get(V1) is not None


def test_what_runs_on_a_host_that_nobody_guards_is_not_stopped(store: Store) -> None:
    old = VmCopy(host=H0, state=VmState.STOPPED)
    charges = looked(store, RUNS)
    charges.look({H0}, with_vm(vm(1, "h1", copies=(old,))), 2.0)
    assert charges.get(V1) is not None


def test_what_a_silent_host_may_run_is_not_stopped_by_an_old_copy_elsewhere(store: Store) -> None:
    unheard = VmCopy(host=H0, state=VmState.UNKNOWN)
    copied = with_vm(vm(1, "h1", state=VmState.STOPPED, copies=(unheard,)), silent=H0)
    assert looked(store, RUNS, copied).lost(BOTH, copied) == (V1,)


def test_what_is_paused_where_it_ran_last_stays_there(store: Store) -> None:
    paused = VmCopy(host=H0, state=VmState.PAUSED, reason=StateReason.MIGRATED)
    charges = looked(store, RUNS, with_vm(vm(1, "h1", state=VmState.PAUSED, copies=(paused,))))
    assert charges.places([V1]) == [(V1, H0)]


def test_what_is_released_or_not_known_any_more_is_not_lost(store: Store) -> None:
    crashed = with_vm(vm(1, "h0", state=VmState.CRASHED))
    charges = looked(store, RUNS, crashed)
    charges.release(V1)
    assert charges.lost({*BOTH, HostId("h9")}, crashed) == ()
    charges = looked(store, RUNS)
    silent = pool(2).with_host(host(0, state=HostState.UNKNOWN))
    assert charges.lost(BOTH, silent) == ()


def test_look_that_shows_nothing_new_writes_nothing(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    charges = looked(store, RUNS)
    monkeypatch.setattr(store, "writing", lambda: pytest.fail("it writes"))
    charges.look(BOTH, with_vm(vm(1, "h0")), 10 * STEADY_S)
    assert charges.release(V2) is False
