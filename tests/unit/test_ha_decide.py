"""What is done about a silent host: proof or nothing, and the brake before any power-off."""

import dataclasses
import itertools
from dataclasses import dataclass, field

import pytest
from msgspec.structs import replace

from anypool.model import (
    APART_S,
    DatastoreId,
    HighAvailability,
    HostId,
    LeaseExpired,
    PowerOff,
    Proof,
    SaidGone,
    Stated,
    VmId,
    WatchdogKind,
    proves,
)
from anypool.plan import say
from anypool.planner.ha.brake import Situation, most_fences
from anypool.planner.ha.decide import (
    SUSPECT_ASKED_S,
    Case,
    Decision,
    Fence,
    Hold,
    LeaseClock,
    Leave,
    NeedsProof,
    ReadPower,
    Recover,
    WouldDo,
    decide,
    is_about_host,
)
from anypool.planner.ha.detect import ALIVE, Condition, Heard, Path, Verdict, Word
from anypool.planner.ha.life import Life, refuted

H = HostId("h0")
NOW = 10_000.0
OFF = PowerOff(host=H, first_at=NOW - 20, at=NOW - 10)
SAID = Stated(host=H, at=NOW - 10, by="ada", words="the rack burnt", audit=7)


def verdict(
    condition: Condition, power: Word = Word.NONE, host: HostId = H, storage: Word = Word.NONE
) -> Verdict:
    evidence = (
        Heard(path=Path.BMC, word=power, at=NOW - 1),
        Heard(path=Path.STORAGE, word=storage, at=NOW - 1),
    )
    return Verdict(host=host, condition=condition, life_at=NOW - 300, evidence=evidence)


@dataclass
class Asked:
    """A silent host among nine healthy ones, and what else is so."""

    condition: Condition = Condition.UNKNOWN
    power: Word = Word.ON
    storage: Word = Word.NONE
    bmc: bool = True
    proof: Proof | None = None
    life: Life = field(default_factory=lambda: Life(host=H, life_at=NOW - 300))
    silent: int = 1
    hosts: int = 10
    at_risk: int = 3
    rule: HighAvailability = field(default_factory=HighAvailability)
    fences: tuple[float, ...] = ()
    cold_at: float = 0.0
    off_at: float = 0.0
    asked_at: float = 0.0
    listened: bool = True
    life_at: float = NOW - 300
    lease: LeaseClock | None = None

    def decided(self) -> Decision:
        mine = verdict(self.condition, self.power, storage=self.storage)
        mine = replace(mine, life_at=self.life_at)
        others = [
            verdict(
                Condition.UNKNOWN if number < self.silent else Condition.HEALTHY,
                host=HostId(f"h{number}"),
            )
            for number in range(1, self.hosts)
        ]
        situation = Situation(
            rule=self.rule,
            verdicts=(mine, *others),
            now=NOW,
            fences=self.fences,
            cold_at=self.cold_at,
        )
        case = Case(
            verdict=mine,
            life=self.life,
            bmc=self.bmc,
            proof=self.proof,
            off_at=self.off_at,
            asked_at=self.asked_at,
            at_risk=self.at_risk,
            listened=self.listened,
            lease=self.lease,
        )
        return decide(case, situation)


def why(decision: Decision) -> str:
    assert not isinstance(decision, Recover)
    return decision.why.code


@pytest.mark.parametrize("condition", sorted(ALIVE))
@pytest.mark.parametrize("proof", [None, OFF, SAID])
def test_host_that_lives_is_left_alone(condition: Condition, proof: Proof | None) -> None:
    assert isinstance(Asked(condition, proof=proof).decided(), Leave)


def test_without_anything_at_risk_nothing_is_done() -> None:
    assert why(Asked(at_risk=0).decided()) == "ha.nothing-ran"


def test_suspect_is_waited_for_and_its_bmc_asked_meanwhile() -> None:
    assert isinstance(Asked(Condition.SUSPECT).decided(), ReadPower)
    waits = [
        Asked(Condition.SUSPECT, asked_at=NOW - SUSPECT_ASKED_S / 2),
        Asked(Condition.SUSPECT, bmc=False),
    ]
    for asked in waits:
        assert isinstance(asked.decided(), Hold)
        assert why(asked.decided()) == "ha.suspect"
    again = Asked(Condition.SUSPECT, asked_at=NOW - SUSPECT_ASKED_S)
    assert isinstance(again.decided(), ReadPower)


