"""From what servers are to what they are to be: who comes where, in which order, what is not."""

import pytest
from msgspec.structs import replace

from anypool.errors import Conflict, NoPlan
from anypool.model import (
    Component,
    Condition,
    Failover,
    HostId,
    Inventory,
    Pinned,
    Policy,
    PolicyId,
    Power,
    Profile,
    ProfileId,
    Service,
    ServiceId,
    VmState,
)
from anypool.model.calendar import Calendar, CalendarId, Memory, Purpose, Span
from anypool.plan import MigrateVm, Plan, outcome, say
from anypool.plan.check import objections, violations
from anypool.planner.repurpose.aim import Aim, Hosted, Known, aim_of, remembered
from anypool.planner.repurpose.change import changed as change_to
from anypool.planner.repurpose.change import plan_repurpose
from anypool.planner.repurpose.preview import Asked, preview
from anypool.planner.rules import NO_RULES, Rulebook
from anypool.planner.wish import Inputs, Terms, decode_inputs, encode_inputs, planned
from anypool.planner.wishes import Repurpose
from tests.strategies import vm
from tests.unit.test_bearing import DB, FIRST, OTHER, SECOND, borne, changed, kinds, world
from tests.unit.test_failover import THIRD, hosting

WEB = OTHER
BRING = ["ApplyProfile", "PowerOnServer", "VerifyServer"]
TAKE = ["PowerOffServer", "WithdrawProfile"]
ALL = frozenset({FIRST, SECOND, THIRD})


def aim(*wanted: ProfileId, **changes: object) -> Aim:
    values: dict[str, object] = {
        "name": "blades",
        "purpose": "reporting",
        "servers": ALL,
        "wanted": wanted,
        "managed": frozenset({DB.id, WEB.id}),
    }
    return Aim(**(values | changes))  # type: ignore[arg-type]


def checked(inventory: Inventory, wanted: Aim, rules: Rulebook = NO_RULES) -> Plan:
    """The plan, against which nothing speaks, and which leads to what nothing violates."""
    plan = plan_repurpose(inventory, wanted, rules)
    assert objections(plan, inventory, rules.bounds) == ()
    after = outcome(plan, inventory)
    assert violations(after) == frozenset()
    assert (
        change_to(after, replace(wanted, memory=remembered(wanted.memory, plan))).plan.steps == ()
    )
    return plan


def third(number: int = 3) -> Profile:
    port = replace(DB.ports[0], address=f"02:00:00:00:00:{number:02x}")
    return replace(DB, id=ProfileId(f"p{number}"), name=f"more{number}", ports=(port,))


def test_one_leaves_and_is_seen_off_before_another_comes() -> None:
    inventory = borne(world(1))
    plan = checked(inventory, aim(WEB.id, servers=frozenset({FIRST})))
    assert kinds(plan) == [*TAKE, *BRING]
    assert [sorted(step.after) for step in plan.steps] == [[], [1], [2], [3], [4]]
    assert outcome(plan, inventory).profiles[WEB.id].server == FIRST


def test_where_all_is_as_wanted_nothing_is_done() -> None:
    plan = plan_repurpose(borne(world(2)), aim(DB.id))
    assert plan.steps == ()
    assert plan.aim is not None
    assert plan.aim.code == "aim.repurposed"


def test_what_is_wanted_and_borne_stays_also_outside_of_the_group() -> None:
    inventory = borne(world(3))
    plan = checked(inventory, aim(WEB.id, DB.id, servers=frozenset({SECOND, THIRD})))
    assert kinds(plan) == BRING
    assert outcome(plan, inventory).profiles[DB.id].server == FIRST


def test_a_profile_comes_back_to_where_it_was() -> None:
    memory = Memory(homes={DB.id: THIRD})
    plan = checked(world(3), aim(DB.id, memory=memory))
    assert outcome(plan, world(3)).profiles[DB.id].server == THIRD
    assert "was on blade3 before" in say(plan.steps[0].why)


def test_a_profile_of_nobody_here_is_left_alone_with_its_server() -> None:
    inventory = borne(world(1))
    wanted = aim(WEB.id, servers=frozenset({FIRST}), managed=frozenset({WEB.id}))
    with pytest.raises(NoPlan, match="nothing can be done") as caught:
        plan_repurpose(inventory, wanted)
    assert "bears db" in str(caught.value.refusals)


