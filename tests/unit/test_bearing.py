"""Profiles on servers: which server fits and why others do not, what is judged before a deed."""

import pytest
from msgspec.structs import replace

from anypool.drivers.sim import Shape, SimDriver, build_world
from anypool.engine.runs.bearing import of_server
from anypool.engine.runs.decision import Act, Done, Fail, Memory, Wait
from anypool.engine.runs.migration import Times
from anypool.engine.runs.sight import NO_VOUCH, Sight
from anypool.errors import Conflict, NoPlan
from anypool.model import (
    AdapterKind,
    Adoption,
    Condition,
    HostId,
    Inventory,
    Nic,
    Power,
    Profile,
    ProfileId,
    Server,
    ServerAbility,
    ServerId,
    Stated,
    VmState,
)
from anypool.model.profile import BootWay, FcTarget, Needs, ProfilePort
from anypool.plan import (
    ApplyProfile,
    Plan,
    PowerOffServer,
    PowerOnServer,
    ServerAction,
    Step,
    VerifyServer,
    WithdrawProfile,
    apply,
    outcome,
    reason,
    say,
)
from anypool.plan.check import objections, violations
from anypool.planner.profiles.assign import plan_assign, plan_unassign
from tests.strategies import pool, vm

MAC = "02:00:00:00:00:01"
DB = Profile(
    id=ProfileId("p1"),
    name="db",
    ports=(ProfilePort(id="nic1", kind=AdapterKind.ETHERNET, address=MAC, networks=("net1",)),),
)
OTHER = replace(
    DB, id=ProfileId("p2"), name="web", ports=(replace(DB.ports[0], address=MAC[:-1] + "2"),)
)
FIRST, SECOND = (ServerId(HostId(f"sim-blade{number}")) for number in (1, 2))
TIMES = Times(1.0, 1.0, 300.0)


def world(servers: int = 2, **changes: object) -> Inventory:
    """Spares that are off, each changed alike, and two profiles that no server bears."""
    found = SimDriver(build_world(Shape(servers=servers)), ()).observe().servers
    inventory = pool(1).with_profile(DB).with_profile(OTHER)
    for one in found:
        inventory = inventory.with_server(
            replace(one, spare=True, adoption=Adoption.ADOPTED, **changes)
        )
    return inventory


def borne(inventory: Inventory, server: ServerId = FIRST) -> Inventory:
    """The profile on a server that is on."""
    return outcome(plan_assign(inventory, DB.id, server), inventory)


def changed(inventory: Inventory, key: ServerId, **changes: object) -> Inventory:
    return inventory.with_server(replace(inventory.servers[key], **changes))


def kinds(plan: Plan) -> list[str]:
    return [type(step.action).__name__ for step in plan.steps]


def test_a_plan_is_off_withdraw_write_on_see_and_nothing_speaks_against_it() -> None:
    inventory = world()
    first = plan_assign(inventory, DB.id, FIRST)
    assert kinds(first) == ["ApplyProfile", "PowerOnServer", "VerifyServer"]
    assert objections(first, inventory) == ()
    moved = plan_assign(borne(inventory), DB.id, SECOND)
    assert kinds(moved) == ["PowerOffServer", "WithdrawProfile", *kinds(first)]
    assert objections(moved, borne(inventory)) == ()
    after = outcome(moved, borne(inventory))
    assert (after.profiles[DB.id].server, after.profiles[DB.id].epoch) == (SECOND, 2)
    assert after.servers[FIRST].ports[0].address == after.servers[FIRST].ports[0].permanent
    assert violations(after) == frozenset()


LACKS: list[tuple[dict[str, object], dict[str, object], str]] = [
    ({"needs": Needs(memory_mib=129 * 1024)}, {}, "memory 1 GiB short"),
    ({"needs": Needs(cpus=40)}, {}, "8 threads short"),
    ({"needs": Needs(arch="aarch64")}, {}, "it is x86_64, and aarch64 is needed"),
    ({"ports": (replace(DB.ports[0], networks=("net9", "net1")),)}, {}, "does not reach net9"),
    ({"ports": DB.ports * 3}, {}, "1 port of ethernet short"),
    ({}, {"abilities": frozenset({ServerAbility.POWER})}, "cannot write addresses"),
    ({}, {"abilities": frozenset({ServerAbility.ADDRESSES, ServerAbility.POWER})},
     "no driver here"),
    ({"bios": (("a", "b"),)}, {"abilities": frozenset(ServerAbility) - {ServerAbility.BIOS}},
     "its BMC cannot bios"),
    ({"boot": (BootWay.FC,), "fc": (FcTarget(wwpn="50"),)},
     {"abilities": frozenset(ServerAbility) - {ServerAbility.FC_BOOT}}, "its BMC cannot fc-boot"),
]  # fmt: skip


