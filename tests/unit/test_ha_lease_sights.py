"""When a lease counts as run out: by one clock, by readings that are known to be live."""

from dataclasses import dataclass, field

import pytest

from anypool.clock import ManualClock
from anypool.engine.observing.leases import Leases
from anypool.engine.observing.vitals import Vitals
from anypool.model import (
    DatastoreId,
    HostId,
    LeaseExpired,
    StorageLease,
    VmId,
    VmWish,
    WatchdogKind,
)
from anypool.plan import decode_action, encode_action
from anypool.plan.action import StartAfterFailure
from anypool.planner.ha.detect import Path, Word
from tests.unit.cost import Cost, cost

H1, H2, H3 = HostId("h1"), HostId("h2"), HostId("h3")
STORE = DatastoreId("ds")
BOUND_S = 35.0


def lease(host: HostId, sequence: int, **more: object) -> StorageLease:
    given: dict[str, object] = {
        "datastore": STORE,
        "boot": "b",
        "epoch": 1,
        "renew_s": 2.0,
        "limit_s": 20.0,
        "bound_s": BOUND_S,
        "watchdog": WatchdogKind.HARDWARE,
        "identity": "iTCO_wdt",
        **more,
    }
    return StorageLease(host=host, sequence=sequence, **given)  # type: ignore[arg-type]


@dataclass
class Watch:
    """h1 reads; h3 stands still."""

    clock: ManualClock = field(default_factory=ManualClock)
    more: dict[str, object] = field(default_factory=dict)
    mine: int = 0

    def __post_init__(self) -> None:
        self.clock.advance(1000)  # it did not begin with this
        self.vitals = Vitals(self.clock)
        self.leases: Leases = self.vitals.leases

    def read(self, sequence: int = 7, *, moves: bool = True, **more: object) -> frozenset[HostId]:
        self.mine += 1 if moves else 0
        given = {**self.more, **more}
        return self.leases.read(H1, (lease(H1, self.mine), lease(H3, sequence, **given)))

    def pass_(self, seconds: float, **how: bool) -> None:
        for _ in range(int(seconds)):
            self.clock.advance(1)
            self.read(**how)


def test_lease_runs_out_after_its_bound_and_not_before() -> None:
    watch = Watch()
    watch.read()
    watch.pass_(BOUND_S - 1)
    assert watch.leases.proof(H3) is None
    assert watch.leases.left_s(H3) == pytest.approx(1)
    watch.pass_(1)
    proof = watch.leases.proof(H3)
    assert proof is not None
    assert (proof.host, proof.sequence, proof.identity) == (H3, 7, "iTCO_wdt")
    assert watch.leases.proof(H1) is None


def test_time_between_the_last_reading_and_now_does_not_count() -> None:
    watch = Watch()
    watch.read()
    watch.pass_(5)
    watch.clock.advance(3600)
    assert watch.leases.proof(H3) is None


def test_wall_clock_that_jumps_proves_nothing() -> None:
    watch = Watch()
    watch.read()
    watch.clock._start += 86_400
    watch.pass_(5)
    assert watch.leases.proof(H3) is None


def test_reader_whose_own_lease_stands_still_says_nothing_of_others() -> None:
    watch = Watch()
    watch.read()
    watch.pass_(3 * BOUND_S, moves=False)
    assert watch.leases.proof(H3) is None


def test_older_reading_is_no_renewal() -> None:
    watch = Watch()
    watch.read(sequence=9)
    assert H3 not in watch.read(sequence=8)
    assert H3 in watch.read(sequence=10)


def test_older_reading_does_not_show_that_a_lease_stands() -> None:
    watch = Watch()
    watch.read(sequence=9)
    for _ in range(int(BOUND_S) + 1):
        watch.clock.advance(1)
        watch.read(sequence=8)
    assert watch.leases.proof(H3) is None


def test_first_reading_shows_no_renewal_and_no_life_of_its_reader() -> None:
    watch = Watch()
    assert watch.read() == frozenset()
    watch.clock.advance(BOUND_S + 1)
    watch.leases.read(H2, (lease(H2, 1), lease(H3, 7)))
    assert watch.leases.proof(H3) is None, "what H2 reads may be as old as its own lease"


def test_life_of_another_host_does_not_show_that_the_reader_reads_what_is() -> None:
    watch = Watch()
    for sequence in range(int(BOUND_S) + 2):
        watch.clock.advance(1)
        watch.leases.read(H1, (lease(H1, 1), lease(H2, sequence), lease(H3, 7)))
    assert watch.leases.proof(H3) is None


def test_proof_is_of_the_moment_at_which_the_lease_ran_out() -> None:
    """Life since then refutes it, also life of before the last reading."""
    watch = Watch()
    watch.read()
    watch.pass_(BOUND_S)
    first = watch.leases.proof(H3)
    assert first is not None
    watch.pass_(5)
    assert watch.leases.proof(H3) == first
    watch.leases.begin()
    assert not watch.leases.stands(first)


