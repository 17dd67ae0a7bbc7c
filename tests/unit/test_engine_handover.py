"""A host that people service, as the engine's core sees it: away, back, said ready, verified."""

import pytest
from msgspec.structs import replace

from anypool.engine.runs import core
from anypool.engine.runs.decision import recall
from anypool.engine.runs.sight import Seen
from anypool.engine.runs.state import Request
from anypool.errors import Conflict
from anypool.model import DatastoreId, HostState, Inventory, VmState
from anypool.plan import HandOver, VerifyHost
from anypool.store.records import RunState, StepState
from tests.unit.engine_kit import (
    H1,
    H2,
    SHARED,
    V1,
    Bench,
    deeds,
    host,
    looks,
    pool,
    seen,
    step,
    vm,
)

SILENT = Seen(H1, answered=False)
HAND = HandOver(host=H1, return_s=1200.0)


def closed(state: HostState = HostState.UP, others: HostState = HostState.UP) -> Inventory:
    found = pool().with_host(host(H1, maintenance=True, state=state))
    for one in found.hosts.values():
        if one.id != H1:
            found = found.with_host(replace(one, state=others))
    return found


def handed(action: HandOver = HAND) -> Bench:
    bench = Bench(step(1, action), step(2, VerifyHost(host=H1, within_s=60.0), 1))
    bench.inventory = closed()
    assert looks(bench.tick()) == [1]
    assert deeds(bench.look(1))
    bench.come_back(1)
    bench.look(1)
    return bench