def test_numbers_are_told_to_a_tenth_of_a_second() -> None:
    suspect = Asked(Condition.SUSPECT, bmc=False, life_at=NOW - 12.34).decided()
    cold = Asked(cold_at=NOW - 260.06).decided()
    for decision, number in ((suspect, "for 12.3 s"), (cold, "older; 39.9 s left")):
        assert isinstance(decision, Hold)
        assert number in say(decision.why)


@pytest.mark.parametrize("condition", [Condition.FAILED, Condition.UNKNOWN, Condition.SUSPECT])
@pytest.mark.parametrize("proof", [OFF, SAID])
def test_proof_that_stands_recovers(condition: Condition, proof: Proof) -> None:
    assert Asked(condition, proof=proof, bmc=False).decided() == Recover(proof)


def test_power_off_is_asked_for_again_only_when_all_other_paths_were_asked() -> None:
    asked = Asked(Condition.FAILED, Word.OFF, listened=False)
    assert why(asked.decided()) == "ha.listening"
    asked.listened = True
    assert why(asked.decided()) == "ha.off-once"


def test_nobody_is_switched_off_before_all_other_paths_were_asked() -> None:
    asked = Asked(Condition.UNKNOWN, Word.ON, listened=False)
    assert why(asked.decided()) == "ha.listening"
    asked.listened = True
    assert isinstance(asked.decided(), Fence)


@pytest.mark.parametrize("proof", [OFF, SAID])
def test_life_since_refutes_a_proof(proof: Proof) -> None:
    later = Life(host=H, life_at=NOW - 10)
    assert not isinstance(Asked(proof=proof, life=later).decided(), Recover)
    assert refuted(proof, later) is not None


def test_power_that_was_on_since_refutes_that_it_is_off_and_no_statement() -> None:
    on = Life(host=H, on_at=NOW - 5)
    assert refuted(OFF, on) is not None
    assert refuted(SAID, on) is None
    assert refuted(OFF, Life(host=H, on_at=OFF.first_at)) is not None


def test_what_a_host_says_of_a_vm_is_no_claim_about_the_host() -> None:
    said = SaidGone(host=H, vm=VmId("v1"), at=1.0)
    assert refuted(said, Life(host=H, life_at=NOW, on_at=NOW)) is None
    assert [is_about_host(one) for one in (said, OFF, SAID)] == [False, True, True]


def test_life_between_the_two_readings_refutes_them() -> None:
    assert refuted(OFF, Life(host=H, life_at=NOW - 15)) is not None
    assert refuted(OFF, Life(host=H, life_at=NOW - 21)) is None


def test_no_bmc_needs_a_proof_and_says_which_would_do() -> None:
    decision = Asked(bmc=False).decided()
    assert isinstance(decision, NeedsProof)
    assert decision.would_do == (WouldDo.SAID_GONE, WouldDo.STATED)


RUNS_OUT = LeaseClock(left_s=12.34, watchdog="iTCO_wdt")
RENEWED = LeaseClock(left_s=None, watchdog="iTCO_wdt")
NO_POWER = {
    "ha.no-bmc": Asked(bmc=False),
    "ha.fence-off": Asked(rule=HighAvailability(fence=False)),
    "ha.bmc-silent": Asked(power=Word.SILENT, asked_at=NOW - 1),
}


@pytest.mark.parametrize("code", NO_POWER)
def test_lease_that_runs_out_is_waited_for_where_the_power_proves_nothing(code: str) -> None:
    decision = dataclasses.replace(NO_POWER[code], lease=RUNS_OUT).decided()
    assert isinstance(decision, Hold)
    assert why(decision) == "ha.lease-runs-out"
    assert "12.3 s" in say(decision.why)
    for lease in (RENEWED, None):
        missing = dataclasses.replace(NO_POWER[code], lease=lease).decided()
        assert isinstance(missing, NeedsProof)
        assert why(missing) == code
        assert (WouldDo.LEASE_EXPIRED in missing.would_do) is (lease is not None)


def test_silent_bmc_is_asked_again_and_again_and_needs_a_proof_meanwhile() -> None:
    assert isinstance(Asked(power=Word.SILENT, asked_at=NOW - 60).decided(), ReadPower)
    waiting = Asked(power=Word.SILENT, asked_at=NOW - 1).decided()
    assert isinstance(waiting, NeedsProof)
    assert WouldDo.POWER_OFF in waiting.would_do
    every_s = HighAvailability().power_every_s
    assert isinstance(Asked(power=Word.SILENT, asked_at=NOW - every_s).decided(), ReadPower)