def test_where_servers_are_short_the_most_important_come_and_the_rest_is_told() -> None:
    inventory = world(2).with_profile(third())
    wanted = aim(third().id, WEB.id, DB.id, servers=frozenset({FIRST, SECOND}))
    found = change_to(inventory, wanted)
    after = outcome(found.plan, inventory)
    assert after.profiles[DB.id].server is None
    assert None not in (after.profiles[WEB.id].server, after.profiles[third().id].server)
    (lack,) = found.missing
    assert lack.name == "db"
    assert "no server for db" in say(lack.why)
    assert {one.host for one in found.plan.rejected} == {HostId(FIRST), HostId(SECOND)}


def test_one_that_fits_only_there_gets_the_server_another_would_have_taken() -> None:
    """The more important one has two that fit, the other one only; both find a place."""
    inventory = changed(world(2), SECOND, memory_mib=1024)
    needs = replace(DB.needs, memory_mib=2048)
    inventory = inventory.with_profile(replace(WEB, needs=needs))
    inventory = changed(inventory, FIRST, memory_mib=4096)
    plan = checked(inventory, aim(DB.id, WEB.id, memory=Memory(homes={DB.id: FIRST})))
    after = outcome(plan, inventory)
    assert (after.profiles[DB.id].server, after.profiles[WEB.id].server) == (SECOND, FIRST)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"health": Condition.CRITICAL}, "broken"),
        ({"power": Power.UNKNOWN}, "nobody knows whether"),
        ({"power": Power.ON}, "is on"),
        ({"pool": "far"}, "far"),
        ({"cpus": 0}, "thread short"),
    ],
)
def test_a_server_that_cannot_be_had_says_why(changes: dict[str, object], said: str) -> None:
    inventory = world(1, **changes).with_profile(replace(DB, needs=replace(DB.needs, cpus=1)))
    with pytest.raises(NoPlan) as caught:
        plan_repurpose(inventory, aim(DB.id, servers=frozenset({FIRST})))
    assert said in str(caught.value.refusals)


def test_one_whose_power_nobody_knows_keeps_its_profile_and_that_is_told() -> None:
    inventory = changed(borne(world(2)), FIRST, power=Power.UNKNOWN)
    found = change_to(inventory, aim(WEB.id))
    assert outcome(found.plan, inventory).profiles[DB.id].server == FIRST
    assert outcome(found.plan, inventory).profiles[WEB.id].server == SECOND
    assert [one.name for one in found.missing] == ["db"]


def test_a_hypervisor_is_emptied_first_and_takes_its_vms_back_after() -> None:
    inventory = hosting(world(2), SECOND, FIRST)
    only = frozenset({SECOND})
    plan = checked(inventory, aim(DB.id, servers=only))
    assert kinds(plan) == ["MigrateVm"] * 3 + ["EnterMaintenance", "PowerOffServer", *BRING]
    off = plan.steps[4]
    assert off.after == {4}
    during, memory = outcome(plan, inventory), remembered(Memory(), plan)
    assert memory.closed == {HostId(SECOND)}
    assert len(memory.away) == 3
    back = checked(during, aim(servers=only, hosts=True, memory=memory))
    assert kinds(back) == [
        *TAKE, "PowerOnServer", "VerifyHost", "LeaveMaintenance", *["MigrateVm"] * 3
    ]  # fmt: skip
    after = outcome(back, during)
    assert {one.host for one in after.vms.values()} == {HostId(SECOND)}
    assert not after.hosts[HostId(SECOND)].maintenance
    assert remembered(memory, back).away == ()


def test_a_hypervisor_that_people_closed_is_neither_taken_nor_opened() -> None:
    inventory = hosting(world(2), SECOND, FIRST, vms=0)
    closed = replace(inventory.hosts[HostId(SECOND)], maintenance=True)
    inventory = inventory.with_host(closed)
    with pytest.raises(NoPlan) as caught:
        plan_repurpose(inventory, aim(DB.id, servers=frozenset({SECOND})))
    assert "not by this calendar" in str(caught.value.refusals)
    assert plan_repurpose(inventory, aim(servers=frozenset({SECOND}), hosts=True)).steps == ()