@pytest.mark.parametrize(("wants", "has", "said"), LACKS)
def test_a_server_that_does_not_fit_says_what_it_is_short_of(
    wants: dict[str, object], has: dict[str, object], said: str
) -> None:
    inventory = world(1, **has).with_profile(replace(DB, **wants))
    with pytest.raises(NoPlan) as caught:
        plan_assign(inventory, DB.id, FIRST)
    assert said in caught.value.message
    with pytest.raises(NoPlan) as caught:
        plan_assign(inventory, DB.id, None)
    assert said in caught.value.refusals["blade1"]


AWAY: list[tuple[dict[str, object], str]] = [
    ({"spare": False}, "it is no spare"),
    ({"pool": "far"}, "in the pool far"),
    ({"health": Condition.CRITICAL}, "something in it is broken"),
    ({"power": Power.UNKNOWN}, "nobody knows"),
    ({"power": Power.ON}, "may be in use"),
    ({"adoption": Adoption.IGNORED}, "is ignored, not adopted"),
    ({"adoption": Adoption.FOUND}, "is found, not adopted"),
    ({"bears": "p9@3"}, "bears p9@3"),
]


@pytest.mark.parametrize(("changes", "said"), AWAY)
def test_a_server_that_is_not_to_be_had_says_why(changes: dict[str, object], said: str) -> None:
    inventory = world(1)
    with pytest.raises(NoPlan) as caught:
        plan_assign(changed(inventory, FIRST, **changes), DB.id, None)
    assert said in caught.value.refusals["blade1"]


def test_the_spare_that_is_least_too_large_is_chosen() -> None:
    inventory = changed(world(3), FIRST, memory_mib=512 * 1024)
    inventory = changed(inventory, SECOND, health=Condition.WARNING)
    plan = plan_assign(inventory, DB.id, None)
    assert plan.steps[0].action.server == "sim-blade3"  # type: ignore[union-attr]
    assert "of 3 that fit" in say(plan.steps[0].why)


def test_a_server_that_runs_vms_keeps_running() -> None:
    """A hypervisor is a spare only once it is empty and closed."""
    inventory = world(1)
    host = replace(inventory.hosts[HostId("h0")], id=HostId(FIRST), name="blade1")
    busy = changed(inventory, FIRST, power=Power.ON).with_host(host)
    busy = busy.with_vm(vm(1, FIRST, state=VmState.RUNNING))
    with pytest.raises(Conflict, match="runs 1 VM"):
        plan_assign(busy, DB.id, FIRST)
    with pytest.raises(Conflict, match="open for VMs"):
        plan_assign(busy.without_vm(vm(1, None).id), DB.id, FIRST)
    closed = busy.without_vm(vm(1, None).id).with_host(replace(host, maintenance=True))
    assert kinds(plan_assign(closed, DB.id, None))[0] == "PowerOffServer"


def plan_of(*actions: ServerAction) -> Plan:
    steps = tuple(
        Step(number=n, action=one, why=reason("bear.starts"), after=frozenset(range(1, n)))
        for n, one in enumerate(actions, 1)
    )
    return Plan(goal="bad", steps=steps)


def write(server: ServerId, epoch: int = 1, profile: Profile = DB) -> ApplyProfile:
    return ApplyProfile(profile=profile.id, server=server, epoch=epoch)


def gone(epoch: int = 1, **changes: object) -> WithdrawProfile:
    return replace(WithdrawProfile(profile=DB.id, server=FIRST, epoch=epoch), **changes)


LIAR = Stated(host=SECOND, at=1.0, by="ada", words="burnt", audit=1)
BAD: list[tuple[Plan, bool, str]] = [
    (plan_of(write(SECOND, 2)), True, "check.profile-taken"),
    (plan_of(gone()), True, "check.not-seen-off"),
    (plan_of(gone(stated=LIAR)), True, "check.not-seen-off"),
    (plan_of(PowerOffServer(server=FIRST), gone(2)), True, "check.profile-late"),
    (plan_of(write(FIRST, 1, OTHER)), True, "check.bears-two"),
    (plan_of(write(FIRST, 5)), False, "check.profile-late"),
    (plan_of(write(ServerId(HostId("nobody")))), False, "check.server-gone"),
    (plan_of(write(FIRST), PowerOnServer(server=FIRST), write(SECOND, 2)), False,
     "check.address-twice"),
]  # fmt: skip


@pytest.mark.parametrize(("plan", "is_borne", "code"), BAD)
def test_a_plan_that_breaks_the_iron_rule_is_refused(plan: Plan, is_borne: bool, code: str) -> None:
    inventory = borne(world()) if is_borne else world()
    assert code in {one.code for one in objections(plan, inventory)}


def test_a_step_that_does_not_wait_for_the_power_off_is_refused() -> None:
    """Steps that wait for nothing may run at once: the order in the plan is none."""
    good = plan_assign(borne(world()), DB.id, SECOND)
    loose = replace(good, steps=tuple(replace(one, after=frozenset()) for one in good.steps))
    assert {one.code for one in objections(loose, borne(world()))} == {"check.not-seen-off"}


