"""Profiles come to simulated servers and leave them, by the real engine under simulated time.

The world itself judges: no address is ever in use on two servers that are on.
"""

from pathlib import Path

import pytest
from msgspec.structs import replace

from anypool.drivers import Driver
from anypool.drivers.observing import guarded
from anypool.drivers.sim import BmcMood, Fault, FaultKind, Shape, SimDriver
from anypool.drivers.sim.racked import double_addresses, set_server
from anypool.errors import Conflict, NoPlan
from anypool.model import (
    AdapterKind,
    Adoption,
    Endpoint,
    EndpointId,
    HostId,
    Power,
    Probe,
    Profile,
    ProfileId,
    RunId,
    ServerAbility,
    ServerId,
)
from anypool.model.address import AddressKind, AddressRange
from anypool.model.profile import ProfilePort
from anypool.plan import Plan, PowerOnServer, Step, digest, reason
from anypool.planner.profiles.assign import plan_assign, plan_unassign
from anypool.store import act, ha
from anypool.store.records import RunState, ServerFacts, StepState
from tests.simulation.pool import SimPool
from tests.simulation.yard import Yard

SHAPE = Shape(hosts=1, vms=1, servers=3)
RACK = EndpointId("rack")
DB = ProfileId("profile-db")
FIRST, SECOND, THIRD = (ServerId(HostId(f"sim-blade{number}")) for number in (1, 2, 3))


def facts_of(server: ServerId, *, spare: bool = True) -> ServerFacts:
    return ServerFacts(server=server, spare=spare, adoption=Adoption.ADOPTED)


class Rack(SimPool):
    """The hosts of a world, and its physical servers behind an endpoint of their own."""

    def endpoints(self) -> list[Endpoint]:
        return [*super().endpoints(), Endpoint(id=RACK, driver="sim", uri="sim://world/servers")]

    def driver(self, endpoint: Endpoint, secret: str = "") -> Driver:
        if endpoint.id != RACK:
            return super().driver(endpoint, secret)
        if endpoint not in self._drivers:
            self._drivers[endpoint] = SimDriver(self.world, (), endpoint=RACK, pool=endpoint.pool)
        return guarded(endpoint, self._drivers[endpoint])


class Racked(Yard):
    """A yard with three blades and a profile."""

    def _pool(self) -> Rack:
        return Rack(self.world)

    def furnish(self) -> None:
        """Make a range, a profile of two MACs and a WWN, and a spare of each blade."""
        book = self.engine.servers.profiles
        for name, kind, first in (("lan", "mac", "02:00:00:00:00:01"),
                                  ("san", "wwn", "50:01:00:00:00:00:00:01")):  # fmt: skip
            last = first[:-2] + "ff"
            one = AddressRange(id=name, kind=AddressKind(kind), first=first, last=last)
            book.add_range(one, "ada")
        ports = (
            ProfilePort(id="nic1", kind=AdapterKind.ETHERNET, address="", networks=("net1",)),
            ProfilePort(id="nic2", kind=AdapterKind.ETHERNET, address=""),
            ProfilePort(id="hba1", kind=AdapterKind.FC, address="", networks=("fabric-a",)),
        )
        book.add(Profile(id=DB, name="db", ports=ports), ("", ""), "ada")
        for server in (FIRST, SECOND, THIRD):
            self.engine.servers.set_facts(facts_of(server), "ada")

    @property
    def profile(self) -> Profile:
        return self.engine.inventory.profiles[DB]

    def assign(self, server: ServerId | None = None, *, force: bool = False) -> RunId:
        return self.begin(plan_assign(self.engine.inventory, DB, server, force=force))

    def check_once(self) -> None:
        """No address was ever on two servers that were on; the owner alone bears the profile."""
        assert double_addresses(self.world) == ()
        with self.world.turn() as state:
            bear = {key for key, row in state.servers.rows.items() if row.server.bears}
            owner = self.profile.server
            assert bear <= ({owner} if owner else set())
            for key, row in state.servers.rows.items():
                own = all(port.address == port.permanent for port in row.server.ports)
                assert own is (key not in bear)


class Answering(Racked):
    """A yard whose world answers when a manager knocks somewhere, also one that has just begun."""

    def restart(self) -> None:
        super().restart()
        self.hear()

    def hear(self) -> None:
        self.engine._runner._eyes.knock = self.knock
        self.engine._runner._hands.knock = self.knock

    def knock(self, probe: Probe, _: str) -> str:
        """Return "" if somebody answers there, else what was found instead."""
        raise NotImplementedError