def test_two_hypervisors_that_are_needed_do_not_take_each_others_vms() -> None:
    inventory = hosting(world(3), SECOND, THIRD, FIRST)
    plan = checked(inventory, aim(DB.id, WEB.id, servers=frozenset({SECOND, THIRD})))
    moves = [one.action for one in plan if isinstance(one.action, MigrateVm)]
    assert {one.target for one in moves} == {HostId(FIRST)}


def test_a_hypervisor_that_cannot_be_emptied_gives_way_to_one_that_can() -> None:
    inventory = hosting(world(3), SECOND, THIRD, FIRST)
    policy = Policy(id=PolicyId("stay"), scope="name = vm0", rule=Pinned())
    rules = Rulebook.on((policy,), inventory)
    both = aim(DB.id, servers=frozenset({SECOND, THIRD}), memory=Memory(homes={DB.id: SECOND}))
    after = outcome(checked(inventory, both, rules), inventory)
    assert after.profiles[DB.id].server == THIRD
    with pytest.raises(NoPlan) as caught:
        plan_repurpose(inventory, aim(DB.id, servers=frozenset({SECOND})), rules)
    assert "cannot be emptied" in str(caught.value.refusals)


def test_a_profile_as_which_a_server_is_a_hypervisor_leaves_it_emptied_and_opens_it_again() -> None:
    inventory = borne(world(2))
    (like,) = inventory.hosts.values()
    inventory = inventory.with_host(replace(like, maintenance=True))
    for key in (FIRST, SECOND):
        inventory = inventory.with_host(
            replace(like, id=HostId(key), name=inventory.servers[key].name)
        )
    inventory = changed(inventory, SECOND, power=Power.ON).with_vm(vm(1, FIRST))
    only = frozenset({FIRST})
    plan = checked(inventory, aim(WEB.id, servers=only))
    assert kinds(plan) == ["MigrateVm", "EnterMaintenance", *TAKE, *BRING]
    memory = remembered(Memory(), plan)
    assert memory.opens == {DB.id}
    during = outcome(plan, inventory)
    back = checked(during, aim(DB.id, servers=only, memory=memory))
    assert kinds(back) == [*TAKE, *BRING, "VerifyHost", "LeaveMaintenance", "MigrateVm"]


def test_an_extra_profile_takes_the_server_of_one_that_yields_and_no_other() -> None:
    more = third()
    inventory = world(2).with_profile(more)
    both = aim(DB.id, WEB.id, servers=frozenset({FIRST, SECOND}),
               managed=frozenset({DB.id, WEB.id, more.id}))  # fmt: skip
    inventory = outcome(plan_repurpose(inventory, both), inventory)
    place = inventory.profiles[WEB.id].server
    hot = replace(both, wanted=(DB.id, more.id), yielding=(WEB.id,))
    found = change_to(inventory, hot)
    after = outcome(found.plan, inventory)
    assert objections(found.plan, inventory) == ()
    assert kinds(found.plan) == [*TAKE, *BRING]
    assert after.profiles[more.id].server == place
    assert found.missing == (), "it gave it up, as it is to"
    back = replace(both, memory=remembered(Memory(), found.plan))
    assert outcome(plan_repurpose(after, back), after).profiles[WEB.id].server == place


def test_an_extra_profile_takes_a_free_server_before_one_that_yields() -> None:
    more = third()
    inventory = world(3).with_profile(more)
    managed = frozenset({DB.id, WEB.id, more.id})
    inventory = outcome(plan_repurpose(inventory, aim(DB.id, WEB.id, managed=managed)), inventory)
    hot = aim(DB.id, more.id, yielding=(WEB.id,), managed=managed)
    plan = checked(inventory, hot)
    assert kinds(plan) == BRING


def service(*names: str) -> Service:
    parts = tuple(
        Component(name=name, vms=(name,), after=names[:number]) for number, name in enumerate(names)
    )
    return Service(id=ServiceId("night"), components=parts)