def test_what_is_left_is_told_of_a_lease_that_is_renewed_no_more_and_proves_something() -> None:
    watch = Watch()
    assert watch.leases.age_s(H3) == float("inf")
    watch.read()
    watch.pass_(5)
    assert (watch.leases.left_s(H3), watch.leases.is_fresh(H3)) == (None, True)
    watch.pass_(1)
    assert (watch.leases.left_s(H3), watch.leases.is_fresh(H3)) == (BOUND_S - 6, False)
    watch.clock.advance(2)
    assert watch.leases.age_s(H3) == 2
    assert (watch.leases.left_s(H2), watch.leases.is_fresh(H2)) == (None, False)
    soft = Watch(more={"watchdog": WatchdogKind.SOFTWARE})
    soft.read()
    soft.pass_(10)
    assert soft.leases.left_s(H3) is None


def test_host_that_booted_again_has_renewed() -> None:
    watch = Watch()
    watch.read()
    assert H3 in watch.read(sequence=1, boot="b2")


@pytest.mark.parametrize(
    ("kind", "accepts", "proves"),
    [
        ("hardware", False, True),
        ("stand-in", False, False),
        ("stand-in", True, True),
        ("software", True, False),
        ("none", True, False),
    ],
)
def test_only_a_watchdog_that_counts_makes_a_proof(kind: str, accepts: bool, proves: bool) -> None:
    watch = Watch(more={"watchdog": WatchdogKind(kind)})
    watch.leases.accept_stand_ins(accepts)
    watch.read()
    watch.pass_(BOUND_S + 1)
    assert (watch.leases.proof(H3) is not None) == proves
    assert watch.leases.could_prove(H3) == proves


class TestProof:
    """It stands while the lease does, and can be read, and nothing shows life."""

    @pytest.fixture
    def watch(self) -> Watch:
        made = Watch()
        made.read()
        made.pass_(BOUND_S + 1)
        return made

    def proof(self, watch: Watch) -> LeaseExpired:
        found = watch.vitals.proof(H3)
        assert isinstance(found, LeaseExpired)
        return found

    def test_it_stands(self, watch: Watch) -> None:
        assert watch.vitals.against((self.proof(watch),)) is None

    def test_renewal_voids_it(self, watch: Watch) -> None:
        proof = self.proof(watch)
        watch.read(sequence=8)
        against = watch.vitals.against((proof,))
        assert against is not None
        assert against.code == "ha.lease-moved"

    def test_it_is_read_again_before_the_deed(self, watch: Watch) -> None:
        proof = self.proof(watch)
        watch.clock.advance(60)
        against = watch.vitals.against((proof,))
        assert against is not None
        assert against.code == "ha.no-lease-now"
        watch.vitals.look_at_leases = lambda _: bool(watch.read()) and None
        assert watch.vitals.against((proof,)) is None

    def test_life_on_any_path_voids_it(self, watch: Watch) -> None:
        proof = self.proof(watch)
        watch.vitals.note(H3, Path.DATA, Word.ANSWERS)
        assert watch.vitals.proof(H3) is None
        against = watch.vitals.against((proof,))
        assert against is not None
        assert against.code == "ha.lives"

    def test_life_before_the_bound_does_not(self) -> None:
        watch = Watch()
        watch.read()
        watch.pass_(3)
        watch.vitals.note(H3, Path.MANAGEMENT, Word.ANSWERS)
        watch.pass_(BOUND_S)
        assert watch.vitals.proof(H3) is not None

    def test_proof_of_a_manager_that_takes_them_no_more_is_void(self, watch: Watch) -> None:
        watch.more = {"watchdog": WatchdogKind.STAND_IN}
        watch.leases.begin()
        watch.leases.accept_stand_ins(True)
        watch.read()
        watch.pass_(BOUND_S + 1)
        proof = self.proof(watch)
        watch.leases.accept_stand_ins(False)
        against = watch.vitals.against((proof,))
        assert against is not None
        assert against.code == "ha.no-such-watchdog"

    def test_it_is_kept_in_a_plan(self, watch: Watch) -> None:
        wish = VmWish(id=VmId("v"), name="v")
        action = StartAfterFailure(wish=wish, host=H2, home=H3, proof=self.proof(watch))
        assert decode_action(encode_action(action)) == action


@pytest.mark.parametrize("kind", [WatchdogKind.SOFTWARE, WatchdogKind.NONE])
def test_proof_cannot_be_made_of_a_watchdog_that_is_none(kind: WatchdogKind) -> None:
    with pytest.raises(ValueError, match="proves nothing"):
        LeaseExpired(
            host=H3,
            datastore=STORE,
            boot="b",
            epoch=1,
            sequence=1,
            bound_s=1.0,
            watchdog=kind,
            identity="",
            at=1.0,
        )


def test_lease_that_is_renewed_or_was_just_seen_is_fresh() -> None:
    watch = Watch()
    assert not watch.leases.is_fresh(H3)
    watch.read()
    assert watch.leases.is_fresh(H3)
    watch.pass_(7)
    assert not watch.leases.is_fresh(H3)


def test_a_proof_costs_as_much_among_many_leases_as_among_few() -> None:
    """Every guarded host is judged each second."""

    def spent(hosts: int) -> Cost:
        watch = Watch()
        others = [lease(HostId(f"h{number}"), 1) for number in range(10, hosts)]
        watch.leases.read(H1, (lease(H1, 1), lease(H3, 7), *others))
        return cost(lambda: watch.leases.proof(H3))

    few, many = spent(20), spent(1000)
    assert many.operations <= 1.25 * few.operations
    assert many.peak_bytes <= 1.25 * few.peak_bytes