def test_an_address_on_two_servers_is_a_violation() -> None:
    inventory = borne(world())
    port = replace(inventory.servers[SECOND].adapters[0].ports[0], address=MAC)
    adapter = replace(inventory.servers[SECOND].adapters[0], ports=(port,))
    twice = changed(inventory, SECOND, adapters=(adapter,), power=Power.ON)
    assert {one.code for one in violations(twice)} == {"check.address-twice"}


def sight(inventory: Inventory, power: Power, *, proven: bool = True) -> Sight:
    return Sight(inventory=inventory, power=power, void=None if proven else NO_VOUCH)


def judged(action: ServerAction, seen: Sight, *, sent: bool = False, acked: bool = False) -> object:
    return of_server(action, seen, (Memory(sent=sent), TIMES), acked=acked)


def test_a_profile_leaves_only_what_was_read_as_off_twice() -> None:
    on, off = borne(world()), apply(PowerOffServer(server=FIRST), borne(world()))
    assert isinstance(judged(gone(), sight(on, Power.ON)), Fail)
    assert isinstance(judged(gone(), sight(on, Power.UNKNOWN)), Wait)
    once = judged(gone(), sight(off, Power.OFF, proven=False))
    assert isinstance(once, Wait)
    assert once.why is not None
    assert once.why.code == "run.profile-second"
    assert isinstance(judged(gone(), sight(off, Power.OFF)), Act)
    assert isinstance(judged(gone(2), sight(off, Power.OFF)), Fail)


def test_a_statement_that_does_not_stand_keeps_a_profile_where_it_is() -> None:
    said = replace(LIAR, host=FIRST)
    seen = replace(sight(borne(world()), Power.UNKNOWN), void=reason("ha.lives", host="blade1"))
    assert isinstance(judged(gone(stated=said), seen), Fail)
    assert isinstance(judged(gone(stated=said), replace(seen, void=None)), Done)


def test_a_profile_is_written_only_into_a_server_that_is_off_and_free() -> None:
    inventory = world()
    assert isinstance(judged(write(FIRST), sight(inventory, Power.OFF)), Act)
    assert isinstance(judged(write(FIRST), sight(inventory, Power.ON)), Fail)
    assert isinstance(judged(write(FIRST), sight(inventory, Power.UNKNOWN)), Wait)
    assert isinstance(judged(write(FIRST, 2), sight(inventory, Power.OFF)), Fail)
    elsewhere = borne(world(), SECOND)
    assert isinstance(judged(write(FIRST, 2), sight(elsewhere, Power.OFF)), Fail)
    has_other = inventory.with_profile(replace(OTHER, server=FIRST, epoch=1))
    assert isinstance(judged(write(FIRST), sight(has_other, Power.OFF)), Fail)


def test_nothing_is_written_while_a_vm_or_another_server_uses_the_address() -> None:
    inventory = world()
    taken = inventory.with_vm(vm(1, "h0", nics=(Nic(mac=MAC),)))
    refused = judged(write(FIRST), sight(taken, Power.OFF))
    assert isinstance(refused, Fail)
    assert refused.why.code == "run.address-twice"
    rogue = inventory.servers[SECOND]
    port = replace(rogue.adapters[0].ports[0], address=MAC)
    rogue = replace(rogue, power=Power.ON, adapters=(replace(rogue.adapters[0], ports=(port,)),))
    assert isinstance(judged(write(FIRST), sight(inventory.with_server(rogue), Power.OFF)), Fail)


def test_what_was_written_and_acknowledged_is_seen_before_it_counts() -> None:
    before, after = world(), apply(write(FIRST), world())
    owned = before.with_profile(after.profiles[DB.id])
    assert isinstance(judged(write(FIRST), sight(owned, Power.OFF), sent=True), Act)
    assert isinstance(judged(write(FIRST), sight(after, Power.OFF), sent=True), Done)
    see = VerifyServer(server=FIRST, profile=DB.id, epoch=1)
    assert isinstance(judged(see, sight(after, Power.OFF)), Wait)
    assert isinstance(judged(see, sight(after, Power.ON)), Done)
    assert isinstance(judged(see, sight(owned, Power.ON)), Wait)


def test_a_server_without_a_mark_is_known_by_its_addresses() -> None:
    """BMCs that cannot keep the mark show the addresses alone."""
    marked = apply(write(FIRST), world())
    plain: Server = replace(marked.servers[FIRST], bears="")
    see = VerifyServer(server=FIRST, profile=DB.id, epoch=1)
    assert isinstance(judged(see, sight(marked.with_server(plain), Power.ON)), Done)


def test_taking_a_profile_that_nobody_has_is_refused() -> None:
    with pytest.raises(Conflict, match="no server bears db"):
        plan_unassign(world(), DB.id)
    with pytest.raises(Conflict, match="bears it already"):
        plan_assign(borne(world()), DB.id, FIRST)