@pytest.fixture
def yard(tmp_path: Path) -> Racked:
    made = Racked(tmp_path, shape=SHAPE)
    made.furnish()
    return made


def powered(yard: Racked, server: ServerId) -> bool:
    with yard.world.turn() as state:
        return state.servers.rows[server].powered


def test_a_profile_comes_to_a_server_and_moves_to_another(yard: Racked) -> None:
    assert yard.finish(yard.assign(FIRST)).state is RunState.DONE
    assert (yard.profile.server, yard.profile.epoch, powered(yard, FIRST)) == (FIRST, 1, True)
    assert yard.engine.inventory.servers[FIRST].bears == f"{DB}@1"
    run = yard.finish(yard.assign(SECOND))
    assert run.state is RunState.DONE, run
    assert (yard.profile.server, yard.profile.epoch) == (SECOND, 2)
    assert (powered(yard, FIRST), powered(yard, SECOND)) == (False, True)
    yard.check_once()
    first, second = yard.engine.servers.profiles.history(DB)[::-1]
    assert (first.server, first.proof) == (FIRST, "its power was read as off twice")
    assert (second.server, second.ended_at) == (SECOND, 0.0)
    assert yard.finish(yard.begin(plan_unassign(yard.engine.inventory, DB))).state is RunState.DONE
    assert yard.profile.server is None
    yard.check_once()


def test_a_profile_does_not_leave_a_server_that_nobody_sees_to_be_off(yard: Racked) -> None:
    """Its BMC takes the order and does nothing: the address stays where it is."""
    yard.finish(yard.assign(FIRST))
    set_server(yard.world, FIRST, bmc=BmcMood.STUCK)
    run = yard.finish(yard.assign(SECOND, force=True))
    assert run.state in (RunState.NEEDS_HUMAN, RunState.FAILED)
    assert yard.profile.server == FIRST
    assert not powered(yard, SECOND)
    yard.check_once()


def test_a_profile_does_not_leave_a_server_whose_bmc_is_silent(yard: Racked) -> None:
    yard.finish(yard.assign(FIRST))
    set_server(yard.world, FIRST, bmc=BmcMood.DEAD)
    run = yard.finish(yard.assign(SECOND, force=True))
    assert run.state in (RunState.NEEDS_HUMAN, RunState.FAILED)
    assert (yard.profile.server, powered(yard, SECOND)) == (FIRST, False)
    yard.check_once()


def test_a_person_s_word_lets_it_leave_a_dead_server(yard: Racked) -> None:
    yard.finish(yard.assign(FIRST))
    set_server(yard.world, FIRST, bmc=BmcMood.DEAD, powered=False)
    act.begin(act.Act(who="ada", role="operator", proof="session", deed="CONFIRM_DEATH"))
    at = yard.engine.vitals.moments.now()
    with yard.store.store.writing() as tx:
        said = ha.state(tx, FIRST, at, "burnt")
    act.begin(None)
    yard.engine.vitals.state(said)
    plan = plan_assign(yard.engine.inventory, DB, SECOND, said)
    assert yard.finish(yard.begin(plan)).state is RunState.DONE
    assert yard.profile.server == SECOND
    assert "ada says that it is dead: burnt" in [
        one.proof for one in yard.engine.servers.profiles.history(DB)
    ]
    assert double_addresses(yard.world) == ()


def test_a_server_that_was_said_to_be_dead_is_not_switched_on_with_old_addresses(
    yard: Racked,
) -> None:
    """It comes back with what was written into it: switching it on is refused."""
    test_a_person_s_word_lets_it_leave_a_dead_server(yard)
    set_server(yard.world, FIRST, bmc=BmcMood.WORKS)
    yard.engine.observe_now(HostId("sim-h1"))
    step = Step(number=1, action=PowerOnServer(server=FIRST), why=reason("bear.starts"))
    plan = Plan(goal="wake it", steps=(step,), based_on=digest(yard.engine.inventory))
    with pytest.raises(Conflict, match="two places"):
        yard.begin(plan)
    assert not powered(yard, FIRST)


