"""What a person says of a dead host counts as long as the host shows no life."""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from anypool.drivers.sim import BmcMood
from anypool.errors import Conflict, Invalid, StoreFailed
from anypool.model import HostId, Priority, Restart, Stated
from anypool.planner.ha.detect import Path as Way
from anypool.planner.ha.detect import Word
from anypool.store import Tx, audit, ha
from tests.simulation.ha_yard import HaYard, guarded
from tests.simulation.test_ha import put, starts, stays


@pytest.fixture
def yard(tmp_path: Path) -> Iterator[HaYard]:
    yield from guarded(tmp_path)


def cut_off(yard: HaYard) -> HostId:
    """Cut the busiest host off, and its BMC; return it once it is silent for a while."""
    host = yard.busiest()
    yard.world.set_bmc(host, BmcMood.DEAD)
    yard.world.cut_host(host)
    yard.world.deafen(host)
    yard.pass_(20)
    return host


def test_person_says_that_it_is_dead(yard: HaYard) -> None:
    dead = yard.busiest()
    yard.world.set_bmc(dead, BmcMood.DEAD)
    yard.world.kill_host(dead)
    yard.pass_(60)
    said = yard.say_dead(dead)
    assert yard.pass_(30, yard.all_run)
    assert {one.proof for one in starts(yard)} == {said}
    with yard.store.store.reading() as tx:
        row = audit.get(tx, said.audit)
    assert (row.who, row.role, row.object_id) == ("ada", "operator", dead)
    assert "the rack burnt" in row.detail


def test_host_that_answers_cannot_be_said_to_be_dead(yard: HaYard) -> None:
    with pytest.raises(Conflict, match="answers"):
        yard.say_dead(yard.hosts[0])


def test_one_that_shows_life_or_has_power(yard: HaYard) -> None:
    yard.world.cut_host(yard.hosts[0])
    yard.pass_(20)
    with pytest.raises(Conflict, match="shows life: data"):
        yard.say_dead(yard.hosts[0])
    yard.world.set_bmc(yard.hosts[1], BmcMood.STUCK)
    yard.world.kill_host(yard.hosts[1])
    yard.pass_(20)
    with pytest.raises(Conflict, match="has power"):
        yard.say_dead(yard.hosts[1])


def test_reason_is_needed(yard: HaYard) -> None:
    yard.world.set_bmc(yard.hosts[0], BmcMood.DEAD)
    yard.world.kill_host(yard.hosts[0])
    yard.pass_(20)
    with pytest.raises(Invalid, match="say why"):
        yard.say_dead(yard.hosts[0], " ")


@pytest.mark.parametrize("restarted", [False, True])
def test_life_takes_it_away_for_good(yard: HaYard, *, restarted: bool) -> None:
    host = yard.busiest()
    yard.world.set_bmc(host, BmcMood.DEAD)
    for vm in yard.on(host):
        put(yard, f"never-{vm[:8]}", f'id = "{vm}"', Priority.DISABLED)
    yard.world.cut_host(host)
    yard.world.deafen(host)
    yard.pass_(20)
    yard.say_dead(host)  # who is wrong
    yard.world.heal_host(host)
    yard.second()
    if restarted:
        yard.restart()
    yard.world.cut_host(host)
    for one in yard.engine.policies.all():
        if isinstance(one.rule, Restart):
            yard.engine.policies.remove(one.id, "ada")
    assert stays(yard, host)[1] == "NeedsProof ha.bmc-silent"
    with yard.store.store.reading() as tx:
        assert ha.standing(tx) == ()


def test_life_that_cannot_be_written_down_at_once_takes_it_away_later(
    yard: HaYard, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The database is away when a host shows life of which somebody said that it is dead."""
    host = cut_off(yard)
    said = yard.say_dead(host)  # who is wrong
    vitals = yard.engine.vitals
    refute = vitals.refute

    def away(_: Stated) -> None:
        raise StoreFailed("the database is away")

    monkeypatch.setattr(vitals, "refute", away)
    with suppress(StoreFailed):
        vitals.note(host, Way.DATA, Word.ANSWERS)
    assert vitals.against((said,)) is not None
    monkeypatch.setattr(vitals, "refute", refute)
    yard.guard.round()
    yard.restart()
    assert stays(yard, host)[1] == "NeedsProof ha.bmc-silent"
    with yard.store.store.reading() as tx:
        assert ha.standing(tx) == ()


def test_life_between_the_look_and_the_statement_refutes_it(
    yard: HaYard, monkeypatch: pytest.MonkeyPatch
) -> None:
    host = cut_off(yard)
    state = ha.state

    def lives_meanwhile(tx: Tx, key: HostId, at: float, words: str) -> Stated:
        said = state(tx, key, at, words)
        yard.engine.vitals.note(key, Way.DATA, Word.ANSWERS)
        return said

    monkeypatch.setattr(ha, "state", lives_meanwhile)
    with pytest.raises(Conflict, match="showed life just now"):
        yard.say_dead(host)
    with yard.store.store.reading() as tx:
        assert ha.standing(tx) == ()


def test_statement_outlives_the_manager(yard: HaYard) -> None:
    dead = yard.busiest()
    yard.world.set_bmc(dead, BmcMood.DEAD)
    yard.world.kill_host(dead)
    yard.pass_(20)
    said = yard.say_dead(dead)
    yard.restart()
    assert yard.pass_(60, yard.all_run)
    assert isinstance(said, Stated)