def test_a_service_stops_in_order_before_hosts_are_emptied_and_starts_at_the_end() -> None:
    inventory = hosting(world(2), SECOND, FIRST, vms=2)
    night = service("vm0", "vm1")
    hosted = Hosted(service=night, members={"vm0": (vm(0, None).id,), "vm1": (vm(1, None).id,)})
    plan = checked(inventory, aim(DB.id, servers=frozenset({SECOND}), stop=(hosted,)))
    assert kinds(plan) == ["StopVm", "StopVm", "EnterMaintenance", "PowerOffServer", *BRING]
    assert plan.steps[1].after == {1}
    assert plan.steps[2].after == {2}
    during, memory = outcome(plan, inventory), remembered(Memory(), plan)
    wake = aim(servers=frozenset({SECOND}), hosts=True, start=(hosted,), memory=memory)
    back = checked(during, wake)
    assert kinds(back)[-3:] == ["LeaveMaintenance", "StartVm", "StartVm"]
    opened = len(back.steps) - 2
    assert opened in back.steps[-2].after
    assert {one.state for one in outcome(back, during).vms.values()} == {VmState.RUNNING}


def calendar(**changes: object) -> Calendar:
    values: dict[str, object] = {
        "id": CalendarId("blades"),
        "servers": "name in (blade1, blade2)",
        "zone": "UTC",
        "purposes": (
            Purpose(name="production", profiles=(DB.id,)),
            Purpose(name="reporting", profiles=(WEB.id,)),
        ),
        "spans": (Span(purpose="production", when="mon-fri"),),
        "otherwise": "reporting",
    }
    return Calendar(**(values | changes))  # type: ignore[arg-type]


MONDAY = 1_795_996_800.0


def foreseen(made: Calendar, inventory: Inventory, rules: Rulebook = NO_RULES) -> list[str]:
    """Return for each stretch what it wants and who bears what then, or why that cannot be."""
    asked = Asked(
        calendar=made, known=Known(inventory), rules=rules, terms=Terms(waive=False),
        begin=MONDAY + 3600, end=MONDAY + 7 * 86_400 + 1,
    )  # fmt: skip
    found = []
    for one in preview(asked):
        there = " ".join(bears.profile or "-" for bears in one.bears)
        told = "; ".join(say(lack.why) for lack in one.missing)
        against = "" if one.against is None else say(one.against)
        found.append(" | ".join(filter(None, (one.stretch.purpose, there, told, against))))
    return found


def test_the_week_is_foreseen_each_change_on_what_the_one_before_left() -> None:
    assert foreseen(calendar(), world(2)) == [
        "production | db -", "reporting | - web", "production | db -"
    ]  # fmt: skip


def test_what_a_week_would_be_refused_is_told_and_the_rest_of_it_goes_on() -> None:
    inventory = hosting(world(2), FIRST, SECOND, vms=1)
    must = Policy(id=PolicyId("one"), scope="name in (blade1, blade2)", rule=Failover(failures=1))
    rules = Rulebook.on((must,), inventory)
    found = foreseen(calendar(servers="name = blade1"), inventory, rules)
    assert len(found) == 3
    assert all("failure" in one for one in found), found


def test_an_aim_is_made_of_what_there_is_and_lacks_are_refused() -> None:
    made = calendar(purposes=(Purpose(name="production", profiles=(DB.id, ProfileId("gone"))),),
                    otherwise="production", spans=())  # fmt: skip
    assert aim_of(made, "production", 0, Known(world(2))).wanted == (DB.id,)
    served = replace(made, purposes=(Purpose(name="production", services=(ServiceId("x"),)),))
    with pytest.raises(Conflict, match="no service x"):
        aim_of(served, "production", 0, Known(world(2)))


def test_a_change_is_made_again_from_what_was_kept_of_it() -> None:
    inventory = borne(world(2))
    memory = Memory(homes={WEB.id: SECOND}, closed=frozenset({HostId("h9")}))
    inputs = Inputs(wish=Repurpose(aim=aim(WEB.id, memory=memory)), terms=Terms())
    plan = planned(inputs, inventory, NO_RULES)
    assert planned(decode_inputs(encode_inputs(inputs, plan)), inventory, NO_RULES) == plan