def away(bench: Bench, seconds: float, others: HostState = HostState.UP) -> None:
    """Let the host be silent for so long, looked at every ten seconds."""
    bench.inventory = closed(HostState.UNKNOWN, others)
    for _ in range(int(seconds // 10) + 1):
        bench.look(1, SILENT)
        bench.tick(10)


def back(bench: Bench) -> None:
    bench.inventory = closed()
    bench.tick(10)
    bench.look(1)


def state(bench: Bench, number: int = 1) -> StepState:
    return bench.run.step(number).state


def test_a_host_that_is_handed_over_waits_for_as_long_as_it_takes() -> None:
    bench = handed()
    for _ in range(100):
        bench.tick(3600)
        bench.look(1)
    assert state(bench) is StepState.BEGUN
    assert "host ready" in bench.run.step(1).record.message
    assert not bench.others.plus(HAND, bench.inventory).steps


def test_a_host_that_was_away_and_is_back_goes_on_to_be_verified() -> None:
    bench = handed()
    away(bench, 40)
    assert state(bench) is StepState.BEGUN
    assert "away" in bench.run.step(1).record.message
    back(bench)
    assert state(bench) is StepState.DONE
    assert state(bench, 2) is StepState.WAITING
    bench.look(2)
    assert state(bench, 2) is StepState.WAITING
    bench.tick(5)
    bench.look(2)
    assert state(bench, 2) is StepState.DONE
    assert bench.run.record.state is RunState.DONE


def test_a_short_silence_is_no_service() -> None:
    bench = handed()
    away(bench, 10)
    back(bench)
    away(bench, 10)
    back(bench)
    assert state(bench) is StepState.BEGUN


def test_our_own_trouble_is_no_service() -> None:
    bench = handed()
    away(bench, 300, others=HostState.UNKNOWN)
    back(bench)
    assert state(bench) is StepState.BEGUN


def test_a_platform_that_says_off_needs_no_witness() -> None:
    bench = handed()
    bench.inventory = closed(HostState.OFF, HostState.UNKNOWN)
    for _ in range(5):
        bench.look(1)
        bench.tick(10)
    back(bench)
    assert state(bench) is StepState.DONE


def test_being_away_is_not_enough_where_somebody_must_say_so() -> None:
    bench = handed(replace(HAND, seen=False))
    away(bench, 60)
    back(bench)
    assert state(bench) is StepState.BEGUN
    assert looks(bench.ask(Request.READY, 1)) == [1]
    bench.look(1)
    assert state(bench) is StepState.DONE


def test_a_host_said_to_be_ready_must_be_up_all_the_same() -> None:
    bench = handed()
    bench.ask(Request.READY, 1)
    away(bench, 10)
    assert state(bench) is StepState.BEGUN
    back(bench)
    assert state(bench) is StepState.DONE


def test_only_a_host_that_is_handed_over_can_be_said_ready() -> None:
    bench = Bench(step(1, HAND), inventory=closed())
    with pytest.raises(Conflict):
        bench.ask(Request.READY, 1)


def test_a_host_that_does_not_come_back_fails_and_a_retry_waits_anew() -> None:
    bench = handed()
    away(bench, 1230)
    assert state(bench) is StepState.FAILED
    assert "did not come back within 1200 s" in bench.run.record.message
    assert state(bench, 2) is StepState.CANCELLED
    bench.ask(Request.RETRY, 1)
    bench.look(1, SILENT)
    bench.tick(5)
    bench.look(1, SILENT)
    bench.come_back(1)
    bench.look(1, SILENT)
    assert state(bench) in (StepState.WAITING, StepState.BEGUN)


def test_a_retry_of_a_host_that_is_back_by_now_needs_no_second_service() -> None:
    bench = handed()
    away(bench, 1230)
    bench.inventory = closed()
    bench.ask(Request.RETRY, 1)
    bench.look(1)
    bench.come_back(1)
    bench.look(1)
    assert state(bench) is StepState.DONE


def test_what_was_seen_survives_the_manager() -> None:
    bench = handed()
    away(bench, 40)
    kept = tuple(one.record for one in bench.run.steps)
    assert recall(kept[0].result).away
    bench.run = core.resumed(bench.run.record, bench.run.plan, kept, bench.ticks)
    back(bench)
    assert state(bench) is StepState.DONE


def test_an_open_or_busy_host_is_not_handed_over() -> None:
    for inventory, there in ((pool(), []), (closed(), [seen(H1, vm(V1))])):
        bench = Bench(step(1, HAND), inventory=inventory)
        bench.tick()
        bench.look(1, *there)
        bench.tick(6)
        bench.look(1, *there)
        assert state(bench) is StepState.FAILED
        assert not recall(bench.run.step(1).record.result).sent


def test_a_cancelled_run_takes_the_host_back_closed() -> None:
    bench = handed()
    bench.ask(Request.CANCEL)
    bench.tick(10)
    bench.look(1)
    assert state(bench) is StepState.CANCELLED
    assert bench.run.record.state is RunState.CANCELLED


def verified(inventory: Inventory, **more: object) -> Bench:
    bench = Bench(step(1, replace(VerifyHost(host=H1, within_s=60.0), **more)))
    bench.inventory = inventory
    bench.tick()
    for _ in range(2):
        bench.look(1)
        bench.tick(5)
    return bench


def test_a_host_is_verified_only_with_what_it_had() -> None:
    whole = closed()
    assert state(verified(whole)) is StepState.DONE
    assert state(verified(whole, datastores=frozenset({SHARED}))) is StepState.DONE
    lost = verified(whole, datastores=frozenset({SHARED, DatastoreId("other")}))
    assert state(lost) is StepState.WAITING
    lost.tick(60)
    for _ in range(2):
        lost.look(1)
    assert state(lost) is StepState.FAILED
    assert "other" in lost.run.record.message
    down = verified(closed(HostState.UNKNOWN))
    assert state(down) is StepState.WAITING


def test_a_host_is_verified_only_with_the_version_demanded() -> None:
    new = closed().with_host(host(H1, maintenance=True, hypervisor="QEMU 9.2"))
    assert state(verified(new, hypervisor="9.2")) is StepState.DONE
    assert state(verified(new, hypervisor="10.0")) is StepState.WAITING


def test_stopped_vms_of_a_host_that_is_away_are_nobodys_service() -> None:
    bench = handed()
    bench.inventory = closed(HostState.UNKNOWN)
    unknown = vm(V1, H1, VmState.UNKNOWN)
    for _ in range(3):
        bench.look(1, Seen(H1, True, unknown.state, unknown.reason, unknown))
        bench.tick(10)
    assert state(bench) is StepState.BEGUN
    assert H2 in bench.inventory.hosts
