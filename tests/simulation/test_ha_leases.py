"""Storage leases: what they prove, what they forbid, and builds that believe them wrongly.

The BMCs are dead unless a test says otherwise, so that nothing else proves anything.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from anypool.drivers.sim import BmcMood, Shape
from anypool.drivers.sim.wardens import LIMIT_S, Wardens
from anypool.engine.observing.leases import Leases, LeaseSight
from anypool.model import HostId, LeaseExpired, StorageLease, WatchdogKind
from tests.simulation.ha_yard import RULE, HaYard
from tests.simulation.test_ha import fenced, starts, stays

HARDWARE, SOFTWARE = WatchdogKind.HARDWARE, WatchdogKind.SOFTWARE


FEW = Shape(hosts=3, vms=4, running_percent=100, ours_percent=100, locks=False)


def made(folder: Path, watchdog: WatchdogKind) -> HaYard:
    yard = HaYard(folder, watchdog=watchdog, shape=FEW, rule=replace(RULE, cold_s=0))
    for host in yard.hosts:
        yard.world.set_bmc(host, BmcMood.DEAD)
    yard.warm()
    return yard


@pytest.fixture
def yard(tmp_path: Path) -> Iterator[HaYard]:
    one = made(tmp_path, HARDWARE)
    yield one
    one.check_safe()
    one.close()


def isolate(yard: HaYard, host: HostId) -> None:
    yard.world.cut_host(host)
    yard.world.deafen(host)


def proofs(yard: HaYard) -> set[type]:
    return {type(one.proof) for one in starts(yard)}


def test_frozen_host_is_proven_dead_by_its_lease_and_its_watchdog(yard: HaYard) -> None:
    host = yard.busiest()
    yard.world.still_host(host)
    assert not yard.pass_(RULE.silent_s + 2, lambda: bool(starts(yard)))
    assert yard.pass_(60, yard.all_run), yard.codes(host)
    assert proofs(yard) == {LeaseExpired}
    assert fenced(yard) == []


def test_frozen_host_without_hardware_is_never_proven(tmp_path: Path) -> None:
    yard = made(tmp_path, SOFTWARE)
    host = yard.busiest()
    yard.world.still_host(host)
    assert stays(yard, host, 45)[1].startswith("NeedsProof")
    yard.world.still_host(host, still=False)
    yard.pass_(10)
    yard.check_safe()
    yard.close()


def test_host_that_lost_network_and_storage_ends_its_vms_before_they_start_again(
    yard: HaYard,
) -> None:
    host = yard.busiest()
    isolate(yard, host)
    yard.world.cut_storage(host)
    yard.pass_(LIMIT_S + 1)
    assert not yard.on(host)
    assert yard.pass_(60, yard.all_run), yard.codes(host)
    assert proofs(yard) == {LeaseExpired}


def test_host_with_a_fresh_lease_is_never_switched_off(yard: HaYard) -> None:
    host = yard.busiest()
    yard.world.set_bmc(host, BmcMood.WORKS)
    isolate(yard, host)
    assert stays(yard, host, 45) == ("isolated", "Leave ha.is")


def test_what_would_prove_it_is_told_while_it_is_waited_for(yard: HaYard) -> None:
    host = yard.busiest()
    yard.world.kill_host(host)
    assert yard.pass_(60, lambda: yard.codes(host)[1] == "Hold ha.lease-runs-out")
    assert yard.pass_(60, yard.all_run)


def test_lease_that_nobody_else_reads_proves_nothing(yard: HaYard) -> None:
    host = yard.busiest()
    for other in yard.hosts:
        yard.world.cut_storage(other)
    yard.world.kill_host(host)
    yard.pass_(60)
    assert starts(yard) == []


def test_lease_that_is_renewed_again_voids_the_proof(yard: HaYard) -> None:
    host = yard.busiest()
    isolate(yard, host)
    yard.world.cut_storage(host)
    vitals = yard.engine.vitals
    assert yard.pass_(60, lambda: vitals.leases.proof(host) is not None)
    proof = vitals.leases.proof(host)
    assert proof is not None
    assert vitals.against((proof,)) is None
    yard.world.cut_storage(host, stored=True)
    yard.clock.advance(6)
    against = vitals.against((proof,))
    assert against is not None
    assert against.code == "ha.lease-moved"
    assert vitals.proof(host) is None


def believes_software(patch: pytest.MonkeyPatch) -> None:
    """Take any watchdog for one."""
    lease: Callable[..., StorageLease] = Wardens._lease

    def said(*given: object) -> StorageLease:
        return replace(lease(*given), watchdog=HARDWARE)

    patch.setattr(Wardens, "_lease", said)


def skips_the_bound(patch: pytest.MonkeyPatch) -> None:
    """Take a lease for run out as soon as it is quiet."""

    def aged(self: Leases, before: LeaseSight, now: float) -> LeaseSight:
        found = replace(before, looked_at=now)
        return replace(found, expired_at=self._moment()) if found.unchanged_s >= 2 else found

    patch.setattr(Leases, "_aged", aged)


def never_ends_vms(patch: pytest.MonkeyPatch) -> None:
    """A host that keeps its VMs though its lease is lost: the lease might as well not be."""
    patch.setattr(Wardens, "_due", lambda *_: None)
    patch.setattr(Wardens, "_again", lambda *_: None)


@pytest.mark.parametrize(
    ("how", "watchdog"),
    [(believes_software, SOFTWARE), (skips_the_bound, HARDWARE), (never_ends_vms, HARDWARE)],
)
def test_broken_build_is_caught(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    how: Callable[[pytest.MonkeyPatch], None],
    watchdog: WatchdogKind,
) -> None:
    how(monkeypatch)
    yard = made(tmp_path, watchdog)
    host = yard.busiest()
    if watchdog is SOFTWARE:
        yard.world.still_host(host)
    else:
        isolate(yard, host)
        yard.world.cut_storage(host)
    yard.pass_(60, lambda: bool(yard.world.double_runs))
    assert yard.world.double_runs
    yard.close()