def test_one_reading_of_off_is_followed_by_another() -> None:
    assert isinstance(Asked(Condition.FAILED, Word.OFF, off_at=NOW - 0.5).decided(), Hold)
    assert isinstance(Asked(Condition.FAILED, Word.OFF, off_at=NOW - APART_S).decided(), ReadPower)


def test_silent_host_with_power_is_fenced() -> None:
    assert isinstance(Asked().decided(), Fence)


def test_policy_without_fencing_needs_a_proof() -> None:
    assert why(Asked(rule=HighAvailability(fence=False)).decided()) == "ha.fence-off"


BRAKED = {
    "ha.fresh-lease": Asked(storage=Word.ANSWERS),
    "ha.cold": Asked(cold_at=NOW - 299),
    "ha.dark": Asked(silent=6),
    "ha.enough-fences": Asked(fences=(NOW - 599,)),
}


@pytest.mark.parametrize("code", BRAKED)
def test_brake_holds(code: str) -> None:
    decision = BRAKED[code].decided()
    assert why(decision) == "ha.braked"
    assert isinstance(decision, Hold)
    assert code in repr(decision)


@pytest.mark.parametrize(
    "free",
    [
        Asked(cold_at=NOW - 300),
        Asked(silent=5),
        Asked(fences=(NOW - 600,)),
        Asked(fences=(NOW - 5,), hosts=20),
        Asked(silent=6, rule=HighAvailability(dark_percent=60)),
        Asked(cold_at=NOW - 61, rule=HighAvailability(cold_s=60)),
        Asked(fences=(NOW - 61,), rule=HighAvailability(fences_within_s=60)),
    ],
)
def test_brake_lets_go_and_each_number_is_a_setting(free: Asked) -> None:
    assert isinstance(free.decided(), Fence)


def test_brake_does_not_hold_what_is_proven() -> None:
    asked = Asked(proof=OFF, cold_at=NOW - 1, silent=9, fences=(NOW - 1,))
    assert asked.decided() == Recover(OFF)


def test_one_host_may_always_be_fenced() -> None:
    rule = HighAvailability()
    assert [most_fences(rule, hosts) for hosts in (1, 9, 10, 19, 20, 100)] == [1, 1, 1, 1, 2, 10]


def test_recovery_never_comes_without_a_proof_that_stands() -> None:
    """Whatever else is so."""
    lives = [Life(host=H), Life(host=H, life_at=NOW - 15), Life(host=H, on_at=NOW - 5)]
    for condition, power, bmc, proof, life in itertools.product(
        Condition, (Word.ON, Word.OFF, Word.SILENT), (True, False), (None, OFF, SAID), lives
    ):
        asked = Asked(condition, power, bmc=bmc, proof=proof, life=life)
        stands = proof is not None and refuted(proof, life) is None
        recovers = isinstance(asked.decided(), Recover)
        assert recovers == (stands and condition not in ALIVE)


@pytest.mark.parametrize(("first", "second"), [(0.0, 5.0), (5.0, 5.0), (5.0, 5.9), (6.0, 5.0)])
def test_two_readings_that_are_one_prove_nothing(first: float, second: float) -> None:
    with pytest.raises(ValueError, match="apart"):
        PowerOff(host=H, first_at=first, at=second)


@pytest.mark.parametrize(("bound_s", "at"), [(0.0, 1.0), (-1.0, 1.0), (1.0, 0.0), (1.0, -1.0)])
def test_lease_that_ran_out_at_once_proves_nothing(bound_s: float, at: float) -> None:
    def expired(bound_s: float, at: float) -> LeaseExpired:
        return LeaseExpired(
            host=H,
            datastore=DatastoreId("ds"),
            boot="b",
            epoch=1,
            sequence=1,
            bound_s=bound_s,
            watchdog=WatchdogKind.HARDWARE,
            identity="",
            at=at,
        )

    with pytest.raises(ValueError, match="not at once"):
        expired(bound_s, at)
    assert expired(0.5, 0.5).at == 0.5


@pytest.mark.parametrize(("by", "words"), [("", "it burnt"), ("ada", " ")])
def test_statement_has_a_name_and_a_reason(by: str, words: str) -> None:
    with pytest.raises(ValueError, match="name and a reason"):
        Stated(host=H, at=1.0, by=by, words=words, audit=1)


def test_what_a_host_says_of_one_vm_proves_nothing_of_another() -> None:
    said = SaidGone(host=H, vm=VmId("v1"), at=1.0)
    assert proves(said, VmId("v1"), H)
    assert not proves(said, VmId("v2"), H)
    assert not proves(said, VmId("v1"), HostId("h1"))
    assert proves(OFF, VmId("v2"), H)
