"""What happened at 03:12: every observation, decision, proof and deed of an incident, in order."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from anypool.drivers.sim import BmcMood
from anypool.engine.ha.chronicle import QUIET_S
from anypool.errors import NotFound
from anypool.model import HostId, VmState
from anypool.service.access import Principal
from anypool.service.incidents import Entry, Incident, Incidents, TimeLine
from anypool.store import events
from anypool.store.pages import Ask
from anypool.store.records import Role
from tests.simulation.ha_yard import RULE, HaYard, guarded
from tests.simulation.test_ha_vms import put

ADA = Principal(name="ada", role=Role.VIEWER, proof="session")


@pytest.fixture
def yard(tmp_path: Path) -> Iterator[HaYard]:
    yield from guarded(tmp_path)


def cases(yard: HaYard) -> Incidents:
    return Incidents(yard.engine, yard.store)  # type: ignore[arg-type]


def incidents(yard: HaYard) -> tuple[Incident, ...]:
    return cases(yard).list(ADA)


def line(yard: HaYard) -> TimeLine:
    return cases(yard).time_line(ADA, incidents(yard)[0].id)


def codes(entries: tuple[Entry, ...]) -> list[str]:
    return [one.message if one.said is None else one.said.code for one in entries]


def dead_and_back(yard: HaYard) -> HostId:
    dead = yard.busiest()
    yard.world.kill_host(dead)
    assert yard.pass_(60, yard.all_run)
    yard.world.boot_host(dead)
    yard.pass_(QUIET_S + 20)
    return dead


def test_a_day_on_which_all_is_well_has_no_incident(yard: HaYard) -> None:
    yard.pass_(60)
    assert incidents(yard) == ()


def test_host_that_was_silent_for_a_moment_only_is_no_incident(yard: HaYard) -> None:
    host = yard.busiest()
    yard.world.cut_host(host)
    yard.world.deafen(host)
    yard.pass_(RULE.silent_s - 2)
    yard.world.heal_host(host)
    yard.world.deafen(host, heard=True)
    yard.pass_(60)
    assert incidents(yard) == ()


def test_death_of_a_host_is_told_from_the_first_silence_to_the_last_start(yard: HaYard) -> None:
    began = yard.clock.now()
    dead = dead_and_back(yard)
    found = line(yard)
    assert [one.at for one in found.entries] == sorted(one.at for one in found.entries)
    assert found.incident.began_at == pytest.approx(began, abs=3)
    assert found.incident.ended_at > found.incident.began_at
    told = codes(found.entries)
    silent, proven = told.index("ha.saw"), told.index("ha.proven")
    fenced, started = told.index("aim.fence"), told.index("aim.restart")
    assert silent < fenced < proven < started
    assert told[-1] == "incident.ended"
    assert told.count("incident.began") == 1
    whats = {one.what for one in found.entries}
    assert {"observation", "decision", "proof", "plan", "deed"} <= whats
    paths = {one.source for one in found.entries if one.what == "observation"}
    assert {"management", "data", "bmc"} <= paths
    assert all(one.source for one in found.entries)
    assert found.whole
    hosts = {one.subject for one in found.entries if one.what == "proof"}
    assert hosts == {dead}


def test_each_change_is_told_once(yard: HaYard) -> None:
    dead = yard.busiest()
    yard.world.kill_host(dead)
    yard.pass_(60, yard.all_run)
    before = len(line(yard).entries)
    yard.pass_(60)
    after = line(yard).entries
    assert len(after) - before < 6
    with yard.store.store.reading() as tx:
        kept = events.find(tx, Ask(limit=1000)).items
    assert len([one for one in kept if one.kind == "incident.began"]) == 1


def test_incident_outlives_the_manager_that_saw_it_begin(yard: HaYard) -> None:
    dead = yard.busiest()
    yard.world.kill_host(dead)
    yard.pass_(12)
    (first,) = incidents(yard)
    yard.restart()
    assert yard.pass_(120, yard.all_run)
    (again,) = incidents(yard)
    assert again.id == first.id
    told = codes(line(yard).entries)
    assert "aim.restart" in told
    yard.world.boot_host(dead)
    yard.pass_(QUIET_S + 20)
    (over,) = incidents(yard)
    assert over.ended_at


def test_moment_finds_what_went_on_then(yard: HaYard) -> None:
    dead_and_back(yard)
    (one,) = incidents(yard)
    ask = cases(yard)
    middle = (one.began_at + one.ended_at) / 2
    assert ask.list(ADA, at=middle) == (one,)
    assert ask.list(ADA, at=one.began_at - 60) == ()
    assert ask.list(ADA, at=one.ended_at + 60) == ()
    with pytest.raises(NotFound, match="no incident"):
        ask.time_line(ADA, "nothing")


def test_vm_that_fails_alone_is_an_incident_too(yard: HaYard) -> None:
    vm = min(yard.on(yard.busiest()))
    for _ in range(2):
        put(yard, vm, VmState.CRASHED)
        assert yard.pass_(60, lambda: vm in yard.where())
    yard.pass_(QUIET_S + 5)
    told = codes(line(yard).entries)
    assert "ha.ails" in told
    assert "ha.waits-no-more" in told
    assert "aim.restart" in told


def test_what_a_person_said_is_told(yard: HaYard) -> None:
    dead = yard.busiest()
    yard.world.set_bmc(dead, BmcMood.DEAD)
    yard.world.kill_host(dead)
    yard.pass_(20)
    yard.say_dead(dead)
    assert yard.pass_(60, yard.all_run)
    people = [one for one in line(yard).entries if one.what == "person"]
    assert len(people) == 1
    assert people[0].source.startswith("ada")
    assert "the rack burnt" in people[0].message