@pytest.mark.parametrize("operation", ["apply_identity", "withdraw_identity", "power_on_host",
                                       "power_off_host"])  # fmt: skip
@pytest.mark.parametrize("kind", [FaultKind.LOST_ANSWER, FaultKind.UNREACHABLE])
def test_lost_answers_do_no_harm(yard: Racked, operation: str, kind: FaultKind) -> None:
    yard.finish(yard.assign(FIRST))
    yard.world.inject(Fault(kind=kind, operation=operation))
    assert yard.finish(yard.assign(SECOND)).state is RunState.DONE
    assert yard.profile.server == SECOND
    yard.check_once()


def moved(folder: Path, crash_at: tuple[int, str]) -> Racked:
    folder.mkdir()
    yard = Racked(folder, shape=SHAPE)
    yard.furnish()
    yard.finish(yard.assign(FIRST))
    run = yard.assign(SECOND)
    yard.store.writes, yard.store.crash_at = 0, crash_at
    assert yard.finish(run).state is RunState.DONE
    assert (yard.profile.server, yard.profile.epoch) == (SECOND, 2)
    yard.check_once()
    yard.close()
    return yard


def test_a_manager_that_dies_at_any_write_goes_on(tmp_path: Path) -> None:
    writes = moved(tmp_path / "whole", (0, "")).store.writes
    assert writes > 5
    for number in range(1, writes + 1):
        for side in ("before", "after"):
            assert moved(tmp_path / f"{number}-{side}", (number, side)).crashes == 1


def test_the_best_spare_is_taken_and_all_others_say_why_not(yard: Racked) -> None:
    yard.finish(yard.assign(FIRST))
    plan = plan_assign(yard.engine.inventory, DB, None)
    assert [step.action.server for step in plan.steps][-1] == SECOND  # type: ignore[union-attr]
    assert {one.host: one.why.code for one in plan.rejected} == {FIRST: "bear.itself"}
    yard.engine.servers.set_facts(facts_of(SECOND, spare=False), "ada")
    assert plan_assign(yard.engine.inventory, DB, None).steps[-1].action.server == THIRD  # type: ignore[union-attr]
    yard.engine.servers.set_facts(facts_of(THIRD, spare=False), "ada")
    with pytest.raises(NoPlan, match="no spare fits db"):
        plan_assign(yard.engine.inventory, DB, None)


def test_where_a_bmc_cannot_write_addresses_the_server_boots_as_the_profile(yard: Racked) -> None:
    """The netboot variant: the same plan, and the server keeps its own addresses."""
    book = yard.engine.servers.profiles
    lan_only = ProfilePort(id="nic1", kind=AdapterKind.ETHERNET, address="")
    web = ProfileId("profile-web")
    book.add(Profile(id=web, name="web", ports=(lan_only,)), ("", ""), "ada")
    with yard.world.turn() as state:
        for key, row in tuple(state.servers.rows.items()):
            less = row.server.abilities - {ServerAbility.ADDRESSES}
            state.servers.put(key, replace(row, server=replace(row.server, abilities=less)))
    yard.engine.observe_now(HostId("sim-h1"))
    yard.engine._observer.read(RACK)
    with pytest.raises(NoPlan, match="cannot boot from the network"):
        plan_assign(yard.engine.inventory, DB, FIRST)
    assert yard.finish(yard.begin(plan_assign(yard.engine.inventory, web, FIRST))).state is (
        RunState.DONE
    )
    with yard.world.turn() as state:
        row = state.servers.rows[FIRST]
    assert (row.server.entered, row.server.bears, row.booted) == (f"{web}@1", "", "Pxe")
    run = yard.begin(plan_assign(yard.engine.inventory, web, SECOND))
    assert yard.finish(run).state is RunState.DONE
    assert [step.state for step in yard.steps(run)] == [StepState.DONE] * 5
    assert double_addresses(yard.world) == ()


def test_two_plans_for_one_profile_do_not_both_run(yard: Racked) -> None:
    first = plan_assign(yard.engine.inventory, DB, FIRST)
    second = plan_assign(yard.engine.inventory, DB, SECOND)
    run = yard.begin(first)
    with pytest.raises(Conflict, match="two servers"):
        yard.begin(second)
    assert yard.finish(run).state is RunState.DONE
    yard.check_once()
    assert yard.engine.inventory.servers[FIRST].power is Power.ON
